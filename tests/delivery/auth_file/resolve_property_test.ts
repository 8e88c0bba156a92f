import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAuthFile, parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import type { ScopedCredential } from "../../../src/credentials/docker_config.ts";
import { mergePages, readCredentials } from "../../../src/credentials/namespace_credentials.ts";
import { composeAuthFile } from "../../../src/delivery/auth_file/resolve.ts";
import { choose } from "../../../src/credentials/choose.ts";
import { formatScope, parseScope } from "../../../src/credentials/scope.ts";
import { listPages } from "../../../src/kubernetes/secrets/list.ts";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import { findPullSources } from "../../../src/sources/registries_conf/pull_sources.ts";
import { formatRepository, type Repository } from "../../../src/sources/reference.ts";
import { lookUpCredential } from "../../support/image_library_lookup.ts";
import { readRegistries, readSources, type TomlTable } from "../../support/registries_reading.ts";
import { formatToml } from "../../support/toml.ts";
import { share } from "../../support/share.ts";

import {
  entries,
  globalFile as globalFiles,
  hosts,
  key,
  path,
  pullSources,
  source,
} from "../../support/resolution_cases.ts";
import { report } from "../../support/summary.ts";

// Numbers that JSON.parse changes are not worth writing by other means: no client reads any.
const otherFields = fc.dictionary(
  fc.constantFrom("credsStore", "HttpHeaders", "__proto__", "constructor", "currentContext"),
  fc.jsonValue({ maxDepth: 2 }).map((value): unknown => JSON.parse(JSON.stringify(value))),
  { maxKeys: 3 },
);

