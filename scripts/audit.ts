/** `deno task audit`: the command `audit` of the operator's tool, from the checkout. */

import { runToolCommand } from "./support/tool_command.ts";

if (import.meta.main) Deno.exit(await runToolCommand("audit"));
