/** What each command of the operator's tool may touch. */

import { PERMISSION_KINDS } from "../settings/sandbox.ts";

type Kind = typeof PERMISSION_KINDS[number];

/** What a command needs of what the tool is built with. A command that is not here needs none of it. */
const NEEDED: ReadonlyMap<string, readonly Kind[]> = new Map([
  ["explain", ["read", "net"]],
  ["doctor", ["read", "net"]],
  ["generate", ["read"]],
  ["bind", ["read", "write"]],
  ["audit", ["read"]],
  ["policy", ["read"]],
]);

/** The one command of `generate` that writes what it makes. */
const INSTALL: readonly Kind[] = ["read", "write"];

/**
 * Gives up what a command does not need. The tool is built with the permissions of all its commands
 * together, and with those to read and to write any file, since the runtime cannot narrow them to what
 * a command line names. A permission that is given up does not come back: nobody is asked.
 *
 * @param args the command line.
 */
export function giveUpPermissions([command = "", subcommand = ""]: readonly string[]): void {
  const isInstall = command === "generate" && subcommand === "install";
  const needed = isInstall ? INSTALL : NEEDED.get(command) ?? [];
  for (const name of PERMISSION_KINDS) {
    if (!needed.includes(name)) Deno.permissions.revokeSync({ name });
  }
}
