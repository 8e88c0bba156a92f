import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import {
  checkLiteral,
  checkTexts,
  foldName,
  isNamed,
  MAX_JSON_PARTS,
  membersOf,
  namedObject,
  namedValue,
  optionalFlag,
  optionalObject,
  optionalObjects,
  optionalText,
  parseForeignJson,
  parseJson,
  requiredText,
  trimSlashesAtEnd,
} from "../../src/text/parse.ts";

const BROKEN_JSON: readonly [text: string, message: RegExp][] = [
  ["", /^f: is empty, expected JSON$/],
  ["\n\t ", /^f: is empty, expected JSON$/],
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
const MEBIBYTE_OF_SPACE = " ".repeat(1024 * 1024);

for (
  const [what, text] of [
    ["elements", `[${"0,".repeat(MANY)}0]`],
    ["objects", `[${"{},".repeat(MANY / 2)}{}]`],
    ["arrays in arrays", "[".repeat(MANY)],
    ["members", `{${Array.from({ length: MANY }, (_, index) => `"${index}":""`)}}`],
  ] as const
) {
  Deno.test(`foreign JSON of too many ${what} is refused before it is parsed`, () => {
    const long = text + MEBIBYTE_OF_SPACE;
    assert.throws(() => parseForeignJson(long, "f"), /^UserError: f: has more than \d+ JSON val/);
  });
}

Deno.test("foreign JSON of a mebibyte may have any number of parts", () => {
  const text = `[${"{},".repeat(349_000)}{}]`;
  assert.ok(text.length < MEBIBYTE_OF_SPACE.length && text.length > 3 * MANY);
  assert.equal(JSON.stringify(parseForeignJson(text, "f")), text);
});

Deno.test("foreign JSON of just a mebibyte is short, and longer JSON may have just as many parts as are counted", () => {
  const many = `[${"0,".repeat(MAX_JSON_PARTS)}0]`;
  parseForeignJson(many.padEnd(1024 * 1024), "f");
  const error = /has more than 200000 JSON values/;
  assert.throws(() => parseForeignJson(many.padEnd(1024 * 1024 + 1), "f"), error);
  // The list itself is one of the parts.
  parseForeignJson(`[${"0,".repeat(MAX_JSON_PARTS - 1)}0]`.padEnd(2 * 1024 * 1024), "f");
});

Deno.test("foreign JSON may be long", () => {
  const text = "x".repeat(10_000_000);
  assert.deepEqual(parseForeignJson(JSON.stringify([text]), "f"), [text]);
  assert.throws(() => parseForeignJson("{", "f"), /not valid JSON/);
});

/** Looks at every member as a reader of configuration does. */
function look(value: unknown): unknown {
  const members = membersOf(value, "f");
  checkLiteral(members, "kind", "A");
  return {
    name: requiredText(members, "name"),
    note: optionalText(members, "note"),
    flag: optionalFlag(members, "flag"),
    sizes: optionalObjects(members, "list").map((member) => requiredText(member, "size")),
    inner: optionalObject(optionalObject(members, "inner"), "map")?.all,
    texts: checkTexts(members, "texts"),
  };
}

const MISFITS: readonly [value: unknown, problem: string][] = [
  [5, "it must be an object"],
  [null, "it must be an object"],
  [[], "it must be an object"],
  [new Date(), "it must be an object"],
  [{}, `"kind" is missing`],
  [{ kind: "B" }, `"kind" must be "A"`],
  [{ kind: ["A"] }, `"kind" must be "A"`],
  [{ kind: "A" }, `"name" is missing`],
  [{ kind: "A", name: null }, `"name" is missing`],
  [{ kind: "A", name: 1 }, `"name" must be a string`],
  [{ kind: "A", name: "", note: {} }, `"note" must be a string`],
  [{ kind: "A", name: "", flag: "true" }, `"flag" must be a boolean`],
  [{ kind: "A", name: "", list: {} }, `"list" must be an array`],
  [{ kind: "A", name: "", list: [1] }, `"list[0]" must be an object`],
  [{ kind: "A", name: "", list: [{ size: "1" }, {}] }, `"list[1].size" is missing`],
  [{ kind: "A", name: "", inner: [] }, `"inner" must be an object`],
  [{ kind: "A", name: "", inner: { map: "" } }, `"inner.map" must be an object`],
  [{ kind: "A", name: "", texts: "a" }, `"texts" must be an array`],
  [{ kind: "A", name: "", texts: ["a", 1] }, `"texts[1]" must be a string`],
];

for (const [value, problem] of MISFITS) {
  Deno.test(`the members of ${JSON.stringify(value)} are refused: ${problem}`, () => {
    assert.throws(() => look(value), { name: "UserError", message: `f: ${problem}` });
  });
}

Deno.test("members that are missing have their defaults, and null is missing", () => {
  const nothing = { name: "", note: undefined, flag: false, sizes: [], inner: undefined };
  for (const missing of [undefined, null]) {
    const value = { note: missing, flag: missing, list: missing, inner: missing, texts: missing };
    assert.deepEqual(look({ kind: "A", name: "", ...value }), { ...nothing, texts: undefined });
  }
});

Deno.test("members are taken as they are, those of JavaScript too", () => {
  const map = JSON.parse(`{"__proto__": 1, "b": 2}`);
  const found = look({ kind: "A", name: "n", inner: { map }, list: [{ size: "s" }], more: 1 });
  assert.deepEqual(found, {
    name: "n",
    note: undefined,
    flag: false,
    sizes: ["s"],
    inner: map,
    texts: undefined,
  });
});

for (const [text, trimmed] of [["a/b//", "a/b"], ["//", ""], ["/a", "/a"], ["", ""]] as const) {
  Deno.test(`${JSON.stringify(text)} without the slashes at its end is ${JSON.stringify(trimmed)}`, () => {
    assert.equal(trimSlashesAtEnd(text), trimmed);
  });
}

const SPELLINGS: readonly [key: string, name: string, same: boolean][] = [
  ["auths", "auths", true],
  ["Auths", "auths", true],
  ["AUTHS", "auths", true],
  ["auth", "auths", false],
  ["credhelpers", "credHelpers", true],
  // The long s and the Kelvin sign are letters of these names to Go.
  ["auth\u017f", "auths", true],
  ["bloc\u212aed", "blocked", true],
  // The dotless i is another letter.
  ["locat\u0131on", "location", false],
  ["\u0130nsecure", "insecure", false],
];

for (const [key, name, same] of SPELLINGS) {
  Deno.test(`${JSON.stringify(key)} is ${same ? "" : "not "}${name} to Go's decoders`, () => {
    assert.equal(isNamed(key, name), same);
    assert.equal(foldName(key) === foldName(name), same);
  });
}

Deno.test("of several values under one name the last that is not null counts", () => {
  assert.equal(namedValue({ a: 1, A: 2, b: 3 }, "a"), 2);
  assert.equal(namedValue({ A: 2, a: 1, B: 3 }, "a"), 1);
  assert.equal(namedValue({ A: 2, a: null }, "a"), 2);
  assert.equal(namedValue({ b: 3 }, "a"), undefined);
});

Deno.test("maps under one name are put together, later members over earlier ones, until a null", () => {
  const found = (text: string) => namedObject(membersOf(JSON.parse(text), "f"), "a");
  assert.deepEqual(found(`{"a": {"x": 1, "y": 1}, "A": {"y": 2}}`), { x: 1, y: 2 });
  assert.deepEqual(found(`{"A": {"x": 1}, "a": null}`), undefined);
  assert.deepEqual(found(`{"A": null, "a": {"x": 1}}`), { x: 1 });
  assert.deepEqual(found(`{"b": {}}`), undefined);
  const merged = found(`{"a": {"__proto__": 1}, "A": {"x": 2}}`);
  assert.deepEqual(Object.entries(merged ?? {}), [["__proto__", 1], ["x", 2]]);
  assert.throws(() => found(`{"A": 5}`), /^UserError: f: "A" must be an object$/);
});
