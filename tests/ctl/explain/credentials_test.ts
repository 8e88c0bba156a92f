import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAuthFile, parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import { readSecret } from "../../../src/credentials/docker_config.ts";
import { composeAuthFile } from "../../../src/delivery/auth_file/resolve.ts";
import { choose } from "../../../src/credentials/choose.ts";
import { explainCredentials, type Used } from "../../../src/ctl/explain/credentials.ts";
import type { Secret } from "../../../src/kubernetes/secrets/secret.ts";
import { parseRepository } from "../../../src/sources/reference.ts";
import { lookUpCredential } from "../../support/image_library_lookup.ts";
import { entries, globalFile, pullSources } from "../../support/resolution_cases.ts";
import { lookedThrough } from "../../support/secrets_read.ts";

const encode = (text: string) => new TextEncoder().encode(text).toBase64();

function secretOf(name: string, content: unknown): Secret {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const data = { ".dockerconfigjson": encode(text) };
  return { name, type: "kubernetes.io/dockerconfigjson", data };
}

/** `quay.io/team=one` is an entry of secret `one` with user and password `one`. */
function secretsOf(texts: readonly string[]): Secret[] {
  return texts.map((text) => {
    const [key = "", name = ""] = text.split("=");
    return secretOf(name, { auths: { [key]: { auth: btoa(`${name}:${name}`) } } });
  });
}

function explain(sources: string[], secrets: readonly Secret[], global?: unknown) {
  const repositories = sources.map((source) => {
    const repository = parseRepository(source);
    assert.ok(repository, source);
    return repository;
  });
  const file = global === undefined
    ? undefined
    : parseAuthFile(JSON.stringify(global), "config.json");
  return explainCredentials(repositories, lookedThrough(secrets, repositories), file, {
    showUsers: true,
  });
}

const GLOBAL = { auth: btoa("node:node") };