/** The rule of "Choosing credentials", read by brute force and with code of its own. */
function chooseByTheRule<Keyed extends { readonly key: string }>(
  source: Repository,
  credentials: readonly Keyed[],
): Keyed | undefined {
  const hub = (host: string) => /^(index\.|registry-1\.)?docker\.io$/.test(host) ? "hub" : host;
  const specificity = ({ key }: Keyed): [number, number] | undefined => {
    const [, authority = "", rest = ""] = /^(?:https?:\/\/)?([^/]+)(.*)$/.exec(key) ?? [];
    const [host = "", port] = authority.split(":");
    const [sourceHost = "", sourcePort] = source.host.split(":");
    if (port !== sourcePort) return undefined;
    const parts = rest.replace(/^\/v[12]\//, "/").split("/").filter((part) => part !== "");
    const wanted = source.path.split("/");
    const pattern = hub(host).replaceAll(".", "\\.").replaceAll("*", "[^.]+");
    if (!new RegExp(`^${pattern}$`).test(hub(sourceHost))) return undefined;
    if (parts.length > wanted.length || parts.some((part, i) => part !== wanted[i])) {
      return undefined;
    }
    return [parts.length, host.replaceAll("*", "").length];
  };
  let best: { credential: Keyed; rank: [number, number] } | undefined;
  for (const credential of credentials) {
    const rank = specificity(credential);
    if (rank === undefined) continue;
    // Docker Hub's names differ in length, but are one host.
    if (hub(source.host) === "hub") rank[1] = 0;
    const [paths, literals] = best?.rank ?? [-1, -1];
    if (rank[0] < paths || (rank[0] === paths && rank[1] < literals)) continue;
    best = { credential, rank };
  }
  return best?.credential;
}

function decoded({ auth, identitytoken }: { auth: string; identitytoken?: string }) {
  const [username = "", password = ""] = atob(auth).split(":");
  const token = identitytoken === undefined ? {} : { identitytoken };
  return [{ kind: "credential", username, password, ...token }];
}

Deno.test("each source finds the credential that the rule chooses, or what the global file gives", () => {
  fc.assert(
    fc.property(
      pullSources,
      entries,
      globalFiles,
      (sources, entries, globalFile) => {
        const credentials = entries.flatMap(([key, auth, token], index): ScopedCredential[] => {
          const scope = parseScope(key);
          const credential = token ? { auth, identitytoken: "t" } : { auth };
          return scope === undefined ? [] : [{ scope, key, secret: `secret-${index}`, credential }];
        });
        const parsed = globalFile && parseAuthFile(JSON.stringify(globalFile), "config.json");
        const { file } = composeAuthFile(choose(sources, credentials), parsed ?? undefined);
        const written = file === undefined ? {} : JSON.parse(formatAuthFile(file));

        const wanted = sources.map((source) => chooseByTheRule(source, credentials)?.credential);
        const opened = new Set(sources.filter((_, i) => wanted[i]).map(({ host }) => host));
        for (const [index, source] of sources.entries()) {
          const repository = `${source.host}/${source.path}`;
          const found = lookUpCredential(written, repository);
          const credential = wanted[index];
          if (credential !== undefined) {
            assert.deepEqual(found, decoded(credential), repository);
          } else if (!(opened.has(source.host) && globalFile?.credHelpers[source.host])) {
            assert.deepEqual(found, lookUpCredential(globalFile ?? {}, repository), repository);
          }
        }

        // Nothing else of the global file is touched: only keys that a chosen credential goes under
        // may hold another entry than before, and only helpers of its host may be gone.
        const places = new Set(sources.flatMap((source, index) => {
          const credential = wanted[index];
          if (credential === undefined) return [];
          const keys = credentials.filter((scoped) => scoped.credential === credential)
            .map(({ scope }) => formatScope(scope));
          return [`${source.host}/${source.path}`, ...keys]
            .map((key) => `${key} ${JSON.stringify(credential)}`);
        }));
        for (const [key, entry] of Object.entries(written.auths ?? {})) {
          const unchanged = JSON.stringify(entry) === JSON.stringify(globalFile?.auths[key]);
          assert.ok(unchanged || places.has(`${key} ${JSON.stringify(entry)}`), key);
        }
        for (const key of Object.keys(globalFile?.auths ?? {})) {
          assert.ok(key in written.auths, key);
        }
        for (const host of Object.keys(globalFile?.credHelpers ?? {})) {
          assert.equal(written.credHelpers?.[host], opened.has(host) ? undefined : "helper", host);
        }
        if (file !== undefined) assert.equal(written.credsStore, globalFile?.credsStore);
      },
    ),
    { numRuns: share(2_000, 100_000) },
  );
  report({ suite: "the rule of choice", cases: share(2_000, 100_000) });
});

/** An entry of a secret around a password of its own, and the credential that it stands for. */
const FORMS: readonly ((password: string) => {
  readonly entry: Readonly<Record<string, unknown>>;
  readonly credential?: { username: string; password: string; identitytoken?: string };
})[] = [
  (password) => ({
    entry: { auth: btoa(`user:${password}`), email: "a@example.com" },
    credential: { username: "user", password },
  }),
  (password) => ({
    entry: { username: "user", password },
    credential: { username: "user", password },
  }),
  (password) => ({
    entry: { auth: btoa(`user:${password}\0\0`), username: "other", password: "other" },
    credential: { username: "user", password },
  }),
  (password) => ({
    entry: { auth: btoa(`user:a:${password}`), identitytoken: `token-${password}` },
    credential: { username: "user", password: `a:${password}`, identitytoken: `token-${password}` },
  }),
  (password) => ({
    entry: { identitytoken: `token-${password}` },
    credential: { username: "", password: "", identitytoken: `token-${password}` },
  }),
  // Markers of a credential helper, and what is broken, carry no credential and hide none.
  () => ({ entry: {} }),
  () => ({ entry: { auth: "" } }),
  (password) => ({ entry: { auth: btoa(password) } }),
  (password) => ({ entry: { auth: `${password}!` } }),
];

const TYPES = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"] as const;
const secrets = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c", "d-1", "d.0"),
    type: fc.constantFrom(...TYPES),
    entries: fc.dictionary(key, fc.constantFrom(...FORMS), { maxKeys: 3 }),
  }),
  { maxLength: 4, selector: ({ name }) => name },
);

/** The pull sources of an image by a main file with these tables. */
function sourcesByTheRule(registry: TomlTable[], image: string): readonly string[] {
  const file = { name: "registries.conf", content: { registry } };
  const mains = [{ path: "registries.conf", file }];
  const tables = readRegistries({ mains, directories: [] }, () => {});
  assert.ok(tables);
  return readSources(tables.tables, image, () => {}).sources;
}

/** What secrets hold, as the API server lists them: a page each, in any order. */
async function listAll(
  made: readonly { type: string; item: unknown }[],
  sources: readonly Repository[],
) {
  const clock = {
    now: () => 0,
    sleep: () => Promise.resolve(),
    random: () => 0,
    wallClock: () => 0,
  };
  const deadline = 30_000;
  const pages = await listPages({
    transport: (path) => {
      const query = new URL(path, "https://a.io").searchParams;
      const type = query.get("fieldSelector")?.replace("type=", "");
      const items = made.filter((secret) => secret.type === type).map(({ item }) => item);
      const index = Number(query.get("continue") ?? 0);
      const next = index + 1 < items.length ? `${index + 1}` : "";
      const page = { kind: "SecretList", metadata: { continue: next }, items: [items[index]] };
      const list = items.length === 0 ? { kind: "SecretList", items } : page;
      return Promise.resolve({ status: 200, retryAfter: null, body: JSON.stringify(list) });
    },
    server: "https://a.io",
    serviceAccount: { namespace: "team-a", name: "builder" },
    types: TYPES,
    alsoFor: true,
    clock,
    deadline,
    onRetry: () => {},
  }, (page) => readCredentials(page, sources, { clock, deadline }));
  return mergePages(pages, "by name").credentials;
}

