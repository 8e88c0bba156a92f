import assert from "node:assert/strict";
import { mask, playAll, table } from "./report.ts";

Deno.test("a case that fails keeps neither the next nor what comes after each", async () => {
  const cleared: number[] = [];
  const cases = [
    { name: "one", expected: "", play: () => Promise.reject(new Error("no")) },
    { name: "two", expected: "", play: () => Promise.resolve("yes") },
    { name: "other", expected: "", play: () => Promise.resolve("yes") },
  ];
  const after = (world: number) => {
    cleared.push(world);
    return Promise.reject(new Error("not cleared"));
  };
  const outcomes = await playAll(cases, 7, { only: "o", after, say: () => {} });
  assert.deepEqual(outcomes.map(({ name, passed }) => [name, passed]), [
    ["one", false],
    ["two", true],
    ["other", true],
  ]);
  assert.deepEqual(cleared, [7, 7, 7]);
  assert.deepEqual(
    (await playAll(cases, 7, { only: "oth", say: () => {} })).map(({ name }) => name),
    ["other"],
  );
});

Deno.test("the table has a line for each case and a column for each program", () => {
  const text = table(
    new Map([
      ["this plugin", [{ name: "a case", passed: true, seconds: 1.26 }, {
        name: "b",
        passed: false,
        seconds: 12,
      }]],
      ["reference", [{ name: "a case", passed: false, seconds: 2 }]],
    ]),
  );
  assert.deepEqual(text.split("\n").map((line) => line.trimEnd()), [
    "case    this plugin      reference",
    "a case  passed    1.3 s  FAILED    2.0 s",
    "b       FAILED   12.0 s  not played",
  ]);
});

Deno.test("tokens and credentials are hidden in what is printed", () => {
  assert.equal(mask(`token eyJh.b-c_d.e, "auth": "dTpw"`), `token <token>, "auth": "<masked>"`);
});
