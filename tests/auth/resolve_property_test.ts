import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAuthFile, parseAuthFile } from "../../src/auth/auth_file.ts";
import type { ScopedCredential } from "../../src/auth/docker_config.ts";
import { resolveCredentials } from "../../src/auth/resolve.ts";
import { formatScope, parseScope } from "../../src/auth/scope.ts";
import type { Repository } from "../../src/registries/reference.ts";
import { lookUpCredential } from "../support/image_library_lookup.ts";
import { entries, globalFile, pullSources } from "../support/resolution_cases.ts";

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
      pullSources,
      entries,
      globalFile,
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
