import assert from "node:assert/strict";
import { readSecret } from "../../src/credentials/docker_config.ts";
import { formatScope } from "../../src/credentials/scope.ts";
import type { Secret } from "../../src/kubernetes/secrets/secret.ts";

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
    { auth: "", username: "", email: "" },
    { auth: null, identitytoken: null },
    { auth: btoa(":") },
    { auth: btoa(":\0") },
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
  const auths = { "https://quay.io": {}, "quay.io": { auth: AUTH }, "a.io": { username: "" } };
  const markers: string[][] = [];
  const skipped = () => assert.fail("nothing is broken");
  readSecret(secretWith({ auths }), skipped, (...what) => markers.push(what));
  assert.deepEqual(markers, [["my-secret", "a.io"], ["my-secret", "https://quay.io"]]);
});

/** Secrets by which no registry can be opened, each with the reason. */
const EMPTY_SECRETS: readonly [
  name: string,
  content: unknown,
  type: Secret["type"],
  reason: RegExp,
][] = [
  ["no member", {}, "kubernetes.io/dockerconfigjson", /^it has no "auths"$/],
  [
    "helpers alone",
    { credHelpers: { "a.io": "x" } },
    "kubernetes.io/dockerconfigjson",
    /^it has no "auths"$/,
  ],
  [
    "auths that are null",
    { auths: null },
    "kubernetes.io/dockerconfigjson",
    /^it has no "auths"$/,
  ],
  [
    "empty auths",
    { auths: {} },
    "kubernetes.io/dockerconfigjson",
    /^its "auths" is empty$/,
  ],
  [
    "what a .dockercfg holds",
    { "mirror.example.com:5000": { auth: "dTpw" } },
    "kubernetes.io/dockerconfigjson",
    /^its registries are not in "auths", as in a secret of type kubernetes\.io\/dockercfg; put them into "auths"$/,
  ],
  [
    "auths in the legacy type",
    { auths: { "mirror.example.com:5000": { auth: "dTpw" } } },
    "kubernetes.io/dockercfg",
    /^it has "auths" like a secret of type kubernetes\.io\/dockerconfigjson; give it that type$/,
  ],
  ["nothing in the legacy type", {}, "kubernetes.io/dockercfg", /^it names no registry$/],
  [
    "base64 twice",
    encode(JSON.stringify({ auths: { "a.io": { auth: "dTpw" } } })),
    "kubernetes.io/dockerconfigjson",
    /^its data is encoded in base64 twice; encode it once, or put the plain text in stringData$/,
  ],
];

for (const [name, content, type, reason] of EMPTY_SECRETS) {
  Deno.test(`a secret that holds ${name} is told of, with what is wrong`, () => {
    const { credentials, skipped } = read(secretWith(content, type));
    assert.deepEqual(credentials, {});
    assert.deepEqual(skipped.map((what) => what.slice(0, 2)), [["my-secret", undefined]]);
    assert.match(skipped[0]?.[2] ?? "", reason);
  });
}

Deno.test("a secret in UTF-16, as PowerShell writes files, is named as such", () => {
  const bytes = Uint8Array.of(0xff, 0xfe, ...[..."{}"].flatMap((sign) => [sign.charCodeAt(0), 0]));
  for (const data of [bytes, bytes.subarray(2)]) {
    const secret = { ...secretWith({}), data: { ".dockerconfigjson": data.toBase64() } };
    assert.match(read(secret).skipped[0]?.[2] ?? "", /is UTF-16 text, as PowerShell writes it/);
  }
});

Deno.test("members are found in any case, as the kubelet finds them", () => {
  const auths = {
    "a.io": { Username: "u", PASSWORD: "p" },
    "b.io": { Auth: btoa("u:1"), IdentityToken: "t" },
    // Of several the last in the text counts, as with Go's decoder.
    "c.io": { auth: btoa("u:1"), AUTH: btoa("u:2") },
    "d.io": { AUTH: btoa("u:2"), auth: btoa("u:1"), Auth: null },
  };
  assert.deepEqual(read(secretWith({ Auths: auths })), {
    credentials: {
      "a.io": { auth: btoa("u:p") },
      "b.io": { auth: btoa("u:1"), identitytoken: "t" },
      "c.io": { auth: btoa("u:2") },
      "d.io": { auth: btoa("u:1") },
    },
    skipped: [],
  });
  assert.deepEqual(
    Object.keys(
      read(
        secretWith(
          `{"auths": {"a.io": {"auth": "${AUTH}"}}, "AUTHS": {"b.io": {"auth": "${AUTH}"}}}`,
        ),
      ).credentials,
    ),
    ["a.io", "b.io"],
  );
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
  ["a user name with a colon", "a.io", { username: `u:${MARKER}` }, /"username" has a colon/],
  ["no object", "a.io", MARKER, /must be an object/],
  ["an array", "a.io", [MARKER], /must be an object/],
  ["null", "a.io", null, /must be an object/],
  ["an identity token of another type", "a.io", { identitytoken: { MARKER } }, /"identitytoken"/],
  [
    "a registrytoken alone",
    "a.io",
    { registrytoken: MARKER },
    /only a "registrytoken", which CRI-O/,
  ],
  [
    "an e-mail address alone",
    "a.io",
    { email: MARKER, auth: "" },
    /it has only an "email" and no/,
  ],
  [
    "auth that is base64 twice",
    "a.io",
    { auth: btoa(btoa(`u:${MARKER}`)) },
    /not base64 of user:password: it was encoded twice$/,
  ],
  ["auth in base64url", "a.io", { auth: "dTr_-w==" }, /"auth" is not base64$/],
  [
    "a key that names no registry",
    "a b",
    { auth: AUTH },
    /^the key is not a registry; write a host, with port and path/,
  ],
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
