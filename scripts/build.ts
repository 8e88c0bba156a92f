/**
 * Builds the script form of the plugin: one executable file, the bundled program behind a shell
 * header whose one line shows the whole sandbox.
 */

import { scriptHeader } from "../src/executable/script_header.ts";
import { DEFAULT_SETTINGS } from "../src/settings/settings.ts";
import { buildCtl } from "./build_ctl.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundleProgram, writeExecutable } from "./support/bundle.ts";
import { DIST } from "./support/project.ts";
import type { ScriptOptions } from "./support/script_options.ts";

/**
 * Builds the script form.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildScript(options: ScriptOptions = {}): Promise<string> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const path = `${options.out ?? `${DIST}/script`}/crio-credential-provider`;
  const header = scriptHeader(settings, options.deno ?? "deno");
  const program = options.program ??
    await bundleProgram("crio-credential-provider", settings);
  await writeExecutable(path, `${header}\n${program}`);
  return path;
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task build",
      brief: "Build the script forms of crio-credential-provider and crio-credential-ctl",
      example: "--apiserver api.example.com:6443 --ca-file /etc/kubernetes/pki/ca.crt",
    }, async ({ settings, out, deno, target }) => {
      if (target !== undefined) throw new BuildError("--target is for deno task compile");
      const options = { settings, ...(out && { out }), ...(deno && { deno }) };
      return `${await buildScript(options)}\n${await buildCtl(options)}`;
    }),
  );
}
