/**
 * Builds the script form of the plugin: one executable file, the bundled program behind a shell
 * header whose one line shows the whole sandbox.
 */

import { permissionFlags } from "../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/settings/settings.ts";
import { buildCtl } from "./build_ctl.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundlePlugin, writeExecutable } from "./support/bundle.ts";
import { DIST } from "./support/project.ts";
import { quote, type ScriptOptions, shellHeader } from "./support/shell_header.ts";

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
  const program = options.program ?? await bundlePlugin(settings);
  await writeExecutable(path, `${header}\n${program}`);
  return path;
}

/**
 * The two lines in front of the program. To the shell the second is a command that does nothing
 * (`":"`, with an argument) and one that becomes the runtime; to JavaScript it is a string and a
 * comment. (`#!` alone cannot carry the flags: the kernel cuts it at 256 bytes.)
 *
 * `env -i` keeps out of the runtime whatever the kubelet's environment holds: proxies, further CAs,
 * key logs and the runtime's own switches all act past its permissions.
 */
export function scriptHeader(settings: Settings, deno: string): string {
  return shellHeader({
    grants: permissionFlags(settings).map(quote),
    deno,
  });
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
