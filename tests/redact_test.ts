import assert from "node:assert/strict";
import { LONGEST_TEXT, maskCredentials, quote, redact, redactList } from "../src/redact.ts";
import { serviceAccountToken } from "./support/service_account_token.ts";

const TOKEN = serviceAccountToken();
const [HEADER = "", CLAIMS = ""] = TOKEN.split(".");
const base64 = (text: string) => new TextEncoder().encode(text).toBase64();

const MASKED: readonly [what: string, text: string, masked: string][] = [
  ["a token", `a ${TOKEN} b`, "a [masked] b"],
  ["a token in quotes", `"${TOKEN}"`, `"[masked]"`],
  ["a token at the end of a sentence", `no ${TOKEN}.`, "no [masked]."],
  ["a token whose signature is missing", `${HEADER}.${CLAIMS}`, "[masked]"],
  ["the claims of a token behind a name", `token=${CLAIMS};`, "token=[masked];"],
  ["a token in a path", `/v1/${TOKEN}/x`, "/v1/[masked]/x"],
  ["the beginning of a token", `a ${TOKEN.slice(0, 20)}… b`, "a [masked]… b"],
  ["a token of another writer's JSON", base64(`{ "alg": "none" }`), "[masked]"],
  ["the data of a registry secret", base64(`{"auths":{"a":{"auth":"~~~?>>"}}}`), "[masked]"],
  ["what follows Bearer", "got Bearer c2VjcmV0dG9rZW4= here", "got Bearer [masked] here"],
  ["what follows Basic", `"Basic dXNlcjpwYXNz"`, `"Basic [masked]"`],
  ["an OpenShift token", "login sha256~AbC_d-9.", "login [masked]."],
  ["user and password of a URL", "at https://user:pass@a.io/x", "at https://…@a.io/x"],
];

for (const [what, text, masked] of MASKED) {
  Deno.test(`${what} is masked`, () => assert.equal(maskCredentials(text), masked));
}

const KEPT = [
  "docker.io/library/nginx@sha256:7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5",
  `https://quay.io/team/app@sha256:00`,
  "/etc/crio/auth/team-7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5.json",
  "invalid peer certificate: BadSignature of KeyAlgorithmIdentifier, publicKeyInfrastructure",
  "the Basic authentication of a registry, a bearer token",
  "eyes.example.com:5000/eyrie",
  "kubectl create token default -n team-a -o jsonpath='{.spec.audiences[0]}'",
  "system:serviceaccount:team-a:builder",
  "a mail@example.com in a comment",
];

for (const text of KEPT) {
  Deno.test(`nothing is masked in ${JSON.stringify(text)}`, () => {
    assert.equal(maskCredentials(text), text);
  });
}

Deno.test("a text is cut behind its length, and says how long it was", () => {
  assert.equal(redact("x".repeat(LONGEST_TEXT)), "x".repeat(LONGEST_TEXT));
  assert.equal(redact("abcdef", 3), "abc… (6 characters)");
  assert.equal(redact("a😀", 2), "a\ufffd… (3 characters)");
  assert.equal(quote(`"${"x".repeat(300)}`), `"\\"${"x".repeat(255)}… (301 characters)"`);
});

Deno.test("a credential that the cut goes through is masked first", () => {
  assert.equal(redact(`${"x".repeat(LONGEST_TEXT - 12)} ${TOKEN}`).includes("ey"), false);
});

Deno.test("a list is cut as one text", () => {
  assert.deepEqual(redactList(["a", "b"]), ["a", "b"]);
  const many = redactList(Array.from({ length: 2000 }, () => "abcd"));
  assert.equal(many.length, LONGEST_TEXT / 4 + 2);
  assert.equal(many.at(-1), "… (2000 in all)");
});

for (const piece of ["ey", "eyJ", "Bearer ", "Bearer", "://", "://a@", "sha256~", "eyJabcdefgh."]) {
  Deno.test(`a text of nothing but ${JSON.stringify(piece)} takes no time that matters`, () => {
    const begun = performance.now();
    redact(piece.repeat(700_000));
    assert.ok(performance.now() - begun < 2000);
  });
}
