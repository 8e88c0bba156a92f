import assert from "node:assert/strict";
import { planTests, SCRIPT_SHARE } from "../../scripts/support/test_runs.ts";

const WITH = { from: "DENORT_BIN" };
const WITHOUT = { missing: "no network" };
const ALL = { plugin: "", args: [], hasPaths: false };

Deno.test("all tests judge the compiled form, and a share of them the script form", () => {
  const { summary, runs } = planTests({ ...ALL, part: WITH });
  assert.deepEqual(runs, [
    { form: "compiled", args: ["tests"] },
    { form: "script", args: SCRIPT_SHARE },
  ]);
  assert.match(
    summary,
    /^the compiled form \(runtime part: DENORT_BIN\), and the script form in tests\/artifact, /,
  );
});

Deno.test("without a runtime part the script form is judged by all tests, and the reason is told", () => {
  const { summary, runs } = planTests({ ...ALL, part: WITHOUT });
  assert.deepEqual(runs, [{ form: "script", args: ["tests"] }]);
  assert.match(summary, /^the script form alone, .* cannot be made: no network$/);
});

Deno.test("flags go with all tests, and what is named runs on both forms", () => {
  const flags = ["--filter", "stdin"];
  assert.deepEqual(
    planTests({ ...ALL, args: flags, part: WITH }).runs.map(({ args }) => args),
    [[...flags, "tests"], [...flags, ...SCRIPT_SHARE]],
  );
  const args = ["tests/process/log_test.ts"];
  const named = planTests({ ...ALL, args, hasPaths: true, part: WITH });
  assert.deepEqual(named.runs, [{ form: "compiled", args }, { form: "script", args }]);
  assert.match(named.summary, / and the script form$/);
});

Deno.test("an executable that is named is judged as it is", () => {
  const { summary, runs } = planTests({ ...ALL, plugin: "/plugin", part: WITHOUT });
  assert.equal(summary, "the executable /plugin");
  assert.deepEqual(runs, [{ form: undefined, args: ["tests"] }]);
});

Deno.test("the share of the script form is there", async () => {
  for (const path of SCRIPT_SHARE) await Deno.stat(new URL(`../../${path}`, import.meta.url));
});
