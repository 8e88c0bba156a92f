/** Generated auth files and secrets: as clients write them, by hand, and broken. */

import fc from "fast-check";

/** Repositories that are looked up. */
export const REPOSITORIES = [
  "docker.io/library/nginx",
  "docker.io/team/app",
  "registry-1.docker.io/team/app",
  "quay.io/team/app",
  "quay.io/team/app/deep",
  "quay.io/library/nginx",
  "a.quay.io/team/app",
  "quay.io:5000/team/app",
  "localhost:5000/team/app",
  "Registry.Example.COM/team/app",
];

const KEYS = [
  "quay.io",
  "quay.io/team",
  "quay.io/team/app",
  "quay.io/team/app/deep",
  "quay.io:5000",
  "quay.io:5000/team",
  "a.quay.io",
  "docker.io",
  "docker.io/team",
  "docker.io/library/nginx",
  "index.docker.io",
  "registry-1.docker.io",
  "https://index.docker.io/v1/",
  "https://quay.io",
  "http://quay.io/v2/",
  "localhost:5000",
  "Registry.Example.COM",
];

const ODD_KEYS = [
  "",
  "/",
  "quay.io/",
  "quay.io/team/",
  "quay.io/v1/",
  "quay.io/v2/team",
  "index.docker.io/v1/",
  "docker.io/v2/",
  "https://docker.io/team",
  "https://quay.io/team/app",
  "https://quay.io:5000/",
  "http://https://quay.io",
  "https://http://quay.io",
  "HTTPS://quay.io",
  "http://",
  "//quay.io",
  "*.quay.io",
  "*.io",
  "*",
  "quay.*",
  "*.quay.io/team",
  "*uay.io",
  "QUAY.IO",
  "registry.example.com",
  "quay.io/team/app:1.0",
  "quay.io/Team",
  "user@quay.io",
  "quay.io?x",
  "quay.io#x",
  "[::1]:5000",
  "__proto__",
  "constructor",
  "0",
  "quay.io\n",
  " quay.io",
  "\u00fc.example",
  "quay.io/team//app",
];

const HELPER_HOSTS = [
  "quay.io",
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "https://index.docker.io/v1/",
  "localhost:5000",
  "quay.io/team",
  "QUAY.IO",
];

/** JSON as text, so that its members keep their order. */
type Member = readonly [name: string, value: string];

/**
 * An object. No name is there twice in it: JSON leaves open what that means (RFC 8259, section 4), and
 * where JavaScript takes the last, the library joins objects. Names may differ in case alone.
 */
