/**
 * Runs the tests, on both forms where the compiled one can be made; the first line says which are judged.
 * Arguments are passed on to `deno test`; without paths among them, all tests run.
 *
 * With `REQUIRE_COMPILED=1` in the environment it fails where the compiled form cannot be judged.
 */

import { print } from "./support/print.ts";
import { PROJECT } from "./support/project.ts";
import { planTests, runTests, type TestPlan } from "./support/test_runs.ts";
import { findRuntimePart } from "./runtime_part.ts";

/** Files of tests that run at the same time, unless `DENO_JOBS` says otherwise: some of them wait. */
const JOBS = "4";

/**
 * Finds out which forms can be judged, and says so.
 *
 * @param args as `deno test` takes them.
 * @returns `undefined` where the compiled form is required and cannot be judged.
 */
export async function announceTests(args: readonly string[]): Promise<TestPlan | undefined> {
  const plugin = Deno.env.get("PLUGIN") ?? "";
  const part = plugin === "" ? await findRuntimePart() : { missing: "" };
  const hasPaths = args.some((arg) => !arg.startsWith("-") && exists(arg));
  const plan = planTests({ plugin, part, args, hasPaths });
  print(`Judged: ${plan.summary}`);
  if (Deno.env.get("REQUIRE_COMPILED") !== "1" || "from" in part || plugin !== "") return plan;
  print("REQUIRE_COMPILED: the compiled form must be judged, and cannot be made here");
  return undefined;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(`${PROJECT}/${path}`);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const plan = await announceTests(Deno.args);
  const passed = plan !== undefined && await runTests(plan, {
    flags: ["--parallel"],
    env: { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? JOBS },
  });
  Deno.exit(passed ? 0 : 1);
}
