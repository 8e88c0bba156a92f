import assert from "node:assert/strict";
import { formatAuthFile, parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import type { ScopedCredential } from "../../../src/credentials/docker_config.ts";
import { composeAuthFile } from "../../../src/delivery/auth_file/resolve.ts";
import { choose } from "../../../src/credentials/choose.ts";
import { parseScope } from "../../../src/credentials/scope.ts";
import { parseRepository } from "../../../src/sources/reference.ts";

function repository(reference: string) {
  const parsed = parseRepository(reference);
  assert.ok(parsed, reference);
  return parsed;
}

/** A credential named after its password: `quay.io/team=one` in secret `one`. */
function credential(text: string): ScopedCredential {
  const [key = "", password = ""] = text.split("=");
  const scope = parseScope(key);
  assert.ok(scope, key);
  return { scope, key, secret: password, credential: { auth: btoa(`u:${password}`) } };
}

function resolve(sources: string[], credentials: string[], global?: unknown) {
  const choice = choose(sources.map(repository), credentials.map(credential));
  const { file, warnings } = composeAuthFile(
    choice,
    global === undefined ? undefined : parseAuthFile(JSON.stringify(global), "config.json"),
  );
  const text = file && formatAuthFile(file).replaceAll(/"auth": "([^"]+)"/g, (_, auth) => {
    return `"auth": "${atob(auth).replace(/^u:/, "")}"`;
  });
  return { file: text && JSON.parse(text), warnings: [...choice.warnings, ...warnings] };
}

const entry = (password: string) => ({ auth: password });
const global = (password: string) => ({ auth: btoa(`u:${password}`) });