const VERDICTS: readonly [
  name: string,
  source: string,
  secrets: string[],
  global: unknown,
  verdicts: string[],
][] = [
  [
    "the only credential that covers a source is chosen",
    "quay.io/team/app",
    ["quay.io=a"],
    undefined,
    ["a quay.io chosen: the only one of the namespace that covers it"],
  ],
  [
    "of two paths the longer one is chosen",
    "quay.io/team/app",
    ["quay.io/team=a", "quay.io=b"],
    undefined,
    [
      "a quay.io/team chosen: the most specific one that covers it",
      "b quay.io shorter-path: less specific: its path is shorter",
    ],
  ],
  [
    "of two hosts the one with fewer wildcards is chosen",
    "a.x.io/app",
    ["*.x.io=a", "a.x.io=b", "*.*.io=c"],
    undefined,
    [
      "b a.x.io chosen: the most specific one that covers it",
      "a *.x.io wider-host: less specific: more of its host is a wildcard",
      "c *.*.io wider-host: less specific: more of its host is a wildcard",
    ],
  ],
  [
    "of equally specific ones the last is chosen, and whether they differ is told",
    "quay.io/team/app",
    ["quay.io=a", "https://quay.io=a", "quay.io/=b", "quay.io=b"],
    undefined,
    [
      "b quay.io/ chosen: as specific as others, and the last in the order of secrets and keys",
      "b quay.io earlier-in-order: as specific as the chosen one, but earlier in the order of " +
      "secrets and keys; both hold the same credential",
      "a quay.io earlier-in-order: as specific as the chosen one, but earlier in the order of " +
      "secrets and keys; they hold different credentials",
      "a https://quay.io earlier-in-order: as specific as the chosen one, but earlier in the order " +
      "of secrets and keys; they hold different credentials",
    ],
  ],
  [
    "what does not cover a source is told apart by host, port and path",
    "a.x.io:5000/team/app",
    ["b.x.io:5000=a", "a.x.io:5001=b", "a.x.io=c", "a.x.io:5000/other=d", "*.y.io=e", "*.x.io=f"],
    undefined,
    [
      "a b.x.io:5000 other-host: another host",
      "b a.x.io:5001 other-port: another port of that host",
      "c a.x.io other-port: another port of that host",
      "d a.x.io:5000/other other-path: another path",
      "e *.y.io other-host: another host",
      "f *.x.io other-port: another port of that host",
    ],
  ],
  [
    "a path is another one where it only begins alike",
    "quay.io/team/app",
    ["quay.io/tea=a"],
    undefined,
    ["a quay.io/tea other-path: another path"],
  ],
  [
    "a global entry counts where the namespace has none",
    "quay.io/team/app",
    [],
    { auths: { "quay.io": GLOBAL, "quay.io/other": GLOBAL } },
    ["global-entry quay.io chosen: no credential of the namespace covers it"],
  ],
  [
    "a global entry stands behind the namespace's credential, however specific it is",
    "quay.io/team/app",
    ["quay.io=a"],
    { auths: { "quay.io/team": GLOBAL } },
    [
      "a quay.io chosen: the only one of the namespace that covers it",
      "global-entry quay.io/team behind-namespace: a credential of the namespace counts first",
    ],
  ],
  [
    "a global entry without credential is told to be one",
    "quay.io/team/app",
    [],
    { auths: { "quay.io": { username: "u", password: "p" } } },
    [
      'global-entry quay.io no-credential: has "username" and "password" without "auth", and CRI-O reads ' +
      '"auth" alone',
    ],
  ],
  [
    "a global entry without its padding is told to be broken",
    "quay.io/team/app",
    [],
    { auths: { "quay.io": { auth: "dTpwdzE" } } },
    [
      'global-entry quay.io broken: broken: has an "auth" in base64 without the "=" at its end, which ' +
      "CRI-O does not take",
    ],
  ],
  [
    "global entries under keys that are never found are told to be such, where they are meant for the source",
    "quay.io/team/app",
    [],
    { auths: { "quay.io/": GLOBAL, "quay.io/v1/": GLOBAL, "*.io": GLOBAL, "ghcr.io/": GLOBAL } },
    [
      'global-entry quay.io/ never-found: has a slash at its end, and so is never found; write it as "quay.io"',
      "global-entry quay.io/v1/ never-found: has the registry API's path without a scheme, and so is never " +
      'found; write it as "quay.io"',
      "global-entry *.io never-found: is a wildcard, by which nothing is found in an auth file; write an " +
      "entry for each host",
    ],
  ],
  [
    "a global helper counts where the namespace has no credential",
    "quay.io/team/app",
    [],
    { auths: { "quay.io": GLOBAL }, credHelpers: { "quay.io": "helper" } },
    ["global-helper quay.io chosen: no credential of the namespace covers it"],
  ],
  [
    "a global helper stands behind the namespace's credential",
    "quay.io/team/app",
    ["quay.io=a"],
    { credHelpers: { "quay.io": "helper" } },
    [
      "a quay.io chosen: the only one of the namespace that covers it",
      "global-helper quay.io behind-namespace: a credential of the namespace counts first",
    ],
  ],
];

for (const [name, source, secrets, global, expected] of VERDICTS) {
  Deno.test(name, () => {
    // Several entries of one secret, as the texts are grouped by its name.
    const merged = Object.entries(Object.groupBy(secrets, (text) => text.split("=")[1] ?? ""))
      .map(([name, texts = []]) => {
        const auth = btoa(`${name}:${name}`);
        const auths = texts.map((text) => [text.split("=")[0] ?? "", { auth }]);
        return secretOf(name, { auths: Object.fromEntries(auths) });
      });
    const [explained] = explain([source], merged, global).sources;
    const told = explained?.candidates.map(({ origin, secret, key, verdict, reason }) =>
      `${secret ?? origin} ${key} ${verdict}: ${reason}`
    );
    assert.deepEqual(told, expected);
  });
}

Deno.test("a helper that another source needs out of the way is told to the source that loses it", () => {
  const { sources, warnings, global } = explain(
    ["quay.io/team/app", "quay.io/other/app"],
    secretsOf(["quay.io/team=a"]),
    { auths: { "quay.io/other": GLOBAL }, credHelpers: { "quay.io": "h", "ghcr.io": "h" } },
  );
  assert.deepEqual(
    sources[1]?.candidates.slice(1).map(({ origin, verdict, reason }) =>
      `${origin} ${verdict}: ${reason}`
    ),
    [
      "global-helper behind-namespace: left out: another source on quay.io has a credential of the " +
      "namespace",
      "global-entry chosen: no credential of the namespace covers it",
    ],
  );
  assert.deepEqual(sources[1]?.used, { kind: "global", keys: ["quay.io/other"], user: "node" });
  assert.deepEqual([global.helpersKept, global.helpersLeftOut], [["ghcr.io"], ["quay.io"]]);
  assert.equal(warnings.length, 1);
});

