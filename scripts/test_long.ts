/**
 * Runs the tests at full length (`LONG=1`), within a limit of time, and shows at the end what was
 * tried, survived and lost. Arguments are passed on to `deno test`; without any, all tests run.
 */

import { formatReports, readReports } from "../tests/support/summary.ts";
import { print } from "./support/print.ts";
import { runTests } from "./support/test_runs.ts";
import { announceTests } from "./test.ts";

/** Limit of the whole run, in minutes. */
const LIMIT = 60;

/** @returns the exit status. */
async function runAll(args: readonly string[], summary: string): Promise<number> {
  const begin = performance.now();
  const limit = AbortSignal.timeout(LIMIT * 60_000);
  const plan = await announceTests(args);
  if (plan === undefined) return 1;
  // One file at a time: the long tests load the machine themselves, and judge time limits.
  const success = await runTests(plan, {
    flags: [],
    env: { LONG: "1", SUMMARY_FILE: summary },
    signal: limit,
  });
  const minutes = ((performance.now() - begin) / 60_000).toFixed(1);
  print(`\n${formatReports(readReports(await Deno.readTextFile(summary)))}\n`);
  if (success) print(`passed in ${minutes} min`);
  else if (limit.aborted) print(`FAILED: not done within ${LIMIT} min`);
  // A suite that fails may stop before it reports.
  else print(`FAILED in ${minutes} min: see the errors above; a suite may be missing in the table`);
  return success ? 0 : 1;
}

const summary = await Deno.makeTempFile();
let status: number;
try {
  status = await runAll(Deno.args, summary);
} finally {
  await Deno.remove(summary);
}
Deno.exit(status);
