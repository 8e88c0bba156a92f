import assert from "node:assert/strict";
import {
  decodeSecret,
  haveNoRelevantKey,
  splitIntoBatches,
} from "../../src/credentials/secret_data.ts";
import type { Secret } from "../../src/kubernetes/secrets/secret.ts";

/** A secret that holds text or bytes, or a value that is no base64 at all. */
function secret(content: string | Uint8Array<ArrayBuffer> | { data: unknown }): Secret {
  const type = "kubernetes.io/dockerconfigjson";
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const data = bytes instanceof Uint8Array ? bytes.toBase64() : bytes.data;
  return { name: "a", type, data: { ".dockerconfigjson": data } };
}

const namesA = (text: string) => text.includes("a.io") || text.includes("*");
const OTHER = secret(`{"auths":{"b.io":{}}}`);

Deno.test("a secret's JSON is what its data key says", () => {
  assert.equal(decodeSecret(secret(`{"ä": 1}`)), `{"ä": 1}`);
  const dockercfg = {
    name: "a",
    type: "kubernetes.io/dockercfg",
    data: { ".dockercfg": "e30=" },
  } as const;
  assert.equal(decodeSecret(dockercfg), "{}");
});

const UNREADABLE: readonly [name: string, secret: Secret, error: RegExp][] = [
  ["without its data key", secret({ data: undefined }), /it has no data key ".dockerconfigjson"$/],
  ["with a number", secret({ data: 5 }), /it has no data key ".dockerconfigjson"$/],
  ["that is not base64", secret({ data: "!" }), /is not base64 of UTF-8 text$/],
  ["that is not UTF-8", secret(Uint8Array.of(0x7b, 0xff, 0x7d)), /is not base64 of UTF-8 text$/],
];

for (const [name, unreadable, error] of UNREADABLE) {
  Deno.test(`a secret ${name} has no JSON`, () => {
    assert.throws(() => decodeSecret(unreadable), error);
  });
}

const LOOKS: readonly [name: string, secret: Secret, nothing: boolean][] = [
  ["names another registry", OTHER, true],
  ["has white space around it", secret(`\r\n\t {"auths": {}}\n `), true],
  ["is an empty object", secret("{}"), true],
  ["is not UTF-8 and names another", secret(Uint8Array.of(0x7b, 0xff, 0x7d)), true],
  ["names the registry", secret(`{"auths":{"a.io":{}}}`), false],
  ["holds a wildcard", secret(`{"auths":{"*.io":{}}}`), false],
  ["writes a character by its number", secret(`{"auths":{"\\u0061.io":{}}}`), false],
  ["is a list", secret("[]"), false],
  ["is one brace", secret("{"), false],
  ["is white space", secret("  "), false],
  ["is empty", secret(""), false],
  ["begins with a byte order mark", secret("\ufeff{}"), false],
  ["has no text", secret({ data: undefined }), false],
  ["is not base64", secret({ data: "!" }), false],
];

for (const [name, looked, nothing] of LOOKS) {
  Deno.test(`a secret that ${name} ${nothing ? "need not" : "has to"} be read`, () => {
    assert.equal(haveNoRelevantKey([looked], namesA), nothing);
    assert.equal(haveNoRelevantKey([OTHER, looked, OTHER], namesA), nothing);
  });
}

Deno.test("what is left of a larger block does not matter to the next", () => {
  assert.equal(haveNoRelevantKey([OTHER, secret(`{"auths":{"a.io":{}}}`)], namesA), false);
  assert.equal(haveNoRelevantKey([OTHER], namesA), true);
});

Deno.test("blocks are bounded in number and length, and leave no secret out", () => {
  const large = secret({ data: "x".repeat(200_000) });
  const secrets = [...Array<Secret>(40).fill(OTHER), large, large, secret({ data: 1 })];
  const blocks = [...splitIntoBatches(secrets)];
  assert.deepEqual(blocks.map((block) => block.length), [16, 16, 10, 1]);
  assert.deepEqual(blocks.flat(), secrets);
  assert.deepEqual([...splitIntoBatches([])], []);
});