const CASES: readonly [
  name: string,
  sources: string[],
  credentials: string[],
  global: unknown,
  file: unknown,
][] = [
  [
    "a credential goes in under the key a person would expect",
    ["localhost:5000/library/nginx", "docker.io/library/nginx"],
    ["http://localhost:5000=a"],
    undefined,
    { auths: { "localhost:5000": entry("a") } },
  ],
  [
    "the longest path is chosen for each source",
    ["quay.io/team/app", "quay.io/other/app"],
    ["quay.io=host", "quay.io/team=team"],
    undefined,
    { auths: { "quay.io/team": entry("team"), "quay.io": entry("host") } },
  ],
  [
    "a credential that covers no source stays out",
    ["quay.io/team/app"],
    ["quay.io/tea=a", "ghcr.io=b", "quay.io:443=c"],
    undefined,
    undefined,
  ],
  [
    "Docker Hub's URL goes in under a key that is found",
    ["docker.io/library/nginx"],
    ["https://index.docker.io/v1/=hub"],
    undefined,
    { auths: { "docker.io": entry("hub") } },
  ],
  [
    "a wildcard goes in under the repository, since no auth file understands it",
    ["a.example.com/team/app"],
    ["*.example.com=wild"],
    undefined,
    { auths: { "a.example.com/team/app": entry("wild") } },
  ],
  [
    "an exact host counts before a wildcard",
    ["a.example.com/team/app"],
    ["a.example.com=exact", "*.example.com=wild"],
    undefined,
    { auths: { "a.example.com": entry("exact") } },
  ],
  [
    "of equally specific ones the last secret's counts",
    ["quay.io/team/app"],
    ["quay.io=a", "https://quay.io=b"],
    undefined,
    { auths: { "quay.io": entry("b") } },
  ],
  [
    "the global file is kept, with every field",
    ["quay.io/team/app"],
    ["quay.io=a"],
    {
      auths: { "ghcr.io": { ...global("g"), email: "e" } },
      credsStore: "s",
      HttpHeaders: { a: "b" },
    },
    {
      auths: { "ghcr.io": { ...entry("g"), email: "e" }, "quay.io": entry("a") },
      credsStore: "s",
      HttpHeaders: { a: "b" },
    },
  ],
  [
    "without a credential the global file is all there is",
    ["quay.io/team/app"],
    [],
    { auths: { "quay.io": global("g") } },
    { auths: { "quay.io": entry("g") } },
  ],
  ["an empty global file is nothing to write", ["quay.io/team/app"], [], {}, undefined],
  [
    "a global entry of the same key is replaced",
    ["quay.io/team/app"],
    ["quay.io=a"],
    { auths: { "quay.io": { ...global("g"), email: "e" } } },
    { auths: { "quay.io": entry("a") } },
  ],
  [
    "a more specific global entry does not hide the credential",
    ["quay.io/team/app"],
    ["quay.io=a"],
    { auths: { "quay.io/team": global("g") } },
    {
      auths: { "quay.io/team": entry("g"), "quay.io": entry("a"), "quay.io/team/app": entry("a") },
    },
  ],
  [
    "a global marker without credential does not hide the credential",
    ["quay.io/team/app"],
    ["quay.io=a"],
    { auths: { "quay.io/team": {} } },
    { auths: { "quay.io/team": {}, "quay.io": entry("a"), "quay.io/team/app": entry("a") } },
  ],
  [
    "a global entry that holds no auth does not count as the same credential",
    ["quay.io/team/app"],
    ["quay.io=a"],
    { auths: { "quay.io/team": { username: "u", password: "a" } } },
    {
      auths: {
        "quay.io/team": { username: "u", password: "a" },
        "quay.io": entry("a"),
        "quay.io/team/app": entry("a"),
      },
    },
  ],
  [
    "a global helper of the host is left out, those of others stay",
    ["quay.io/team/app", "ghcr.io/team/app"],
    ["quay.io=a"],
    { credHelpers: { "quay.io": "helper", "ghcr.io": "helper" } },
    { auths: { "quay.io": entry("a") }, credHelpers: { "ghcr.io": "helper" } },
  ],
  [
    "a global entry under Docker Hub's URL does not win over the credential under docker.io",
    ["docker.io/library/nginx"],
    ["docker.io=a"],
    { auths: { "https://index.docker.io/v1/": global("g") } },
    { auths: { "https://index.docker.io/v1/": entry("g"), "docker.io": entry("a") } },
  ],
  ...["docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v2/"].map((
    key,
  ): typeof CASES[number] => [
    `the key ${key} speaks for Docker Hub, and counts before a global entry of another spelling`,
    ["docker.io/library/nginx"],
    [`${key}=a`],
    { auths: { "docker.io": global("g"), "registry-1.docker.io": global("g") } },
    { auths: { "docker.io": entry("a"), "registry-1.docker.io": entry("g") } },
  ]),
  [
    "a wildcard counts before every global entry and helper of the host",
    ["a.example.com/team/app"],
    ["*.example.com=wild"],
    {
      auths: { "a.example.com/team/app": global("g"), "*.example.com": global("g") },
      credHelpers: { "a.example.com": "helper", "b.example.com": "helper" },
    },
    {
      auths: { "a.example.com/team/app": entry("wild"), "*.example.com": entry("g") },
      credHelpers: { "b.example.com": "helper" },
    },
  ],
  [
    "a global entry for the very repository is replaced by the credential of its host",
    ["quay.io/team/app", "quay.io/team/app/sub"],
    ["quay.io=a"],
    { auths: { "quay.io/team/app": global("g"), "quay.io/team/other": global("g") } },
    {
      auths: {
        "quay.io/team/app": entry("a"),
        "quay.io/team/other": entry("g"),
        "quay.io": entry("a"),
      },
    },
  ],
  [
    "a longer path under a wildcard host counts before a shorter one under the host itself",
    ["a.example.com/team/app"],
    ["*.example.com/team=wild", "a.example.com=exact"],
    undefined,
    { auths: { "a.example.com/team/app": entry("wild") } },
  ],
  [
    "a credential of another port does not count",
    ["localhost:5000/app"],
    ["localhost=a", "localhost:5001=b", "*=c"],
    undefined,
    undefined,
  ],
  [
    "where two keys mean one host the repository is named",
    ["registry-1.docker.io/library/nginx"],
    ["docker.io=a"],
    { auths: { "https://index.docker.io/v1/": global("g") } },
    {
      auths: {
        "https://index.docker.io/v1/": entry("g"),
        "docker.io": entry("a"),
        "registry-1.docker.io/library/nginx": entry("a"),
      },
    },
  ],
  [
    "a key that is added for one repository takes nothing from those below it",
    ["a.example.com/p/q", "a.example.com/p"],
    ["*.example.com/p/q=deep", "*.example.com/p=shallow"],
    { auths: { "a.example.com": global("deep") } },
    {
      auths: {
        "a.example.com": entry("deep"),
        "a.example.com/p": entry("shallow"),
        "a.example.com/p/q": entry("deep"),
      },
    },
  ],
];

