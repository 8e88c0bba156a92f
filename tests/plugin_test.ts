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
      started: performance.now(),
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
    "an unusable pull source is told of, and the others count",
    async ({ api, node }) => {
      await node.writeRegistriesConf(
        `${MIRROR}location = "m.io/UPPER"\n[[registry.mirror]]\nlocation = "n.io"`,
      );
      api.addDockerConfig("default", "a", { "n.io": ENTRY });
    },
    /warn: left out an unusable pull source reference="m\.io\/UPPER\/library\/nginx"/,
    ["n.io"],
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