const place = fc.record({ host: fc.constantFrom(...hosts), path: path(0) })
  .map(({ host, path }) => path === "" ? host : `${host}/${path}`);
// Each a prefix of the image, with a location and mirrors.
const tables = fc.uniqueArray(
  fc.record({
    parts: fc.integer({ min: 0, max: 3 }),
    location: place,
    mirrors: fc.array(place, { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3, selector: ({ parts }) => parts },
);
const pull = fc.record({ image: source, tables, secrets, global: globalFiles, otherFields });

Deno.test("from registries, secrets and global file as they are read to the file that is written, the rule holds", async () => {
  let withCredential = 0, without = 0;
  await fc.assert(
    fc.asyncProperty(
      pull,
      async ({ image: { host, path }, tables, secrets, global, otherFields }) => {
        const image = `${host}/${path}`;
        const registry = tables.map(({ parts, location, mirrors }): TomlTable => ({
          prefix: image.split("/").slice(0, parts + 1).join("/"),
          location,
          mirror: mirrors.map((location) => ({ location })),
        }));
        const main = { path: "registries.conf", text: formatToml({ registry }) };
        const { sources } = findPullSources(mergeRegistries({ main, dropIns: [] }), image);
        assert.deepEqual(sources.map(formatRepository), sourcesByTheRule(registry, image));

        // Every password is another, so that each credential in the file tells where it is from.
        const entries = secrets.flatMap(({ name, entries }) =>
          Object.keys(entries).sort().map((key, index) => ({
            name,
            key,
            ...entries[key]?.(`${name}-${index}`),
          }))
        );
        const items = secrets.map(({ name, type }) => {
          const auths = Object.fromEntries(
            entries.filter((entry) => entry.name === name).map(({ key, entry }) => [key, entry]),
          );
          const [dataKey, content] = type === "kubernetes.io/dockercfg"
            ? [".dockercfg", auths]
            : [".dockerconfigjson", { auths }];
          const data = { [dataKey]: btoa(JSON.stringify(content)) };
          return { type, item: { metadata: { name }, type, data } };
        });
        const globalFile = global && { ...otherFields, ...global };

        const listed = await listAll(items, sources);
        const { file } = composeAuthFile(
          choose(sources, listed),
          globalFile === null
            ? undefined
            : parseAuthFile(JSON.stringify(globalFile), "config.json"),
        );
        const text = file === undefined ? "{}" : formatAuthFile(file);
        const content = JSON.parse(text);

        const inOrder = entries.filter(({ credential }) => credential !== undefined)
          .toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
        const wanted = sources.map((source) => chooseByTheRule(source, inOrder));
        const opened = new Set(sources.filter((_, i) => wanted[i]).map(({ host }) => host));
        for (const [index, source] of sources.entries()) {
          const repository = `${source.host}/${source.path}`;
          const found = lookUpCredential(content, repository);
          const credential = wanted[index]?.credential;
          if (credential !== undefined) {
            withCredential++;
            assert.deepEqual(found, [{ kind: "credential", ...credential }], repository);
          } else if (!(opened.has(source.host) && globalFile?.credHelpers[source.host])) {
            without++;
            assert.deepEqual(found, lookUpCredential(globalFile ?? {}, repository), repository);
          }
        }

        // No credential of the namespace is in the file but those chosen for a source.
        const decodedText = Object.values(content.auths ?? {}).map((entry) =>
          JSON.stringify(lookUpCredential({ auths: { "a.io": entry } }, "a.io/x"))
        ).join();
        for (const { credential } of entries) {
          if (credential === undefined) continue;
          const isChosen = wanted.some((choice) => choice?.credential === credential);
          const isWritten = decodedText.includes(JSON.stringify(credential).slice(1, -1));
          assert.equal(isWritten, isChosen);
        }
        if (file === undefined) return;
        const { auths: _, credHelpers: __, ...others } = content;
        const { auths: ___, credHelpers: ____, ...globalOthers } = globalFile ?? {};
        assert.deepEqual(others, globalOthers);
      },
    ),
    { numRuns: share(2_000, 100_000) },
  );
  report({ suite: "the rule of choice", cases: share(2_000, 100_000) });
  // The property would hold for pulls that meet nothing.
  assert.ok(withCredential > 100 && without > 100, `${withCredential} with, ${without} without`);
});
