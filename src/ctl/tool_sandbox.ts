/** The sandbox of the operator's tool, which is made in another way in each of its forms. */

import type { OutsideSandboxError } from "../process/files.ts";
import { executableForm } from "../executable/version.ts";

/**
 * What lets the tool reach a file or host that its sandbox leaves out: the sandbox of the script form
 * follows the words of the command line, that of the compiled form is fixed by the build.
 *
 * @param form @default that of the running executable
 */
export function howToReach(
  { flag, where, advice }: OutsideSandboxError,
  form: ReturnType<typeof executableForm> = executableForm(),
): string {
  // No word on the command line can name it: the runtime's lists of paths are cut at commas.
  if (where.includes(",")) return "give the file a name without a comma";
  return form === "compiled" ? advice : `pass --${flag} ${where} to allow that`;
}

/**
 * Gives up what only `bind` and `generate install` need: the compiled form is granted to write anywhere, since the runtime
 * cannot narrow that to the one file that a command line names, and takes it away from all other
 * commands before they begin. A permission that is given up does not come back: nobody is asked.
 *
 * @param args the command line.
 */
export function giveUpWriting(args: readonly string[]): void {
  const writes = args[0] === "bind" || (args[0] === "generate" && args[1] === "install");
  if (!writes) Deno.permissions.revokeSync({ name: "write" });
}
