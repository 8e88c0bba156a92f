import assert from "node:assert/strict";
import { formatResponse } from "../src/kubelet/credential_provider.ts";
import { createLog } from "../src/log.ts";
import { providePullCredentials } from "../src/plugin.ts";
import { ApiServer, status } from "./support/api_server.ts";
import { type TempNode, tempNode } from "./support/temp_node.ts";

const IMAGE = "docker.io/library/nginx";
const MIRROR = `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\n`;
const ENTRY = { auth: btoa("user:s3cret") };

interface World {
  readonly api: ApiServer;
  readonly node: TempNode;
}

/** Runs a pull in a prepared world; tells what was logged, and which keys the file holds. */
async function pull(
  prepare: (world: World) => void | Promise<void>,
  { withToken = true } = {},
): Promise<{ log: string; keys: string[] | undefined; requests: number }> {
  await using api = await ApiServer.start();
  await using node = await tempNode({ apiServer: api });
  const token = api.addServiceAccount("default");
  api.grant("default");
  await node.writeRegistriesConf(`${MIRROR}location = "mirror.example.com"`);
  await prepare({ api, node });
  const lines: string[] = [];
  const { response } = await providePullCredentials(
    JSON.stringify({
      apiVersion: "credentialprovider.kubelet.k8s.io/v1",
      kind: "CredentialProviderRequest",
      image: IMAGE,
      serviceAccountToken: withToken ? token : "",
    }),
    {
      settings: node.settings,
      log: createLog({
        level: "debug",
        format: "text",
        sinks: [(_, line) => lines.push(line)],
        now: () => new Date(),
      }),
      clock: {
        now: () => performance.now(),
        sleep: () => Promise.resolve(),
        random: () => 0,
        today: () => Date.now(),
      },
      deadline: performance.now() + 30_000,
    },
  );
  assert.equal(response, formatResponse());
  const log = lines.join("\n");
  assert.ok(!log.includes(token) && !log.includes("s3cret") && !log.includes(ENTRY.auth));
  const [name] = (await node.authDirEntries()).filter((name) => name.startsWith("default-"));
  const text = name && await Deno.readTextFile(`${node.settings.authDir}/${name}`);
  const keys = text ? Object.keys(JSON.parse(text).auths) : undefined;
  return { log, keys, requests: api.requests.length };
}