Deno.test("broken entries and markers are candidates, and what names no registry is told once", () => {
  const { sources, unusable } = explain(["quay.io/team/app"], [
    secretOf("a", "{"),
    secretOf("b", {
      auths: {
        "quay.io": {},
        "https://quay.io": { auth: "!" },
        "ghcr.io": { auth: "!" },
        "docker.io": {},
        "https://me:pw@quay.io": { auth: btoa("u:p") },
      },
    }),
  ]);
  assert.deepEqual(
    sources[0]?.candidates.map(({ key, verdict, reason }) => [key, verdict, reason]),
    [
      ["docker.io", "other-host", "another host"],
      ["ghcr.io", "other-host", `another host, and broken: its "auth" is not base64`],
      ["https://quay.io", "broken", `broken: its "auth" is not base64`],
      ["quay.io", "no-credential", "holds no credential, as credential helpers leave it behind"],
    ],
  );
  assert.deepEqual(unusable, [
    { secret: "a", reason: "not valid JSON (line 1, column 2)" },
    {
      secret: "b",
      key: "https://…@quay.io",
      reason: "the key is not a registry; write a host, with port and path if needed, such as " +
        "registry.example.com:5000/team",
    },
  ]);
});

Deno.test("what the global file contributes is told key by key", () => {
  const { global, entries } = explain(["quay.io/team/app"], secretsOf(["quay.io=a"]), {
    auths: { "quay.io": GLOBAL, "ghcr.io": GLOBAL, "https://me:pw@x.io": GLOBAL },
    credHelpers: { "ghcr.io": "h" },
    HttpHeaders: { Authorization: "secret" },
  });
  assert.deepEqual(global, {
    kept: ["ghcr.io", "https://…@x.io"],
    replaced: ["quay.io"],
    helpersKept: ["ghcr.io"],
    helpersLeftOut: [],
    otherFields: ["HttpHeaders"],
  });
  assert.deepEqual(entries, [
    { key: "quay.io", origin: "secret", secret: "a", replacesGlobal: true },
    { key: "ghcr.io", origin: "global", replacesGlobal: false },
    { key: "https://…@x.io", origin: "global", replacesGlobal: false },
  ]);
});

Deno.test("a pull from a source whose global entry the library cannot read is told to fail", () => {
  const { sources } = explain(["quay.io/team/app"], [], {
    auths: { "quay.io": { auth: "dTpwdzE" } },
  });
  assert.deepEqual(sources[0]?.used, {
    kind: "error",
    keys: ["quay.io"],
    reason: 'has an "auth" in base64 without the "=" at its end, which CRI-O does not take',
  });
});

Deno.test("a global entry of a wrong type is left out with a warning, and the rest counts", () => {
  const { sources, warnings, entries } = explain(
    ["quay.io/team/app"],
    secretsOf(["quay.io=a"]),
    { auths: { "ghcr.io": "text", "x.io": GLOBAL }, credHelpers: { "me:pw@y.io": 5 } },
  );
  assert.equal(sources[0]?.used.kind, "secret");
  assert.deepEqual(entries?.map(({ key }) => key), ["x.io", "quay.io"]);
  assert.deepEqual(warnings, [
    `the global auth file's "ghcr.io" in "auths" must be an object: left out, since CRI-O refuses a whole ` +
    "file for it",
    `the global auth file's "…@y.io" in "credHelpers" must be a string: left out, since CRI-O refuses a ` +
    "whole file for it",
  ]);
});

Deno.test("several credentials of the namespace for the image itself are told", () => {
  const repository = parseRepository("m.io/team/app");
  assert.ok(repository);
  const told = (...texts: string[]) =>
    explainCredentials([repository], lookedThrough(secretsOf(texts), [repository]), undefined, {
      showUsers: false,
      image: "quay.io/team/app",
    }).ownPairs;
  assert.deepEqual(told("quay.io=a", "quay.io/team=b", "m.io=c"), ["a", "b"]);
  assert.deepEqual(told("quay.io=a", "m.io=b"), []);
});

