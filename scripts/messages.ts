/** Prints every sentence of the programs, by module: `deno task messages`. Read it once as a whole. */

import { collectMessages } from "./support/messages.ts";
import { print } from "./support/print.ts";

let module = "";
for (const message of await collectMessages()) {
  const title = message.module === module ? "" : `\n${message.module}\n`;
  module = message.module;
  print(`${title}  ${message.text.replaceAll("\n", "⏎")}`);
}
