/** The shell header of the scripts: what starts the runtime, and with which permissions. */

import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "./runtime_environment.ts";
import type { Settings } from "../settings/settings.ts";
import { permissionFlags } from "../settings/sandbox.ts";
import { ExecutableError } from "./program.ts";

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
 * @throws {ExecutableError} when it holds a line break.
 */
export function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/[\r\n\u2028\u2029]/.test(word)) {
    throw new ExecutableError("a line break cannot be in the header");
  }
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The two lines in front of the program. To the shell the second is a command that does nothing
 * (`":"`, with an argument) and one that becomes the runtime; to JavaScript it is a string and a
 * comment. (`#!` alone cannot carry the flags: the kernel cuts it at 256 bytes.)
 *
 * `env -i` keeps out of the runtime whatever the kubelet's environment holds: proxies, further CAs,
 * key logs and the runtime's own switches all act past its permissions.
 *
 * @throws {ExecutableError} when a word holds a line break.
 */
export function scriptHeader(settings: Settings, deno: string): string {
  return shellHeader({ grants: permissionFlags(settings).map(quote), deno });
}
