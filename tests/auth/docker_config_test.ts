import assert from "node:assert/strict";
import { readSecret } from "../../src/auth/docker_config.ts";
import { formatScope } from "../../src/auth/scope.ts";
import type { Secret } from "../../src/kubernetes/secrets.ts";

const AUTH = btoa("myuser:mypassword");

function encode(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function secretWith(
  content: unknown,
  type: Secret["type"] = "kubernetes.io/dockerconfigjson",
): Secret {
  const key = type === "kubernetes.io/dockercfg" ? ".dockercfg" : ".dockerconfigjson";
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return { name: "my-secret", type, data: { [key]: encode(text) } };
}

/** What a secret gives: credentials by scope, and what was left out. */
function read(secret: Secret) {
  const skipped: (string | undefined)[][] = [];
  const credentials = readSecret(secret, (...what) => skipped.push(what));
  return {
    credentials: Object.fromEntries(
      credentials.map(({ scope, credential }) => [formatScope(scope), credential]),
    ),
    skipped,
  };
}

const ENTRIES: readonly [name: string, entry: unknown, credential: unknown][] = [
  ["auth alone", { auth: AUTH }, { auth: AUTH }],
  ["username and password alone", { username: "myuser", password: "mypassword" }, { auth: AUTH }],
  ["auth, where username and password disagree", {
    auth: AUTH,
    username: "other",
    password: "other",
  }, { auth: AUTH }],
  ["a password with colons", { auth: btoa("u:a:b:c") }, { auth: btoa("u:a:b:c") }],
  ["a password with NULs at its end, which are cut", { auth: btoa("u:p\0\0") }, {
    auth: btoa("u:p"),
  }],
  ["auth without padding, which is added", { auth: "dTpwYQ" }, { auth: "dTpwYQ==" }],
  ["a password beyond ASCII", { username: "u", password: "pä€" }, { auth: encode("u:pä€") }],
  ["an identity token beside auth", { auth: AUTH, identitytoken: "t" }, {
    auth: AUTH,
    identitytoken: "t",
  }],
  ["an identity token alone", { identitytoken: "t" }, { auth: btoa(":"), identitytoken: "t" }],
  ["an identity token beside username and password", {
    username: "myuser",
    password: "mypassword",
    identitytoken: "t",
  }, { auth: AUTH, identitytoken: "t" }],
  ["NULs alone for a password", { auth: btoa("u:\0\0") }, { auth: btoa("u:") }],
  ["bytes for a password that are no text", { auth: "dTr/" }, { auth: "dTr/" }],
  ["a user name without a password", { username: "u" }, { auth: btoa("u:") }],
  ["username and password beside an empty auth", {
    auth: "",
    username: "myuser",
    password: "mypassword",
  }, { auth: AUTH }],
  ["other fields, which are dropped", { auth: AUTH, email: "a@b" }, { auth: AUTH }],
  ["empty fields beside auth", { auth: AUTH, username: "", password: null }, { auth: AUTH }],
];

for (const [name, entry, credential] of ENTRIES) {
  Deno.test(`an entry may hold ${name}`, () => {
    assert.deepEqual(read(secretWith({ auths: { "quay.io": entry } })), {
      credentials: { "quay.io": credential },
      skipped: [],
    });
  });
}

Deno.test("an entry without credential is a marker, not an error", () => {
  const markers = [
    {},
    { email: "a@b" },
    { auth: "", username: "" },
    { auth: null, identitytoken: null },
  ];
  for (const entry of markers) {
    assert.deepEqual(read(secretWith({ auths: { "quay.io": entry } })), {
      credentials: {},
      skipped: [],
    });
  }
});

Deno.test("the legacy type holds the map itself", () => {
  const { credentials } = read(
    secretWith({ "quay.io": { auth: AUTH } }, "kubernetes.io/dockercfg"),
  );
  assert.deepEqual(credentials, { "quay.io": { auth: AUTH } });
});

Deno.test("a marker hides neither its neighbours nor another spelling of its key", () => {
  const auths = { "https://quay.io": {}, "quay.io": { auth: AUTH }, "quay.io/": {}, "a.io": {} };
  assert.deepEqual(read(secretWith({ auths })).credentials, { "quay.io": { auth: AUTH } });
});

Deno.test("markers are told to who asks for them", () => {
  const auths = { "https://quay.io": {}, "quay.io": { auth: AUTH }, "a.io": { email: "e" } };
  const markers: string[][] = [];
  const skipped = () => assert.fail("nothing is broken");
  readSecret(secretWith({ auths }), skipped, (...what) => markers.push(what));
  assert.deepEqual(markers, [["my-secret", "a.io"], ["my-secret", "https://quay.io"]]);
});

Deno.test("a secret without entries, of either type, is no error", () => {
  for (const content of [{}, { auths: {} }, { auths: null }, { credHelpers: { "a.io": "x" } }]) {
    assert.deepEqual(read(secretWith(content)), { credentials: {}, skipped: [] });
  }
  assert.deepEqual(read(secretWith({}, "kubernetes.io/dockercfg")).credentials, {});
});

Deno.test("of two keys with one meaning in one secret the same one always counts", () => {
  const first = { "https://quay.io": { auth: btoa("u:1") }, "quay.io": { auth: btoa("u:2") } };
  const second = Object.fromEntries(Object.entries(first).toReversed());
  for (const auths of [first, second]) {
    const keys = readSecret(secretWith({ auths }), () => {}).map(({ key }) => key);
    assert.deepEqual(keys, ["https://quay.io", "quay.io"]);
  }
});

const MARKER = "s3cret-marker";

Deno.test("a password in a key is not told when the key is left out", () => {
  const key = `https://user:${MARKER}@quay.io`;
  const { credentials, skipped } = read(secretWith({ auths: { [key]: { auth: AUTH } } }));
  assert.deepEqual(credentials, {});
  assert.equal(skipped.length, 1);
  assert.ok(!JSON.stringify(skipped).includes(MARKER), "the key is told with its password");
});

const BROKEN_ENTRIES: readonly [name: string, key: string, entry: unknown, reason: RegExp][] = [
  ["auth that is no base64", "a.io", { auth: `!${MARKER}` }, /"auth" is not base64$/],
  ["auth without a colon", "a.io", { auth: btoa(MARKER) }, /not base64 of user:password/],
  ["auth that is no string", "a.io", { auth: [MARKER] }, /"auth" must be a string/],
  ["a password that is no string", "a.io", { password: { MARKER } }, /"password" must be a string/],
  ["a user name with a colon", "a.io", { username: `u:${MARKER}` }, /"username" holds a colon/],
  ["no object", "a.io", MARKER, /must be an object/],
  ["an array", "a.io", [MARKER], /must be an object/],
  ["null", "a.io", null, /must be an object/],
  ["an identity token of another type", "a.io", { identitytoken: { MARKER } }, /"identitytoken"/],
  ["auth in base64url", "a.io", { auth: "dTr_-w==" }, /"auth" is not base64$/],
  ["a key that names no registry", "a b", { auth: AUTH }, /the key names no registry/],
];

for (const [name, key, entry, reason] of BROKEN_ENTRIES) {
  Deno.test(`an entry with ${name} is left out with secret, key and reason; the others count`, () => {
    const { credentials, skipped } = read(
      secretWith({ auths: { "b.io": { auth: AUTH }, [key]: entry } }),
    );
    assert.deepEqual(credentials, { "b.io": { auth: AUTH } });
    assert.deepEqual(skipped.map((what) => what.slice(0, 2)), [["my-secret", key]]);
    assert.match(skipped[0]?.[2] ?? "", reason);
    assert.ok(!JSON.stringify(skipped).includes(MARKER));
  });
}

const BROKEN_SECRETS: readonly [name: string, secret: Secret, reason: RegExp][] = [
  ["no JSON", secretWith(`{"auths": ${MARKER}`), /not valid JSON/],
  ["an array", secretWith([MARKER]), /must be/],
  ["auths that are no object", secretWith({ auths: MARKER }), /"auths" must be an object/],
  ["broken base64", { ...secretWith({}), data: { ".dockerconfigjson": "!" } }, /is not base64/],
  ["no such data key", { ...secretWith({}), data: {} }, /no data key "\.dockerconfigjson"/],
  [
    "bytes that are no text",
    { ...secretWith({}), data: { ".dockerconfigjson": "/w==" } },
    /base64 of UTF-8/,
  ],
];

for (const [name, secret, reason] of BROKEN_SECRETS) {
  Deno.test(`a secret that holds ${name} is left out with its name and the reason`, () => {
    const { credentials, skipped } = read(secret);
    assert.deepEqual(credentials, {});
    assert.deepEqual(skipped.map((what) => what.slice(0, 2)), [["my-secret", undefined]]);
    assert.match(skipped[0]?.[2] ?? "", reason);
    assert.ok(!JSON.stringify(skipped).includes(MARKER));
  });
}

Deno.test("keys with a meaning to JavaScript are keys like any other", () => {
  const text = `{"auths": {"__proto__": {"auth": "${AUTH}"}, "constructor": {"auth": "${AUTH}"}}}`;
  const { credentials, skipped } = read(secretWith(text));
  assert.deepEqual(Object.keys(credentials), ["constructor"]);
  assert.deepEqual(skipped.map(([, key]) => key), ["__proto__"]);
});
