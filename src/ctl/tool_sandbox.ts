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
