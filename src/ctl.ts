// deno-coverage-ignore-file -- only in a child process: tests/artifact/ctl_test.ts
/** Entry of the operator's tool `crio-credential-ctl`. */

import type { StricliProcess } from "@stricli/core";
import { terminal } from "./cli/application.ts";
import { runCtl } from "./ctl/application.ts";
import { giveUpPermissions } from "./ctl/tool_sandbox.ts";
import type { Settings } from "./settings/settings.ts";
import { writeText } from "./process/stdio.ts";
import type { BuildFacts } from "./executable/version.ts";

/** What the build fixes in an executable. */
interface Build {
  /** The defaults of the plugin built together with this. */
  readonly settings: Settings;
  readonly facts: BuildFacts;
}

/** Put in front of the bundle by the build. */
declare const BUILD: Build;

giveUpPermissions(Deno.args);

const process: StricliProcess = {
  stdout: { write: (text) => writeText(Deno.stdout, text, "the output") },
  stderr: terminal().stderr,
};

const { settings, facts } = BUILD;
/** A terminal that does not know its width says 0. */
const columns = Deno.stdout.isTerminal() ? Deno.consoleSize().columns || undefined : undefined;
Deno.exit(
  await runCtl(Deno.args, { process, stdin: Deno.stdin, columns, cwd: Deno.cwd, settings }, facts),
);