Deno.test("without anything to put in it there is no file", () => {
  const { entries, sources } = explain(["quay.io/team/app"], secretsOf(["ghcr.io=a"]));
  assert.equal(entries, undefined);
  assert.deepEqual(sources[0]?.used, { kind: "none", keys: [] });
});

Deno.test("user names are told only when that was asked for", () => {
  const [repository] = [parseRepository("quay.io/team/app")];
  assert.ok(repository);
  const global = parseAuthFile(JSON.stringify({ auths: { "quay.io": GLOBAL } }), "config.json");
  const alice = secretsOf(["quay.io=alice"]);
  const told = (showUsers: boolean) =>
    JSON.stringify([
      explainCredentials([repository], lookedThrough(alice, [repository]), undefined, {
        showUsers,
      }),
      explainCredentials([repository], lookedThrough([], [repository]), global, { showUsers }),
    ]);
  assert.equal(told(true).match(/"user":"(?:alice|node)"/g)?.length, 4);
  assert.doesNotMatch(told(false), /user|node/);
});

function decode(entry: { auth: string; identitytoken?: string }) {
  const [username = "", password = ""] = atob(entry.auth).split(":");
  const token = entry.identitytoken === undefined ? {} : { identitytoken: entry.identitytoken };
  return { kind: "credential", username, password, ...token };
}

Deno.test("what is said to be used is what the image library finds in the plugin's file", () => {
  fc.assert(
    fc.property(pullSources, entries, globalFile, (sources, entries, globalFile) => {
      const contents = entries.map(([key, auth, token]) => ({
        [key]: token ? { auth, identitytoken: "t" } : { auth },
      }));
      const secrets = contents.map((auths, index) => secretOf(`secret-${index}`, { auths }));
      const global = globalFile === null
        ? undefined
        : parseAuthFile(JSON.stringify(globalFile), "config.json");
      const credentials = secrets.flatMap((secret) =>
        readSecret(secret, () => assert.fail("nothing is broken"))
      );
      const { file } = composeAuthFile(choose(sources, credentials), global);
      const written = file === undefined ? {} : JSON.parse(formatAuthFile(file));

      const told = explainCredentials(sources, lookedThrough(secrets, sources), global, {
        showUsers: false,
      });
      assert.deepEqual(told.entries?.map(({ key }) => key), file && [...file.auths.keys()]);
      for (const [index, source] of sources.entries()) {
        const repository = `${source.host}/${source.path}`;
        const explained = told.sources[index];
        assert.ok(explained?.repository === repository);
        assert.deepEqual(
          expectedLookup(explained.used, globalFile?.auths ?? {}, contents),
          lookUpCredential(written, repository).toSorted(byText),
          repository,
        );
        const { candidates } = explained;
        assert.equal(candidates.filter(({ origin }) => origin === "secret").length, entries.length);
        const chosen = candidates.filter(({ verdict }) => verdict === "chosen");
        assert.equal(chosen.length > 0, !["none", "error"].includes(explained.used.kind));
        assert.ok(
          chosen.every(({ origin }) =>
            (origin === "secret") === (explained.used.kind === "secret")
          ),
        );
      }
    }),
    { numRuns: 2000 },
  );
});

/** What the library would have to find for an explanation to be right. */
function expectedLookup(
  used: Used,
  global: Readonly<Record<string, object>>,
  contents: readonly Readonly<Record<string, { auth: string; identitytoken?: string }>>[],
): unknown[] {
  switch (used.kind) {
    case "secret": {
      const entry = contents[Number(used.secret.replace("secret-", ""))]?.[used.key];
      assert.ok(entry);
      return [decode(entry)];
    }
    case "error":
    case "global": {
      const found = used.keys.flatMap((key) =>
        lookUpCredential({ auths: { [key]: global[key] } }, keyAsRepository(key))
      );
      return [...new Map(found.map((result) => [JSON.stringify(result), result])).values()].sort(
        byText,
      );
    }
    case "helper":
      return [{ kind: "helper", helper: "helper" }];
    case "none":
      return [{ kind: "none" }];
  }
}

/** A repository that an entry alone in a file is found for. */
function keyAsRepository(key: string): string {
  const name = key.replace(/^https?:\/\//, "");
  return name === key ? key : name.split("/")[0] ?? "";
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