function object(members: readonly Member[]): string {
  const byName = new Map(members);
  return `{${[...byName].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

function often<T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: usual, weight }, { arbitrary: rare, weight: 1 });
}

/** A value of a type that is seldom the right one. */
const anyValue = fc.constantFrom("null", "1", "true", '""', '"x"', "[]", "{}", '["x"]', "[null]");

/** Member names are matched without regard to case, and with Unicode's case folding. */
function named(name: string): fc.Arbitrary<string> {
  return often(
    fc.constant(name),
    fc.constantFrom(
      name.toUpperCase(),
      name.toLowerCase(),
      name.charAt(0).toUpperCase() + name.slice(1),
      name.replace("s", "\u017f"),
      name.replace("k", "\u212a"),
      `${name} `,
      name.replace("h", "\u04bb"),
    ),
    30,
  );
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

const login = fc.tuple(
  fc.constantFrom("u", "user", "\u00fcser", ""),
  fc.integer({ min: 0, max: 99 }),
)
  .map(([user, number]) => `${user}:password-${number}`);

const goodAuth = login.map(base64);
const oddAuth = fc.oneof(
  login.map((login) => base64(login).replace(/=+$/, "")),
  login.map((login) => `${base64(login)}=`),
  login.map((login) => base64(`${login}\0\0`)),
  login.map((login) => base64(login.replace(":", ":\0"))),
  login.map((login) => base64(login.replace(":", ":a:b"))),
  login.map((login) => base64(login.replace(":", ""))),
  login.map((login) => base64(base64(login))),
  login.map((login) => base64(login).replace(/^(.{4})/, "$1\n")),
  login.map((login) => base64(login).replace(/^(.{4})/, "$1\r\n")),
  login.map((login) => base64(login).replace(/^(.{4})/, "$1 ")),
  login.map((login) => `${base64(login)}\n`),
  login.map((login) => base64(`${login}?>~`).replaceAll("+", "-").replaceAll("/", "_")),
);

const SHORT_AUTHS = [
  "",
  "!",
  "=",
  ":",
  // Nothing on one side of the colon, or on both, and NULs behind.
  "dTo=",
  "OnA=",
  "Og==",
  "OgAA",
  "dToA",
  "dTpw====",
  "dTp",
  "dTpwdzE",
  "dTpwdz=F",
  // The last bits of a final group that stand for nothing.
  "dTpwYQ==",
  "dTpwYR==",
  "dTpwYX==",
  // No UTF-8.
  "dTpx/w==",
  "/zr/",
  "dTr/",
];

const auth = fc.oneof(
  { arbitrary: goodAuth, weight: 6 },
  { arbitrary: oddAuth, weight: 2 },
  { arbitrary: fc.constantFrom(...SHORT_AUTHS), weight: 2 },
).map((text) => JSON.stringify(text));

/** What an entry is made of, in any order. */
const entry: fc.Arbitrary<string> = often(
  fc.array(
    fc.oneof(
      { arbitrary: fc.tuple(named("auth"), often(auth, anyValue, 40)), weight: 10 },
      {
        arbitrary: fc.tuple(
          named("identitytoken"),
          often(fc.constantFrom('"t1"', '"t2"', '""'), anyValue, 20),
        ),
        weight: 2,
      },
      {
        arbitrary: fc.tuple(
          fc.constantFrom("username", "password", "email", "registrytoken", "Username", "PASSWORD"),
          often(fc.constantFrom('"u"', '"p"', '""'), anyValue, 10),
        ),
        weight: 3,
      },
    ),
    { maxLength: 3 },
  ).map(object),
  anyValue,
  40,
);

const simpleEntry = goodAuth.map((auth) => object([["auth", JSON.stringify(auth)]]));

const auths = fc.array(
  fc.tuple(
    often(fc.constantFrom(...KEYS), fc.constantFrom(...ODD_KEYS), 3),
    often(simpleEntry, entry, 1),
  ),
  { maxLength: 6 },
).map(object);

const credHelpers = fc.array(
  fc.tuple(
    fc.constantFrom(...HELPER_HOSTS),
    often(fc.constantFrom('"knows-all"', '"knows-none"', '"lost"'), anyValue, 20),
  ),
  { maxLength: 2 },
).map(object);

const document = fc.array(
  fc.oneof(
    { arbitrary: fc.tuple(named("auths"), often(auths, anyValue, 40)), weight: 12 },
    { arbitrary: fc.tuple(named("credHelpers"), often(credHelpers, anyValue, 20)), weight: 3 },
    {
      arbitrary: fc.tuple(
        fc.constantFrom("credsStore", "HttpHeaders", "currentContext", "__proto__", "quay.io"),
        fc.oneof(anyValue, entry),
      ),
      weight: 1,
    },
  ),
  { minLength: 1, maxLength: 3 },
).map(object);

const spoilt = fc.oneof(
  auths,
  fc.constantFrom(
    "",
    " ",
    "null",
    "[]",
    "1",
    '"x"',
    "{",
    "{}x",
    "{} {}",
    '{"auths":{},}',
    "\ufeff{}",
  ),
  document.map((text) => `\ufeff${text}`),
  document.map((text) => `${text}\n\t `),
  document.map((text) => `${text},`),
  document.map((text) => text.replace(":", "=")),
  document.map((text) => text.replace('"', "'")),
  document.map((text) => text.replace("{", "{/**/")),
  document.map((text) => text.replace('"auth"', '"\\u0061uth"')),
  document.map((text) => text.replace('"auth"', '"\\x61uth"')),
  document.map((text) => text.replace('"auth"', '"\\ud800"')),
);

/** Texts of auth files. */
export const authFiles: fc.Arbitrary<string> = often(document, spoilt, 12);

/** Keys as they stand in auth files, rightly or not. */
export const keys: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...KEYS, ...ODD_KEYS),
  fc.tuple(
    fc.constantFrom("", "https://", "http://"),
    fc.constantFrom(
      "quay.io",
      "docker.io",
      "index.docker.io",
      "registry-1.docker.io",
      "quay",
      "Q.IO",
    ),
    fc.constantFrom("", ":5000", ":", ":x"),
    fc.constantFrom("", "/", "/v1", "/v1/", "/v2/", "/a", "/a/b", "/a/", "//a", "/A", "/a:1", "/*"),
  ).map((parts) => parts.join("")),
);

/** A secret as it is listed. */
export interface MadeSecret {
  readonly name: string;
  readonly type: "kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg";
  /** The JSON in it. */
  readonly text: string;
}

/** A namespace's secrets in the order of their names. */
export const secrets: fc.Arbitrary<MadeSecret[]> = fc.array(
  fc.oneof(
    {
      arbitrary: authFiles.map((text) =>
        ({ type: "kubernetes.io/dockerconfigjson", text }) as const
      ),
      weight: 4,
    },
    {
      arbitrary: auths.map((text) => ({ type: "kubernetes.io/dockercfg", text }) as const),
      weight: 1,
    },
  ),
  { maxLength: 3 },
).map((secrets) => secrets.map((secret, index) => ({ ...secret, name: `secret-${index}` })));
