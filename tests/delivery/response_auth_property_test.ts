import { ok } from "node:assert";
import fc from "fast-check";
import { choose } from "../../src/credentials/choose.ts";
import type { ScopedCredential } from "../../src/credentials/docker_config.ts";
import { parseScope } from "../../src/credentials/scope.ts";
import { offerCredentials } from "../../src/delivery/response_auth.ts";
import { readHostsSources } from "../../src/sources/hosts_toml/pull_sources.ts";
import {
  type Asked,
  askedBy,
  formatHostsToml,
  type HostsToml,
  type HostTable,
  VERSIONS,
} from "../support/containerd_model.ts";
import { share } from "../support/share.ts";

const PLAIN_URL = fc.constantFrom(
  "https://a.io",
  "http://a.io/hub",
  "a.io/v2",
  "https://b.io:5000/v2/hub",
  "https://registry-1.docker.io",
  "https://c.io:5000",
);
const ODD_URL = fc.constantFrom(
  "https://b.io:5000/x/../hub",
  "httpbin.io",
  "https://user@a.io",
  "https://a.io?x=1",
  "ftp://a.io",
  "https://a.io:443",
);
/** Mostly the first: a tree of many oddities gives no pair. */
const mostly = <Usual, Odd>(usual: fc.Arbitrary<Usual>, odd: fc.Arbitrary<Odd>) =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });
const URL = mostly(PLAIN_URL, ODD_URL);
const CAPABILITIES = mostly(
  fc.constantFrom(undefined, undefined, [], ["pull", "resolve"], ["pull"], ["push"]),
  fc.array(fc.constantFrom("pull", "Pull", "resolve", "referrers", "fly"), { maxLength: 3 }),
);
const TABLE: fc.Arbitrary<HostTable> = fc.record({
  url: URL,
  capabilities: CAPABILITIES,
  overridePath: fc.boolean(),
  dialTimeout: mostly(fc.constantFrom(undefined, "3s"), fc.constant("soon")),
  form: mostly(fc.constantFrom("table", "headers"), fc.constantFrom("inline", "dotted")),
});
const FILE: fc.Arbitrary<HostsToml> = fc.record({
  byteOrderMark: mostly(fc.constant(false), fc.constant(true)),
  server: fc.oneof(PLAIN_URL, URL, fc.constantFrom(undefined, "")),
  serverCapabilities: mostly(fc.constant(undefined), CAPABILITIES),
  tables: fc.uniqueArray(TABLE, { maxLength: 3, selector: ({ url }) => url }),
  mistake: mostly(fc.constant(""), fc.constantFrom("server = 1", "not toml", "ca = 3")),
});
const IMAGE = fc.constantFrom("docker.io/library/nginx", "c.io:5000/team/app", "q.io/v2/app");
const DIRECTORY = fc.constantFrom(
  "docker.io",
  "c.io_5000_",
  "c.io:5000",
  "q.io",
  "_default",
  "_default",
);
const KEY = fc.constantFrom(
  "a.io",
  "a.io/hub",
  "a.io/library",
  "a.io:443",
  "*.io",
  "b.io:5000",
  "b.io:5000/hub",
  "c.io:5000",
  "c.io:5000/team",
  "q.io",
  "https://index.docker.io/v1/",
);
const LOGIN = fc.constantFrom("u:p", "u:p", "u:p", "x:y", ":p", "u:");
const CONSENT = fc.subarray(["a.io", "b.io:5000", "docker.io", "c.io:5000"]);

/** Whether somebody lets a host see a login, by the words of the rule. */
function mayHave(
  login: string,
  { host, repository }: Asked,
  secrets: readonly (readonly [key: string, login: string])[],
  consent: readonly string[],
): boolean {
  const isHub = (name: string) => /^(?:index\.|registry-1\.)?docker\.io$/.test(name);
  const same = (a: string, b: string) => a === b || (isHub(a) && isHub(b));
  if (consent.some((name) => same(name, host))) return true;
  return secrets.some(([key, held]) => {
    const [name = "", ...path] = key.replace(/^https:\/\//, "").replace(/\/v1\/$/, "").split("/");
    const isHost = name === "*.io" ? /^[^.:]+\.io$/.test(host) || isHub(host) : same(name, host);
    const scope = path.join("/");
    return held === login && isHost && (scope === "" || `${repository}/`.startsWith(`${scope}/`));
  });
}

Deno.test("of no version of containerd a pair reaches a host that no secret covers and nobody consented to", () => {
  const root = Deno.makeTempDirSync();
  let given = 0;
  try {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.tuple(
            fc.constantFrom("r1", "r2"),
            DIRECTORY,
            fc.option(FILE, { nil: undefined, freq: 8 }),
          ),
          {
            maxLength: 4,
            selector: ([root, directory]) => `${root}/${directory}`,
          },
        ),
        IMAGE,
        fc.array(fc.tuple(KEY, LOGIN), { maxLength: 6 }),
        CONSENT,
        (directories, image, secrets, consent) => {
          const roots = [`${root}/r1`, `${root}/r2`];
          const tree = new Map<string, HostsToml | undefined>();
          for (const [name, directory, file] of directories) {
            const path = `${root}/${name}/${directory}`;
            tree.set(path, file);
            Deno.mkdirSync(path, { recursive: true });
            if (file !== undefined) {
              Deno.writeTextFileSync(`${path}/hosts.toml`, formatHostsToml(file));
            }
          }
          try {
            const { sources } = readHostsSources(roots, image);
            const { tries } = offerCredentials(
              image,
              choose(sources, secrets.map(scoped)),
              consent,
            );
            const pairs = tries.map(({ pair }) => pair).filter(({ username }) => username !== "");
            given += pairs.length;
            for (const { username, password } of pairs) {
              for (const version of VERSIONS) {
                for (const asked of askedBy(version, roots, tree, image)) {
                  ok(
                    mayHave(`${username}:${password}`, asked, secrets, consent),
                    `${username} is shown to ${asked.host}/${asked.repository} by ${version}`,
                  );
                }
              }
            }
          } finally {
            for (const name of roots) removeIfThere(name);
          }
        },
      ),
      { numRuns: share(1_500, 20_000) },
    );
    // A program that never gave a pair would pass.
    ok(given > 20, `${given} pairs were given`);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function scoped(
  [key, login]: readonly [key: string, login: string],
  index: number,
): ScopedCredential {
  const scope = parseScope(key);
  if (scope === undefined) throw new TypeError(key);
  return { scope, credential: { auth: btoa(login) }, secret: `s${index}`, key };
}
