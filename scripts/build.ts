/**
 * Builds the script form of the plugin: one executable file, the bundled program behind a shell
 * header whose one line shows the whole sandbox.
 */

import { RUNTIME_ENVIRONMENT } from "../src/runtime_environment.ts";
import { permissionFlags } from "../src/sandbox.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/settings.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundlePlugin, writeExecutable } from "./support/bundle.ts";
import { DIST } from "./support/project.ts";

/** What to build. */
export interface ScriptOptions {
  /** Settings other than the defaults. */
  readonly settings?: Partial<Settings>;
  /** Directory the executable is put into. @default `dist/script` of the project */
  readonly out?: string;
  /** The runtime that the script starts: a path, or a name looked up in `PATH`. @default "deno" */
  readonly deno?: string;
  /** JavaScript to put behind the header in the plugin's place, for tests of the sandbox. */
  readonly program?: string;
}

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

/**
 * The header of a script.
 *
 * @param parts.prelude shell commands that come first, each ended by a semicolon.
 * @param parts.grants permission flags as words of the shell.
 */
export function shellHeader(
  { prelude = "", grants, deno }: {
    readonly prelude?: string;
    readonly grants: readonly string[];
    readonly deno: string;
  },
): string {
  const environment = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) =>
    `${name}=${value}`
  );
  const command = [
    `${prelude}exec /usr/bin/env -i`,
    // Only to find a runtime that is named without its path.
    ...(deno.includes("/") ? [] : [`PATH="$PATH"`]),
    ...environment.map(quote),
    quote(deno),
    "run --no-prompt --no-config --no-lock --no-remote --no-npm --deny-import",
    ...grants,
    `--ext=js "$0" "$@"`,
  ];
  return `#!/bin/sh\n":" //; ${command.join(" ")}`;
}

/** Quotes a word for the shell where it needs that. */
export function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/[\r\n\u2028\u2029]/.test(word)) {
    throw new BuildError("a line break cannot stand in the header");
  }
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task build",
      brief: "Build the script form of crio-credential-provider",
      example: "--apiserver api.example.com:6443 --ca-file /etc/kubernetes/pki/ca.crt",
    }, ({ settings, out, deno, target }) => {
      if (target !== undefined) throw new BuildError("--target is for deno task compile");
      return buildScript({ settings, ...(out && { out }), ...(deno && { deno }) });
    }),
  );
}
