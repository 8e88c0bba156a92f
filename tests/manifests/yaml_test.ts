import assert from "node:assert/strict";
import fc from "fast-check";
import { load, YAML11_SCHEMA } from "js-yaml";
import { formatYaml, parseYaml } from "../../src/manifests/yaml.ts";

// Names that Kubernetes allows and that YAML 1.1 or 1.2 reads as something else than a string.
const WORDS = ["y", "n", "yes", "no", "on", "off", "null", "true", "1e3", "0o7", "0b1", "0x1f"];
const NUMBERS = ["123", "0123", "1-2-3", "2001-12-14", "1.5", "1.0.0", "12e03"];

for (const word of [...WORDS, ...NUMBERS, "~", "=", "<<", "-", "", "a: b", "a #b", "*a", "@a"]) {
  Deno.test(`the string ${JSON.stringify(word)} stays one in both versions of YAML`, () => {
    const text = formatYaml([{ value: word, list: [word], [word]: 1 }]);
    for (const document of [load(text), load(text, { schema: YAML11_SCHEMA })]) {
      assert.deepEqual(document, { value: word, list: [word], [word]: 1 });
    }
  });
}

Deno.test("any string survives", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const text = formatYaml([{ value }]);
      assert.deepEqual(load(text), { value });
      assert.deepEqual(parseYaml(text, "f"), { value });
    }),
    { numRuns: 2000 },
  );
});

Deno.test("documents are divided, and values used twice stand twice", () => {
  const shared = { name: "a" };
  assert.equal(
    formatYaml([{ metadata: shared }, { metadata: shared }]),
    "metadata:\n  name: a\n---\nmetadata:\n  name: a\n",
  );
  assert.equal(formatYaml([{ a: shared, b: shared }]), "a:\n  name: a\nb:\n  name: a\n");
});

const BROKEN: readonly [name: string, text: string, message: RegExp][] = [
  ["an alias without an anchor", "a: *s3cret", /^f:1:\d+: not valid YAML$/],
  ["an unknown tag", "a: !s3cret x", /^f:1:\d+: not valid YAML$/],
  ["a tag handle that is not declared", "a: !s3cret!x y", /^f:1:\d+: not valid YAML$/],
  ["a bracket left open", "a: [s3cret", /^f:\d+:\d+: not valid YAML: a bracket or brace is not/],
  ["a quote left open", `a: "s3cret`, /^f:\d+:\d+: not valid YAML: a quote is not closed$/],
  ["a key twice", "s3cret: 1\ns3cret: 2", /^f:2:\d+: not valid YAML: a key is there twice$/],
  ["two documents", "a: s3cret\n---\nb: 1", /^f: has more than one YAML document, expected one$/],
];

for (const [name, text, message] of BROKEN) {
  Deno.test(`YAML with ${name} is refused without a word of the text`, () => {
    assert.throws(() => parseYaml(text, "f"), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("s3cret"));
      return true;
    });
  });
}
