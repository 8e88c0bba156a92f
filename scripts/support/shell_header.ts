/** The shell header of the scripts: what starts the runtime, and with which permissions. */

import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "../../src/executable/runtime_environment.ts";
import type { Settings } from "../../src/settings/settings.ts";
import { BuildError } from "./bundle.ts";

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
    `--v8-flags=${V8_FLAGS.join()}`,
    ...grants,
    `--ext=js "$0" "$@"`,
  ];
  return `#!/bin/sh\n":" //; ${command.join(" ")}`;
}

/**
 * Quotes a word for the shell where it needs that.
 *
 * @throws {BuildError} when it holds a line break.
 */
export function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/[\r\n\u2028\u2029]/.test(word)) {
    throw new BuildError("a line break cannot stand in the header");
  }
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
