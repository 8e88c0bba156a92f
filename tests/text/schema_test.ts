import assert from "node:assert/strict";
import * as v from "valibot";
import { check, JsonObject } from "../../src/text/schema.ts";

const Schema = v.object({
  name: v.string(),
  flag: v.optional(v.boolean()),
  list: v.optional(v.array(v.object({ size: v.number() }))),
  kind: v.optional(v.literal("A")),
  form: v.optional(v.pipe(v.string(), v.regex(/^a+$/, "is not made of a"))),
  map: v.optional(JsonObject),
  either: v.optional(v.union([v.string(), v.number()])),
  strict: v.optional(v.strictObject({ size: v.number() })),
});

const VALUES: readonly [value: unknown, problem: string][] = [
  [5, "it must be an object"],
  [null, "it must be an object"],
  [{}, `"name" is missing`],
  [{ name: null }, `"name" must be a string`],
  [{ name: "", strict: {} }, `"strict.size" is missing`],
  [{ name: "", strict: 5 }, `"strict" must be an object`],
  [{ name: "", strict: { size: 1, sizes: 2 } }, `"strict.sizes" is not a key of this kind of file`],
  [{ name: "", flag: "true" }, `"flag" must be a boolean`],
  [{ name: "", list: {} }, `"list" must be an array`],
  [{ name: "", list: [{ size: 1 }, {}] }, `"list[1].size" is missing`],
  [{ name: "", list: [{ size: "1" }] }, `"list[0].size" must be a number`],
  [{ name: "", kind: "B" }, `"kind" must be "A"`],
  [{ name: "", form: "b" }, `"form" is not made of a`],
  [{ name: "", map: [] }, `"map" must be an object`],
  [{ name: "", map: null }, `"map" must be an object`],
];

for (const [value, problem] of VALUES) {
  Deno.test(`${JSON.stringify(value)} is refused: ${problem}`, () => {
    assert.throws(() => check(Schema, value, "f"), { name: "UserError", message: `f: ${problem}` });
  });
}

Deno.test("what a schema does not name is dropped, and an object of any members is kept as it is", () => {
  const map = JSON.parse(`{"__proto__": 1, "b": 2}`);
  const checked = check(Schema, { name: "a", map, more: 1 }, "f");
  assert.deepEqual(Object.keys(checked), ["name", "map"]);
  assert.deepEqual(Object.keys(checked.map ?? {}), ["__proto__", "b"]);
});
