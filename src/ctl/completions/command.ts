/** `crio-credential-ctl completions`: scripts for shells. */

import type { RouteMap } from "@stricli/core";
import type { Shell } from "./scripts.ts";
import type { CtlContext } from "../context.ts";
import { buildCommand, buildRouteMap } from "../../cli/help.ts";

/**
 * The sub-commands, one for each shell.
 *
 * @param tool gives the commands of the tool, of which these are a part.
 */
export function completionsCommands(tool: () => RouteMap<CtlContext>): RouteMap<CtlContext> {
  const command = (shell: Shell, example: string) =>
    buildCommand<Record<never, never>, [], CtlContext>({
      docs: {
        brief: `The script for ${shell}`,
        customUsage: [{ input: example, brief: "for good" }],
      },
      parameters: {},
      func: async function () {
        const { readCommandTable } = await import("./command_table.ts");
        const { formatCompletions } = await import("./scripts.ts");
        this.process.stdout.write(formatCompletions(shell, readCommandTable(tool())));
      },
    });
  return buildRouteMap<string, CtlContext>({
    routes: {
      bash: command("bash", "> /usr/share/bash-completion/completions/crio-credential-ctl"),
      zsh: command("zsh", "> /usr/share/zsh/site-functions/_crio-credential-ctl"),
      fish: command("fish", "> /usr/share/fish/vendor_completions.d/crio-credential-ctl.fish"),
    },
    docs: { brief: "Print completions for bash, zsh and fish" },
  });
}
