import assert from "node:assert/strict";
import { type Check, explainFailure, recordFailure } from "../../../src/ctl/doctor/check.ts";
import { UserError } from "../../../src/errors.ts";
import { fileError, outsideSandbox } from "../../../src/process/files.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const FAILURES: readonly [name: string, error: UserError, expected: Expected][] = [
  ["a fault of the node", new UserError("content-invalid", "/a", "is broken"), [
    "fail",
    /\/a: is broken -> edit \/a$/,
  ]],
  ["a fault with advice", new UserError("content-invalid", "/a", "is broken", "mend it"), [
    "fail",
    /-> mend it$/,
  ]],
  [
    "the tool's sandbox",
    outsideSandbox("/a", "read", "auth-dir"),
    ["warn", /\/a: outside of this tool's own sandbox.*-> bind or build it with --auth-dir \/a to/],
  ],
  [
    "the tool's user",
    fileError("/a", "read", "auth-dir", new Deno.errors.PermissionDenied("")),
    ["warn", /\/a: cannot read: permission denied, not looked at -> run this as root/],
  ],
];

for (const [name, error, expected] of FAILURES) {
  Deno.test(`a check that ${name} ends gives ${expected[0]}`, () => {
    assertChecks([explainFailure("sandbox", error)], [expected]);
  });
}

for (const code of ["file-missing", "file-not-regular", "file-failed"] as const) {
  Deno.test(`what no edit of a file mends does not ask for one: ${code}`, () => {
    const { status, advice } = explainFailure("sandbox", new UserError(code, "/a", "is broken"));
    assert.deepEqual([status, advice], ["fail", ""]);
  });
}

Deno.test("a fault of the program is no finding", () => {
  const checks: Check[] = [];
  assert.throws(() => recordFailure("sandbox", checks, () => [].at(0)!["x"]), TypeError);
  assert.deepEqual(checks, []);
});
