import assert from "node:assert/strict";
import { parseSecretNames } from "../../../src/kubernetes/secrets/secret_names.ts";

const KEY = "crio-credential-provider/secrets";
const ACCOUNT = { namespace: "team", name: "builder" };

const parse = (text: string) => parseSecretNames(text, KEY, ACCOUNT);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`);

const READ: readonly [name: string, text: string, names: string[], repeated: string[]][] = [
  ["one name", "pull-secret", ["pull-secret"], []],
  ["names in the order given", "b, a,c", ["b", "a", "c"], []],
  ["white space and line ends around names", " b ,\n\ta\r\n", ["b", "a"], []],
  ["nothing: no secret, on purpose", "", [], []],
  ["white space alone: no secret, on purpose", " \n\t", [], []],
  ["a name twice: it counts where it comes last", "a, b, a", ["b", "a"], ["a"]],
  ["as many as are read", numbered(32).join(), numbered(32), []],
  ["40 times the same two", Array(40).fill("a, b").join(), ["a", "b"], ["a", "b"]],
  ["a name of 253 characters", "a".repeat(253), ["a".repeat(253)], []],
];

for (const [name, text, names, repeated] of READ) {
  Deno.test(`the annotation may hold ${name}`, () => {
    assert.deepEqual(parse(text), { names, repeated });
  });
}

const BROKEN: readonly [name: string, text: string, error: RegExp][] = [
  ["a path", "s3cret/x", /entry 1 is not a secret's name/],
  ["a way out", "ok, ..", /entry 2 is not a secret's name/],
  ["a way out of a path", "../s3cret", /entry 1 is not a secret's name/],
  ["two dots in a name", "s3..cret", /entry 1 is not a secret's name/],
  ["upper case", "S3cret", /entry 1 is not a secret's name/],
  ["a line break in a name", "s3\ncret", /entry 1 is not a secret's name/],
  ["names without commas", "s3 cret", /entry 1 is not a secret's name/],
  ["an escaped slash", "s3%2fcret", /entry 1 is not a secret's name/],
  ["a query", "s3cret?x=y", /entry 1 is not a secret's name/],
  ["300 characters", "s3cret".repeat(50), /entry 1 is longer than 253 characters/],
  ["nothing between two commas", "a,,s3cret", /entry 2 is empty/],
  ["a comma at the end", "s3cret,", /entry 2 is empty/],
  ["a comma alone", ",", /entry 1 is empty/],
  ["33 names", numbered(33).join(), /names 33 secrets, and at most 32 are read/],
];

for (const [name, text, error] of BROKEN) {
  Deno.test(`an annotation with ${name} is refused, and nothing of it is quoted`, () => {
    assert.throws(() => parse(text), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(
        thrown.message.startsWith(`annotation "${KEY}" of service account "team/builder": `),
      );
      assert.ok(!thrown.message.includes("s3") && !thrown.message.includes("S3"));
      return true;
    });
  });
}