for (const [name, sources, credentials, globalFile, expected] of CASES) {
  Deno.test(name, () => {
    assert.deepEqual(resolve(sources, credentials, globalFile).file, expected);
  });
}

Deno.test("a global entry of the same password but another identity token is not the same credential", () => {
  const global = { auths: { "quay.io/team": { auth: btoa("u:a"), identitytoken: "t" } } };
  const { file } = resolve(["quay.io/team/app"], ["quay.io=a"], global);
  assert.deepEqual(file.auths["quay.io/team/app"], entry("a"));
});

Deno.test("an identity token is kept", () => {
  const scoped = credential("quay.io=a");
  const { file } = composeAuthFile(
    choose([repository("quay.io/team/app")], [
      { ...scoped, credential: { ...scoped.credential, identitytoken: "t" } },
    ]),
    undefined,
  );
  assert.deepEqual(file?.auths.get("quay.io"), { auth: btoa("u:a"), identitytoken: "t" });
});

Deno.test("a tie of different credentials is told, with both secrets and keys", () => {
  const { warnings } = resolve(["quay.io/team/app"], ["quay.io=a", "https://quay.io=b"]);
  assert.deepEqual(warnings, [
    `quay.io/team/app has different credentials in secret "a" (key "quay.io") and secret "b" ` +
    `(key "https://quay.io"); the latter is used`,
  ]);
});

Deno.test("a tie of equal credentials, or under a more specific one, is not worth a word", () => {
  assert.deepEqual(resolve(["quay.io/team/app"], ["quay.io=a", "https://quay.io=a"]).warnings, []);
  const { warnings } = resolve(
    ["quay.io/team/app"],
    ["quay.io=a", "https://quay.io=b", "quay.io/team=c"],
  );
  assert.deepEqual(warnings, []);
});

Deno.test("a tie is told for each source that it concerns", () => {
  const { warnings } = resolve(["quay.io/a", "ghcr.io/a", "quay.io/b"], ["quay.io=1", "quay.io=2"]);
  assert.deepEqual(warnings.map((warning) => warning.split(" ")[0]), ["quay.io/a", "quay.io/b"]);
});

Deno.test("equally specific wildcards are a tie, which the later secret wins", () => {
  const { file, warnings } = resolve(["a.x.io/app"], ["*.x.io=one", "a.*.io=two"]);
  assert.deepEqual(file, { auths: { "a.x.io/app": entry("two") } });
  assert.match(warnings.join(), /secret "one" \(key "\*\.x\.io"\) and secret "two"/);
});

Deno.test("a source that loses the helper of its host to another source's credential is told of", () => {
  const { warnings } = resolve(
    ["quay.io/team/app", "quay.io/other/app"],
    ["quay.io/team=a"],
    { credHelpers: { "quay.io": "helper" } },
  );
  assert.match(
    warnings.join(),
    /^quay\.io\/other\/app is pulled without the global credential helper/,
  );
});

Deno.test("keys of the global file with a meaning to JavaScript are kept", () => {
  const text = `{"auths": {"__proto__": {"auth": "eDp5"}}, "__proto__": {"x": 1}}`;
  const { file } = composeAuthFile(
    choose([repository("quay.io/team/app")], [credential("quay.io=a")]),
    parseAuthFile(text, "config.json"),
  );
  assert.ok(file);
  const written = JSON.parse(formatAuthFile(file));
  assert.deepEqual(Object.keys(written).toSorted(), ["__proto__", "auths"]);
  assert.deepEqual(Object.keys(written.auths).toSorted(), ["__proto__", "quay.io"]);
});

Deno.test("of many entries of the global file that are left out, the first five are told, and how many more", () => {
  const auths = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`r${at}.example.com`, 5]));
  const { warnings } = resolve(["quay.io/a"], [], { auths });
  assert.equal(warnings.length, 6);
  assert.match(warnings[4] ?? "", /r4\.example\.com/);
  assert.equal(warnings[5], "3 more entries of the global auth file are left out");
});
