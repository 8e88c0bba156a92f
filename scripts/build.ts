/**
 * Builds the script forms of the plugin and of the operator's tool: each one executable file, the
 * bundled program behind a shell header whose one line shows the whole sandbox.
 */

import { runBuildCommand } from "./support/build_command_line.ts";
import { buildScriptForm, type ScriptOptions } from "./support/script_form.ts";

/**
 * Builds the script form of the plugin.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildScript(options: ScriptOptions = {}): Promise<string> {
  return await buildScriptForm("crio-credential-provider", options);
}

/**
 * Builds the script form of the operator's tool.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildCtl(options: ScriptOptions = {}): Promise<string> {
  return await buildScriptForm("crio-credential-ctl", options);
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task build",
      brief: "Build the script forms of crio-credential-provider and crio-credential-ctl",
      example: "--apiserver api.example.com:6443 --ca-file /etc/kubernetes/pki/ca.crt",
      takes: ["deno"],
    }, async ({ settings, out, deno }) => {
      const options = { settings, ...(out && { out }), ...(deno && { deno }) };
      return `${await buildScript(options)}\n${await buildCtl(options)}`;
    }),
  );
}
