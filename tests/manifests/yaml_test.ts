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
