import assert from "node:assert/strict";
import * as v from "valibot";
import { UserError } from "../src/errors.ts";
import {
  check,
  JsonObject,
  MAX_JSON_PARTS,
  parseForeignJson,
  parseJson,
  trimSlashesAtEnd,
} from "../src/parse.ts";

const BROKEN_JSON: readonly [text: string, message: RegExp][] = [
  ["", /^f: empty, expected JSON$/],
  ["\n\t ", /^f: empty, expected JSON$/],
  [`{"a": 1,\n b}`, /^f: not valid JSON \(line 2, column 2\)$/],
  [`{"a": 1} x`, /^f: not valid JSON \(line 1, column 10\)$/],
  [`{"a": "cut`, /^f: not valid JSON \(line 1, column 11\)$/],
  ["plain", /^f: not valid JSON/],
  ["[".repeat(1_000_000), /^f: not valid JSON/],
];

for (const [text, message] of BROKEN_JSON) {
  Deno.test(`the JSON ${JSON.stringify(text.slice(0, 12))} is refused with the place if it is known`, () => {
    assert.throws(() => parseJson(text, "f"), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.match(thrown.message, message);
      return true;
    });
  });
}

const MANY = MAX_JSON_PARTS + 1;

for (
  const [what, text] of [
    ["elements", `[${"0,".repeat(MANY)}0]`],
    ["objects", `[${"{},".repeat(MANY / 2)}{}]`],
    ["arrays in arrays", "[".repeat(MANY)],
    ["members", `{${Array.from({ length: MANY }, (_, index) => `"${index}":""`)}}`],
  ] as const
) {
  Deno.test(`foreign JSON of too many ${what} is refused before it is parsed`, () => {
    assert.throws(() => parseForeignJson(text, "f"), /^UserError: f: holds more than \d+ JSON val/);
  });
}

Deno.test("foreign JSON may be long", () => {
  const text = "x".repeat(10_000_000);
  assert.deepEqual(parseForeignJson(JSON.stringify([text]), "f"), [text]);
  assert.throws(() => parseForeignJson("{", "f"), /not valid JSON/);
});

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
  [{ name: "", strict: { size: 1, sizes: 2 } }, `"strict.sizes" is no key of this kind of file`],
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

for (const [text, trimmed] of [["a/b//", "a/b"], ["//", ""], ["/a", "/a"], ["", ""]] as const) {
  Deno.test(`${JSON.stringify(text)} without the slashes at its end is ${JSON.stringify(trimmed)}`, () => {
    assert.equal(trimSlashesAtEnd(text), trimmed);
  });
}
