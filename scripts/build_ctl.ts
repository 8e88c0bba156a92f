/** Builds the script form of the operator's tool `crio-credential-ctl`. */

import { runBuildCommand } from "./support/build_command_line.ts";
import { buildScriptForm, type ScriptOptions } from "./support/script_form.ts";

/**
 * Builds the tool.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildCtl(options: ScriptOptions = {}): Promise<string> {
  return await buildScriptForm("crio-credential-ctl", options);
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand(
      {
        name: "deno task build-ctl",
        brief: "Build crio-credential-ctl",
        example: "--out /usr/local/bin",
        takes: ["deno"],
      },
      ({ settings, out, deno }) =>
        buildCtl({ settings, ...(out && { out }), ...(deno && { deno }) }),
    ),
  );
}
