/** What a check of `doctor` is expected to say. */

import assert from "node:assert/strict";
import type { Check, Status } from "../../src/ctl/doctor/check.ts";

/** A finding: how it ends, and what its text and advice say, an arrow between them. */
export type Expected = readonly [status: Status, text: RegExp];

/** Asserts that the findings are just these, in this order. */
export function assertChecks(checks: readonly Check[], expected: readonly Expected[]): void {
  const texts = checks.map(({ status, found, advice }) => `${status}: ${found} -> ${advice}`);
  assert.deepEqual(
    checks.map(({ status }) => status),
    expected.map(([status]) => status),
    texts.join("\n"),
  );
  for (const [index, [, pattern]] of expected.entries()) assert.match(texts[index] ?? "", pattern);
  for (const { status, advice } of checks) {
    // What was not checked follows from another finding, which says what to do.
    if (status !== "skip") assert.equal(advice === "", status === "pass");
  }
}
