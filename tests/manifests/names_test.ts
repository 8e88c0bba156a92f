import assert from "node:assert/strict";
import { isAnnotationKey, isDnsLabel, isDnsSubdomain } from "../../src/manifests/names.ts";

const NAMES: readonly [text: string, label: boolean, subdomain: boolean, key: boolean][] = [
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

for (const [text, label, subdomain, key] of NAMES) {
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 5)}… (${text.length})` : text);
  const kinds = [label && "a label", subdomain && "a subdomain", key && "an annotation's key"]
    .filter((kind) => kind !== false);
  Deno.test(`${shown} is ${kinds.join(", ") || "no name"}`, () => {
    assert.deepEqual(
      [isDnsLabel(text), isDnsSubdomain(text), isAnnotationKey(text)],
      [label, subdomain, key],
    );
  });
}
