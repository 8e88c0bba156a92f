import assert from "node:assert/strict";
import fc from "fast-check";
import { isLabel, isSubdomain } from "../../src/kubernetes/names.ts";
import { isDnsLabel, isDnsSubdomain } from "../../src/manifests/names.ts";
import { share } from "../support/share.ts";

const NAMES: readonly [name: string, label: boolean, subdomain: boolean][] = [
  ["a", true, true],
  ["0", true, true],
  ["pull-secret", true, true],
  ["a--b", true, true],
  ["a".repeat(63), true, true],
  ["a".repeat(64), false, true],
  ["a.b", false, true],
  ["1.2-3.c", false, true],
  ["a".repeat(253), false, true],
  ["a".repeat(254), false, false],
  ["", false, false],
  [".", false, false],
  ["..", false, false],
  ["a..b", false, false],
  [".a", false, false],
  ["a.", false, false],
  ["-a", false, false],
  ["a-", false, false],
  ["a-.b", false, false],
  ["a.-b", false, false],
  ["A", false, false],
  ["a_b", false, false],
  ["a/b", false, false],
  ["a b", false, false],
  ["a\n", false, false],
  ["ä", false, false],
];

for (const [name, label, subdomain] of NAMES) {
  const shown = name.length > 40 ? `${name.length} characters` : JSON.stringify(name);
  Deno.test(`${shown}: ${label ? "a" : "no"} label, ${subdomain ? "a" : "no"} subdomain`, () => {
    assert.deepEqual([isLabel(name), isSubdomain(name)], [label, subdomain]);
  });
}

Deno.test("a pull and the operator's tool agree on what a name is", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "z", "0", "9", "-", ".", "A", "/") });
  fc.assert(
    fc.property(text, (name) => {
      assert.deepEqual(
        [isLabel(name), isSubdomain(name)],
        [isDnsLabel(name), isDnsSubdomain(name)],
        name,
      );
    }),
    { numRuns: share(2000, 50_000) },
  );
});
