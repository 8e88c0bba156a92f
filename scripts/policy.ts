/** `deno task policy`: the command `policy` of the operator's tool, from the checkout. */

import { runToolCommand } from "./support/tool_command.ts";

if (import.meta.main) Deno.exit(await runToolCommand("policy"));
