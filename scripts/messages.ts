/** Prints every sentence of the programs, by module: `deno task messages`. Read it once as a whole. */

import { collectMessages } from "./support/messages.ts";
import { writeAll } from "../src/process/write_all.ts";

let module = "";
for (const message of await collectMessages()) {
  const title = message.module === module ? "" : `\n${message.module}\n`;
  module = message.module;
  writeAll(
    Deno.stdout,
    new TextEncoder().encode(`${title}  ${message.text.replaceAll("\n", "⏎")}\n`),
  );
}
