/** What the scripts print. */

import { writeAll } from "../../src/process/write_all.ts";

/**
 * Prints a text and a line break, whole: a single write to a pipe may take less.
 *
 * @param output where to. @default stdout
 */
export function print(
  text: string,
  output: { writeSync(bytes: Uint8Array): number } = Deno.stdout,
): void {
  writeAll(output, new TextEncoder().encode(`${text}\n`));
}
