import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAuthFile, parseAuthFile } from "../../src/auth/auth_file.ts";
import type { ScopedCredential } from "../../src/auth/docker_config.ts";
import { resolveCredentials } from "../../src/auth/resolve.ts";
import { formatScope, parseScope } from "../../src/auth/scope.ts";
import type { Repository } from "../../src/registries/reference.ts";
import { lookUpCredential } from "../support/image_library_lookup.ts";

// Few names, so that scopes, sources and global entries meet often.
const hosts = ["docker.io", "registry-1.docker.io", "a.x.io", "b.x.io", "a.x.io:5000"];
const labels = ["p", "q", "r"];
const path = (min: number) =>
  fc.array(fc.constantFrom(...labels), { minLength: min, maxLength: 3 }).map((parts) =>
    parts.join("/")
  );
const source = fc.record({ host: fc.constantFrom(...hosts), path: path(1) });
const keyHost = fc.constantFrom(
  ...hosts,
  "index.docker.io",
  "*.x.io",
  "a.*.io",
  "a.x.*",
  "*.x.io:5000",
);
const key = fc.record({
  scheme: fc.constantFrom("", "http://", "https://"),
  host: keyHost,
  path: fc.oneof(path(0), fc.constantFrom("v1/", "v2/")),
}).map(({ scheme, host, path }) => `${scheme}${host}${path === "" ? "" : `/${path}`}`);
const auth = fc.integer({ min: 0, max: 9 }).map((n) => btoa(`user:password-${n}`));
const globalEntry = fc.oneof(
  auth.map((auth) => ({ auth })),
  auth.map((auth) => ({ auth, identitytoken: "t" })),
  fc.constantFrom({}, { auth: "" }, { username: "user", password: "password-1" }),
);
const global = fc.option(fc.record({
  auths: fc.dictionary(key, globalEntry, { maxKeys: 5 }),
  credHelpers: fc.dictionary(fc.constantFrom(...hosts), fc.constant("helper"), { maxKeys: 2 }),
  credsStore: fc.constant("store"),
}));

/** The rule of "Choosing credentials", read by brute force and with code of its own. */
function chooseByTheRule(source: Repository, credentials: readonly ScopedCredential[]) {
  const hub = (host: string) => /^(index\.|registry-1\.)?docker\.io$/.test(host) ? "hub" : host;
  const specificity = ({ key }: ScopedCredential): [number, number] | undefined => {
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
  let best: { credential: ScopedCredential; rank: [number, number] } | undefined;
  for (const credential of credentials) {
    const rank = specificity(credential);
    if (rank === undefined) continue;
    // Docker Hub's names differ in length, but are one host.
    if (hub(source.host) === "hub") rank[1] = 0;
    const [paths, literals] = best?.rank ?? [-1, -1];
    if (rank[0] < paths || (rank[0] === paths && rank[1] < literals)) continue;
    best = { credential, rank };
  }
  return best?.credential.credential;
}

function decoded({ auth, identitytoken }: { auth: string; identitytoken?: string }) {
  const [username = "", password = ""] = atob(auth).split(":");
  const token = identitytoken === undefined ? {} : { identitytoken };
  return [{ kind: "credential", username, password, ...token }];
}

Deno.test("each source finds the credential that the rule chooses, or what the global file gives", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(source, {
        minLength: 1,
        maxLength: 4,
        selector: (s) => `${s.host}/${s.path}`,
      }),
      fc.array(fc.tuple(key, auth, fc.boolean()), { maxLength: 6 }),
      global,
      (sources, entries, globalFile) => {
        const credentials = entries.flatMap(([key, auth, token], index): ScopedCredential[] => {
          const scope = parseScope(key);
          const credential = token ? { auth, identitytoken: "t" } : { auth };
          return scope === undefined ? [] : [{ scope, key, secret: `secret-${index}`, credential }];
        });
        const parsed = globalFile && parseAuthFile(JSON.stringify(globalFile), "config.json");
        const { file } = resolveCredentials(sources, credentials, parsed ?? undefined);
        const written = file === undefined ? {} : JSON.parse(formatAuthFile(file));

        const wanted = sources.map((source) => chooseByTheRule(source, credentials));
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
    { numRuns: 5000 },
  );
});
