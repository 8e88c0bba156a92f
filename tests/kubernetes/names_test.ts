import assert from "node:assert/strict";
import fc from "fast-check";
import { isAnnotationKey, isLabel, isSubdomain } from "../../src/kubernetes/names.ts";
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

/** The patterns of `k8s.io/apimachinery/pkg/util/validation`. */
const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const DNS1123_LABEL = new RegExp(`^${LABEL}$`);
const DNS1123_SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

Deno.test("names are those that the patterns of Kubernetes match", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "z", "0", "9", "-", ".", "A", "/") });
  fc.assert(
    fc.property(text, (name) => {
      assert.deepEqual(
        [isLabel(name), isSubdomain(name)],
        [DNS1123_LABEL.test(name), DNS1123_SUBDOMAIN.test(name)],
        name,
      );
    }),
    { numRuns: share(2000, 50_000) },
  );
});

const FORMS: readonly [text: string, label: boolean, subdomain: boolean, key: boolean][] = [
  ["default", true, true, true],
  ["0-a", true, true, true],
  ["a.b", false, true, true],
  ["A", false, false, true],
  ["a_b", false, false, true],
  ["a..b", false, false, true],
  ["a-", false, false, false],
  ["-a", false, false, false],
  ["", false, false, false],
  ["a b", false, false, false],
  ["a\n", false, false, false],
  ["a".repeat(63), true, true, true],
  ["a".repeat(64), false, true, false],
  [`${"a".repeat(63)}.${"b".repeat(189)}`, false, true, false],
  [`${"a".repeat(63)}.${"b".repeat(190)}`, false, false, false],
  ["example.com/a", false, false, true],
  ["Example.com/a", false, false, true],
  ["ex_ample.com/a", false, false, false],
  ["example.com/", false, false, false],
  ["/a", false, false, false],
  ["a/b/c", false, false, false],
];

for (const [text, label, subdomain, key] of FORMS) {
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 5)}… (${text.length})` : text);
  const kinds = [label && "a label", subdomain && "a subdomain", key && "an annotation's key"]
    .filter((kind) => kind !== false);
  Deno.test(`${shown} is ${kinds.join(", ") || "no name"}`, () => {
    assert.deepEqual(
      [isLabel(text), isSubdomain(text), isAnnotationKey(text)],
      [label, subdomain, key],
    );
  });
}
