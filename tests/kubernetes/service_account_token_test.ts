import assert from "node:assert/strict";
import { readServiceAccount } from "../../src/kubernetes/service_account_token.ts";
import { compactToken, serviceAccountToken } from "../support/service_account_token.ts";

Deno.test("a token tells namespace and service account", () => {
  const token = serviceAccountToken({ namespace: "team-a", serviceAccount: "builder" });
  const { namespace, name } = readServiceAccount(token);
  assert.deepEqual({ namespace, name }, { namespace: "team-a", name: "builder" });
});

Deno.test("a token without its account's name takes it from sub, and needs no sub at all", () => {
  const anonymous = { kubernetes: { serviceaccount: undefined } };
  assert.equal(readServiceAccount(serviceAccountToken(anonymous)).name, "default");
  const bare = serviceAccountToken({ ...anonymous, claims: { sub: undefined } });
  const { namespace, name } = readServiceAccount(bare);
  assert.deepEqual({ namespace, name }, { namespace: "default", name: undefined });
});

const AUDIENCES: readonly [name: string, aud: unknown, iss: unknown, audience: string[]][] = [
  ["a list", ["a", "b"], "https://issuer", ["a", "b"]],
  ["one text", "a", "https://issuer", ["a"]],
  ["missing, and the issuer, too", undefined, undefined, []],
  ["of another type, and the issuer, too", [5, { a: 1 }, "a"], 5, ["a"]],
  ["null, and the issuer, too", null, null, []],
];

for (const [name, aud, iss, audience] of AUDIENCES) {
  Deno.test(`an audience that is ${name} is read as far as it says something`, () => {
    const { claims } = readServiceAccount(serviceAccountToken({ claims: { aud, iss } }));
    assert.deepEqual(claims, { audience, issuer: typeof iss === "string" ? iss : undefined });
  });
}

for (const namespace of ["a", "0", "a-b", "a".repeat(63), "kube-system"]) {
  Deno.test(`a token of the namespace ${namespace} is accepted`, () => {
    assert.equal(readServiceAccount(serviceAccountToken({ namespace })).namespace, namespace);
  });
}

const namespaces = [
  "../../etc",
  "Default",
  "a.b",
  "-a",
  "a-",
  "",
  "a".repeat(64),
  "a\nb",
  "a/b",
  "a\n",
  "a_b",
  "ä",
];

for (const namespace of namespaces) {
  Deno.test(`a token of the namespace ${JSON.stringify(namespace)} is refused`, () => {
    const token = serviceAccountToken({ kubernetes: { namespace } });
    assert.throws(
      () => readServiceAccount(token),
      /service-account token: "kubernetes\.io\.namespace" is not a namespace's name/,
    );
  });
}