const PULLS: readonly [
  name: string,
  prepare: (world: World) => void | Promise<void>,
  log: RegExp,
  keys: string[] | undefined,
][] = [
  [
    "a namespace's credential for a mirror is put in the file",
    ({ api }) => api.addDockerConfig("default", "a", { "https://mirror.example.com": ENTRY }),
    /debug: chose .*secret="a".*\ninfo: wrote the auth file path=.* credentials=1$/,
    ["mirror.example.com"],
  ],
  [
    "an endpoint by which CRI-O refuses the pull is told of with its place, and the others count",
    async ({ api, node }) => {
      await node.writeRegistriesConf(
        `${MIRROR}location = "m.io/UPPER"\n[[registry.mirror]]\nlocation = "n.io"`,
      );
      api.addDockerConfig("default", "a", { "n.io": ENTRY });
    },
    /warn: \S+\/registries\.conf:4: the mirror "m\.io\/UPPER" makes "m\.io\/UPPER\/library\/nginx" of .*: CRI-O refuses every pull/,
    ["n.io"],
  ],
  [
    "the mirrors of a blocked registry get their credential",
    async ({ api, node }) => {
      await node.writeRegistriesConf(
        `[[registry]]\nlocation = "docker.io"\nblocked = true\n[[registry.mirror]]\nlocation = "mirror.example.com"`,
      );
      api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
    },
    /info: found pull sources sources="mirror\.example\.com\/library\/nginx" .*\n.*\n.*\n.*\ninfo: wrote the auth file/,
    ["mirror.example.com"],
  ],
  [
    "credential helpers by which no auth file is read are told of once",
    async ({ api, node }) => {
      await node.writeRegistriesConf(
        `credential-helpers = ["ecr-login"]\n${MIRROR}location = "mirror.example.com"`,
      );
      api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
    },
    /^(?:(?!credential-helpers).)*warn: \S+\/registries\.conf: "credential-helpers" has no "containers-auth\.json": (?:(?!credential-helpers).)*$/s,
    ["mirror.example.com"],
  ],
  [
    "a secret whose members are written in another case counts",
    ({ api }) =>
      api.addSecret("default", {
        name: "a",
        encoded: {
          ".dockerconfigjson": btoa(
            JSON.stringify({
              Auths: { "mirror.example.com": { Username: "u", Password: "s3cret" } },
            }),
          ),
        },
      }),
    /info: wrote the auth file path=.* credentials=1$/,
    ["mirror.example.com"],
  ],
  [
    "a secret that holds a .dockercfg under the wrong type is told of",
    ({ api }) =>
      api.addSecret("default", {
        name: "a",
        encoded: { ".dockerconfigjson": btoa(JSON.stringify({ "mirror.example.com": ENTRY })) },
      }),
    /warn: skipped a broken secret secret="a" reason="it holds no \\"auths\\", but registries/,
    undefined,
  ],
  [
    "a global entry of a wrong type is told of and left out, so that the namespace's credential works",
    async ({ api, node }) => {
      await node.write(node.settings.kubeletAuthFile, `{"auths": {"quay.io": 5, "ghcr.io": {}}}`);
      api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
    },
    /warn: the global auth file's "quay\.io" in "auths" must be an object: left out, since CRI-O refuses/,
    ["ghcr.io", "mirror.example.com"],
  ],
  [
    "a busy API server is asked again",
    ({ api }) => {
      api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
      api.respond = (_, attempt, answer) =>
        attempt === 1 ? status(429, "TooManyRequests", "later") : answer();
    },
    /warn: trying again reason="HTTP status 429 TooManyRequests: later" delay="50ms"/,
    ["mirror.example.com"],
  ],
  [
    "a broken secret is skipped",
    ({ api }) =>
      api.addSecret("default", { name: "b", encoded: { ".dockerconfigjson": "czNjcmV0" } }),
    /warn: skipped a broken secret secret="b" reason="not valid JSON.*\ninfo: no credentials path/,
    undefined,
  ],
  [
    "a broken entry is skipped, and the others of its secret count",
    ({ api }) =>
      api.addDockerConfig("default", "b", {
        "mirror.example.com/a": { auth: "!" },
        "mirror.example.com": ENTRY,
      }),
    /warn: skipped a broken entry of a secret secret="b" key="mirror\.example\.com\/a" reason="its \\"auth\\" is not/,
    ["mirror.example.com"],
  ],
  [
    "secrets that disagree are told of",
    ({ api }) => {
      api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
      api.addDockerConfig("default", "b", { "mirror.example.com": { auth: btoa("user:other") } });
    },
    /warn: mirror\.example\.com\/library\/nginx has different credentials in secret \\?"a\\?"/,
    ["mirror.example.com"],
  ],
  [
    "files that were never taken are removed",
    async ({ api, node }) => {
      api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
      const path = `${node.settings.authDir}/old-${"0".repeat(64)}.json`;
      await node.write(path, "{}");
      await Deno.utime(path, new Date(0), new Date(0));
      await Deno.chmod(node.settings.authDir, 0o700);
    },
    /info: removed auth files that were never taken files=1$/,
    ["mirror.example.com"],
  ],
];

for (const [name, prepare, log, keys] of PULLS) {
  Deno.test(`a pull: ${name}`, async () => {
    const outcome = await pull(prepare);
    assert.match(outcome.log, log);
    assert.deepEqual(outcome.keys, keys);
  });
}

const IDLE: readonly [name: string, toml: string, withToken: boolean, log: RegExp][] = [
  ["a static pod's", `${MIRROR}location = "m.io"`, false, /no service account, as for a static/],
  ["one of an unmirrored image", "", true, /no mirror and no rewriting: nothing to do/],
  [
    "one of a blocked registry",
    `[[registry]]\nlocation = "docker.io"\nblocked = true`,
    true,
    /the registry is blocked: nothing to do/,
  ],
];

for (const [name, toml, withToken, log] of IDLE) {
  Deno.test(`a pull that needs nothing, ${name}, asks nobody and writes nothing`, async () => {
    const outcome = await pull(({ node }) => node.writeRegistriesConf(toml), { withToken });
    assert.match(outcome.log, log);
    assert.deepEqual([outcome.keys, outcome.requests], [undefined, 0]);
  });
}
