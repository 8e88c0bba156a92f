/** The shell header of the script form: what starts the runtime, and with which permissions. */

import { permissionFlags } from "../settings/sandbox.ts";
import type { Settings } from "../settings/settings.ts";
import { ExecutableError } from "./program.ts";
import { policyOfProgram, type ProgramName } from "./programs.ts";
import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "./runtime_environment.ts";

/**
 * The two lines in front of a program. To the shell the second is a command that does nothing (`":"`,
 * with an argument) and one that becomes the runtime; to JavaScript it is a string and a comment. (`#!`
 * alone cannot carry the flags: the kernel cuts it at 256 bytes.)
 *
 * `env -i` keeps out of the runtime whatever the kubelet's environment holds: proxies, further CAs,
 * key logs and the runtime's own switches all act past its permissions.
 *
 * @param deno the runtime: a path, or a name looked up in `PATH`.
 * @throws {ExecutableError} when a word holds a line break.
 */
export function scriptHeader(name: ProgramName, settings: Settings, deno: string): string {
  const environment = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) =>
    `${name}=${value}`
  );
  const command = [
    "exec /usr/bin/env -i",
    // Only to find a runtime that is named without its path.
    ...(deno.includes("/") ? [] : [`PATH="$PATH"`]),
    ...environment.map(quote),
    quote(deno),
    "run --no-prompt --no-config --no-lock --no-remote --no-npm --deny-import",
    `--v8-flags=${V8_FLAGS.join()}`,
    ...permissionFlags(policyOfProgram(name, settings)).map(quote),
    `--ext=js "$0" "$@"`,
  ];
  return `#!/bin/sh\n":" //; ${command.join(" ")}`;
}

/**
 * Quotes a word for the shell where it needs that.
 *
 * @throws {ExecutableError} when it holds a line break.
 */
function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/[\r\n\u2028\u2029]/.test(word)) {
    throw new ExecutableError("a line break cannot be in the header");
  }
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