const BROKEN: readonly [name: string, token: string, error: RegExp][] = [
  ["is no JWT", "s3cret", /is not a JWT in compact form/],
  ["is empty", "", /is not a JWT in compact form/],
  ["has five parts, as an encrypted one", "e.e.e.e.s3cret", /is not a JWT in compact form/],
  ["ends in a line break", `${serviceAccountToken()}\n`, /is not a JWT in compact form/],
  [
    "names another kind of account",
    serviceAccountToken({
      claims: { sub: "system:node:s3cret" },
    }),
    /its "sub" is not system:serviceaccount/,
  ],
  [
    "has a namespace of another type",
    serviceAccountToken({
      kubernetes: { namespace: ["s3cret"] },
    }),
    /"kubernetes\.io\.namespace" must be a string/,
  ],
  ["has two parts", "s3.cret", /is not a JWT in compact form/],
  ["has other characters", "e+.e+.s3cret", /is not a JWT in compact form/],
  ["holds a line break", "e.e.s3\r\ncret", /is not a JWT in compact form/],
  ["holds white space", "e.e. s3cret", /is not a JWT in compact form/],
  ["is not well-formed Unicode", "e.e.\ud800s3cret", /is not a JWT in compact form/],
  ["has no header", ".e.s3cret", /is not a JWT in compact form/],
  ["has claims of a length that base64url never has", "e.s3cre.e", /not text in base64url/],
  ["has claims that are no base64url", "e.s3crets3cre.e", /not text in base64url|not valid JSON/],
  ["has claims that are no JSON", compactToken("{s3cret"), /not valid JSON/],
  ["has claims that are no object", compactToken(`"s3cret"`), /it must be an object/],
  ["has no claim of Kubernetes", compactToken(`{"sub":"s3cret"}`), /"kubernetes\.io" is missing/],
  ["has a claim of another type", compactToken(`{"kubernetes.io":"s3cret"}`), /must be an object/],
  [
    "has no namespace",
    compactToken(`{"kubernetes.io":{}}`),
    /"kubernetes\.io\.namespace" is missing/,
  ],
  [
    "names another namespace in sub",
    serviceAccountToken({ claims: { sub: "system:serviceaccount:s3cret:default" } }),
    /its "sub" names another namespace/,
  ],
  [
    "names another account in sub",
    serviceAccountToken({ claims: { sub: "system:serviceaccount:default:s3cret" } }),
    /its "sub" names another service account/,
  ],
  [
    "belongs to a user",
    serviceAccountToken({ claims: { sub: "s3cret" } }),
    /its "sub" is not system:serviceaccount/,
  ],
  [
    "names an account that is none",
    serviceAccountToken({ kubernetes: { serviceaccount: { name: "s3cret\n" } } }),
    /is not a service account's name/,
  ],
];

for (const [name, token, error] of BROKEN) {
  Deno.test(`a token that ${name} is refused, and nothing of it is quoted`, () => {
    assert.throws(() => readServiceAccount(token), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}

const SUBJECTS = [
  "",
  "system",
  "system:serviceaccount",
  "system:serviceaccount:default",
  "system:serviceaccount:default:",
  "system:serviceaccount:default:default:",
  "system:serviceaccount:default:default:default",
  "system:node:default:default",
  "user:serviceaccount:default:default",
  ":serviceaccount:default:default",
  "system::default:default",
  " system:serviceaccount:default:default",
];

for (const sub of SUBJECTS) {
  Deno.test(`a token whose sub is ${JSON.stringify(sub)} is refused`, () => {
    const error = /its "sub" is not system:serviceaccount:<namespace>:<name>$/;
    assert.throws(() => readServiceAccount(serviceAccountToken({ claims: { sub } })), error);
    const nameless = { kubernetes: { serviceaccount: undefined }, claims: { sub } };
    assert.throws(() => readServiceAccount(serviceAccountToken(nameless)), error);
  });
}

for (const name of ["Default", "a_b", "a/b", "a.", "-a", "\u00e4", "a".repeat(254)]) {
  Deno.test(`an account of the name ${JSON.stringify(name)} is refused wherever it stands`, () => {
    const sub = `system:serviceaccount:default:${name}`;
    assert.throws(
      () =>
        readServiceAccount(
          serviceAccountToken({ kubernetes: { serviceaccount: undefined }, claims: { sub } }),
        ),
      /its "sub" is not system:serviceaccount:<namespace>:<name>$/,
    );
    assert.throws(
      () => readServiceAccount(serviceAccountToken({ kubernetes: { serviceaccount: { name } } })),
      /"kubernetes\.io\.serviceaccount\.name" is not a service account's name$/,
    );
  });
}

for (const name of ["a", "0", "a.b", "a-b.c", "a".repeat(253)]) {
  Deno.test(`an account of the name ${name} is accepted wherever it stands`, () => {
    const sub = `system:serviceaccount:default:${name}`;
    for (const serviceaccount of [undefined, { name }]) {
      const token = serviceAccountToken({ kubernetes: { serviceaccount }, claims: { sub } });
      assert.equal(readServiceAccount(token).name, name);
    }
  });
}
