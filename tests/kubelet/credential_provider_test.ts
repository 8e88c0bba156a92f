import assert from "node:assert/strict";
import {
  emptyPairFor,
  formatResponse,
  isWholeRequest,
  parseRequest,
} from "../../src/kubelet/credential_provider.ts";

const REQUEST = {
  apiVersion: "credentialprovider.kubelet.k8s.io/v1",
  kind: "CredentialProviderRequest",
  image: "docker.io/library/nginx",
  serviceAccountToken: "s3cret.s3cret.s3cret",
};

Deno.test("a request gives image, token and annotations; unknown fields are dropped", () => {
  const text =
    `{"serviceAccountAnnotations": {"a/b": "c, d", "__proto__": ""}, "future": {"x": 1},` +
    JSON.stringify(REQUEST).slice(1);
  assert.deepEqual(parseRequest(text), {
    image: "docker.io/library/nginx",
    serviceAccountToken: "s3cret.s3cret.s3cret",
    serviceAccountAnnotations: new Map([["a/b", "c, d"], ["__proto__", ""]]),
  });
});

for (const annotations of [undefined, null, {}]) {
  Deno.test(`annotations may be ${JSON.stringify(annotations)}, and there are none`, () => {
    const text = JSON.stringify({ ...REQUEST, serviceAccountAnnotations: annotations });
    assert.deepEqual(parseRequest(text).serviceAccountAnnotations, new Map());
  });
}

for (const token of [undefined, null, ""]) {
  Deno.test(`a request whose token is ${JSON.stringify(token)} is one of a static pod`, () => {
    const text = JSON.stringify({ ...REQUEST, serviceAccountToken: token });
    assert.equal(parseRequest(text).serviceAccountToken, "");
  });
}

const ENDINGS: readonly [name: string, text: string, whole: boolean][] = [
  ["a request", JSON.stringify(REQUEST), true],
  ["the kubelet's, with a line feed", `${JSON.stringify(REQUEST)}\n`, true],
  ["nothing", "", false],
  ["a line feed", "\n", false],
  ["a brace", "}", false],
  ["half a request", JSON.stringify(REQUEST).slice(0, 80), false],
  ["one cut behind an inner object", `{"serviceAccountAnnotations":{"a":"b"}`, false],
  ["one with text behind it", `${JSON.stringify(REQUEST)} x}`, false],
];

for (const [name, text, whole] of ENDINGS) {
  Deno.test(`${name} is ${whole ? "" : "not "}whole`, () => {
    assert.equal(isWholeRequest(new TextEncoder().encode(text)), whole);
  });
}

Deno.test("a request that is cut in a character is not whole", () => {
  assert.ok(!isWholeRequest(Uint8Array.of(0x7b, 0x22, 0xc3, 0x7d)));
});

const BROKEN: readonly [name: string, text: string, error: RegExp][] = [
  ["nothing", "", /stdin: is empty, expected JSON/],
  ["white space", " \n", /stdin: is empty, expected JSON/],
  ["half a request", `{"apiVersion": "s3cret`, /stdin: not valid JSON/],
  ["something after it", `${JSON.stringify(REQUEST)}x`, /stdin: not valid JSON/],
  ["no object", `"s3cret"`, /stdin: it must be an object/],
  ["another version", patched({ apiVersion: "v1beta1" }), /"apiVersion" must be "credentialprov/],
  ["no version", patched({ apiVersion: undefined }), /"apiVersion" is missing/],
  ["another kind", patched({ kind: "Pod" }), /"kind" must be "CredentialProviderRequest"/],
  ["no image", patched({ image: undefined }), /"image" is missing/],
  ["an empty image", patched({ image: "" }), /"image" is empty/],
  ["an image that is no string", patched({ image: 5 }), /"image" must be a string/],
  [
    "an image with a line break",
    patched({ image: "a\nb" }),
    /"image" has white space or control/,
  ],
  [
    "an image with half a character",
    patched({ image: "a.io/\ud800" }),
    /is not well-formed Unicode/,
  ],
  ["a huge image", patched({ image: "a".repeat(5000) }), /"image" is longer than 4096/],
  ["a token that is no string", patched({ serviceAccountToken: {} }), /"serviceAccountToken" must/],
  [
    "annotations that are no object",
    patched({ serviceAccountAnnotations: ["s3cret"] }),
    /"serviceAccountAnnotations" must be an object/,
  ],
  [
    "an annotation that is no string",
    patched({ serviceAccountAnnotations: { a: ["s3cret"] } }),
    /"serviceAccountAnnotations\.a" must be a string/,
  ],
];

function patched(changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...REQUEST, ...changes });
}

for (const [name, text, error] of BROKEN) {
  Deno.test(`a request that holds ${name} is refused, and its content is not quoted`, () => {
    assert.throws(() => parseRequest(text), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}

Deno.test("the response is v1, for this image alone, and never cached", () => {
  assert.deepEqual(JSON.parse(formatResponse()), {
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    kind: "CredentialProviderResponse",
    cacheKeyType: "Image",
    cacheDuration: "0s",
  });
});

Deno.test("the response for an image that is to be the account's own carries an empty pair for it", () => {
  const image = "docker.io/library/nginx";
  assert.deepEqual(JSON.parse(formatResponse(emptyPairFor(image))), {
    ...JSON.parse(formatResponse()),
    auth: { [image]: { username: "", password: "" } },
  });
});
