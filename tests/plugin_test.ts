import assert from "node:assert/strict";
import { authFilePath } from "../src/delivery/auth_file/auth_file.ts";
import { emptyPairFor, formatResponse } from "../src/kubelet/credential_provider.ts";
import { UserError } from "../src/errors.ts";
import { createLog } from "../src/process/log.ts";
import { providePullCredentials } from "../src/plugin.ts";
import type { Settings } from "../src/settings/settings.ts";
import { ApiServer, status } from "./support/api_server.ts";
import { type TempNode, tempNode } from "./support/temp_node.ts";

const IMAGE = "docker.io/library/nginx";
const MIRROR = `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\n`;
const ENTRY = { auth: btoa("user:s3cret") };

interface World {
  readonly api: ApiServer;
  readonly node: TempNode;
}

interface Outcome {
  readonly log: string;
  /** Those of the auth file, if there is one. */
  readonly keys: string[] | undefined;
  /** Paths that the API server was asked for. */
  readonly requests: readonly string[];
  /** Empty when the pull failed. */
  readonly response: string;
  readonly error: string;
}

interface PullOptions {
  readonly withToken?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly settings?: Partial<Settings>;
}

/** Runs a pull in a prepared world; tells what came of it. */
async function pull(
  prepare: (world: World) => void | Promise<void>,
  { withToken = true, annotations = {}, settings = {} }: PullOptions = {},
): Promise<Outcome> {
  await using api = await ApiServer.start();
  await using node = await tempNode({ apiServer: api, settings });
  const token = api.addServiceAccount("default");
  api.grant("default");
  await node.writeRegistriesConf(`${MIRROR}location = "mirror.example.com"`);
  await prepare({ api, node });
  const lines: string[] = [];
  const outcome = await providePullCredentials(
    JSON.stringify({
      apiVersion: "credentialprovider.kubelet.k8s.io/v1",
      kind: "CredentialProviderRequest",
      image: IMAGE,
      serviceAccountToken: withToken ? token : "",
      serviceAccountAnnotations: annotations,
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
        wallClock: () => Date.now(),
      },
      started: performance.now(),
      deadline: performance.now() + 30_000,
    },
  ).catch((error: unknown) => {
    assert.ok(error instanceof UserError);
    return error;
  });
  const failed = outcome instanceof UserError;
  const log = lines.join("\n");
  const error = failed ? outcome.message : "";
  for (const text of [log, error]) {
    assert.ok(!text.includes(token) && !text.includes("s3cret") && !text.includes(ENTRY.auth));
  }
  const [name] = (await node.authDirEntries()).filter((name) => name.startsWith("default-"));
  const text = name && await Deno.readTextFile(`${node.settings.authDir}/${name}`);
  const keys = text ? Object.keys(JSON.parse(text).auths) : undefined;
  const requests = api.requests.map(({ path }) => path);
  return { log, keys, requests, response: failed ? "" : outcome.response, error };
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
    /info: found pull sources sources="mirror\.example\.com\/library\/nginx" blocked="docker\.io\/library\/nginx" .*\n.*\n.*\n.*\ninfo: wrote the auth file/,
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
    /warn: skipped a broken secret secret="a" reason="its registries are not in \\"auths\\"/,
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
    assert.deepEqual([outcome.keys, outcome.error], [keys, ""]);
    assert.equal(outcome.response, formatResponse());
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
    assert.deepEqual([outcome.keys, outcome.requests], [undefined, []]);
    assert.equal(outcome.response, formatResponse());
  });
}

const KEY = "crio-credential-provider/secrets";
const SECRETS = "/api/v1/namespaces/default/secrets";

/** Two secrets with different credentials for the mirror; the account may get them, not list them. */
function nameSecrets({ api }: World): void {
  api.addDockerConfig("default", "a", { "mirror.example.com": { auth: btoa("a:s3cret") } });
  api.addDockerConfig("default", "b", { "mirror.example.com": { auth: btoa("b:s3cret") } });
  api.grantNamed("default", ["a", "b"]);
}

const NAMED: readonly [
  name: string,
  annotation: string,
  requests: string[],
  log: RegExp,
  keys: string[] | undefined,
][] = [
  [
    "two are got, none is listed, and the one named later is used",
    "b, a",
    [`${SECRETS}/b`, `${SECRETS}/a`],
    /in secret \\?"b\\?" \(.*\) and secret \\?"a\\?" \(.*\); the latter is used\n.*chose .*secret="a"/,
    ["mirror.example.com"],
  ],
  [
    "one is got, and one that is not named is not read",
    "b",
    [`${SECRETS}/b`],
    /read secrets namespace="default" secrets=1 named=1\n.*chose .*secret="b"/,
    ["mirror.example.com"],
  ],
  [
    "one that is named twice is got once, and counts where it is named last",
    "a, b, a",
    [`${SECRETS}/b`, `${SECRETS}/a`],
    /warn: a secret is named twice: the last place counts secret="a" annotation="crio-cred[^]*chose .*secret="a"/,
    ["mirror.example.com"],
  ],
  [
    "none, on purpose: the API server is not asked",
    "",
    [],
    /info: the service account names no secret: none is read .*\ninfo: no credentials/,
    undefined,
  ],
];

for (const [name, annotation, requests, log, keys] of NAMED) {
  Deno.test(`of secrets that the service account names ${name}`, async () => {
    const outcome = await pull(nameSecrets, { annotations: { [KEY]: annotation } });
    assert.match(outcome.log, log);
    assert.deepEqual([outcome.error, outcome.requests, outcome.keys], ["", requests, keys]);
  });
}

/** A secret for Docker Hub, with an annotation. */
function addHub({ api }: World, alsoFor: string): void {
  api.addSecret("default", {
    name: "hub",
    data: { ".dockerconfigjson": JSON.stringify({ auths: { "docker.io": ENTRY } }) },
    annotations: { "crio-credential-provider/also-for": alsoFor },
  });
}

const HUB_AND_MIRROR = ["docker.io", "mirror.example.com"];
const ALSO_FOR: readonly [
  name: string,
  alsoFor: string,
  options: PullOptions,
  keys: readonly string[],
  log: RegExp,
][] = [
  [
    "listed",
    "docker.io=mirror.example.com",
    {},
    HUB_AND_MIRROR,
    /chose source="mirror\.example\.com\S+" scope="mirror\.example\.com" secret="hub" key="docker\.io"/,
  ],
  [
    "got by its name",
    "mirror.example.com",
    { annotations: { "crio-credential-provider/secrets": "hub" } },
    HUB_AND_MIRROR,
    /secrets=1 named=1/,
  ],
  [
    "of a site that switched it off",
    "mirror.example.com",
    { settings: { alsoFor: "off" } },
    ["docker.io"],
    /^(?!.*annotation)/s,
  ],
  [
    "that is malformed",
    "mirror.example.com, ",
    {},
    ["docker.io"],
    /warn: skipped a malformed annotation of a secret secret="hub" reason="annotation crio-cred\S+ is ignored as a whole: entry 2 is empty/,
  ],
];

for (const [name, alsoFor, options, keys, log] of ALSO_FOR) {
  Deno.test(`with the annotation also-for of a secret ${name} the file has ${keys.join(" and ")}`, async () => {
    const outcome = await pull((world) => {
      if (options.annotations) world.api.grantNamed("default", ["hub"]);
      addHub(world, alsoFor);
    }, options);
    assert.deepEqual([outcome.error, outcome.keys?.toSorted()], ["", keys]);
    assert.match(outcome.log, log);
  });
}

Deno.test("a named secret that is missing is a warning, and the others count", async () => {
  const outcome = await pull((world) => {
    nameSecrets(world);
    world.api.grantNamed("default", ["gone"]);
  }, { annotations: { [KEY]: "gone, a" } });
  assert.match(outcome.log, /warn: left out a named secret secret="gone" reason="there is no such/);
  assert.deepEqual(outcome.keys, ["mirror.example.com"]);
});

Deno.test("an annotation of another key does not name secrets", async () => {
  const { requests } = await pull(() => {}, { annotations: { "example.com/secrets": "a" } });
  assert.deepEqual(requests.map((path) => path.split("?")[0]), [SECRETS]);
});

Deno.test("the annotation's key is a setting", async () => {
  const { requests } = await pull(nameSecrets, {
    annotations: { "example.com/secrets": "a", [KEY]: "b" },
    settings: { secretsAnnotation: "example.com/secrets" },
  });
  assert.deepEqual(requests, [`${SECRETS}/a`]);
});

Deno.test("a broken annotation is an error before anything is asked", async () => {
  const { error, requests } = await pull(nameSecrets, { annotations: { [KEY]: "a, ../b" } });
  assert.match(
    error,
    /^annotation "crio-.*" of service account "default\/default": entry 2 is not/,
  );
  assert.deepEqual(requests, []);
});

Deno.test("a refused pull for containerd is an error, and nothing is written", async () => {
  const { error, keys, response, requests } = await pull(async ({ api, node }) => {
    api.grantNamed("default", []);
    await node.writeHostsToml("docker.io", `[host."https://mirror.example.com"]\n`);
  }, { settings: { runtime: "containerd" } });
  assert.match(error, /may not list secrets/);
  assert.deepEqual([keys, response, requests.length], [undefined, "", 1]);
});

/** Puts a file in place as an earlier run left it, and one of another pull that is an hour old. */
async function leaveFiles({ node }: World): Promise<void> {
  const { authDir } = node.settings;
  await node.write(await authFilePath(authDir, "default", IMAGE), { auths: { left: {} } });
  const stale = `${authDir}/other-${"0".repeat(64)}.json`;
  await node.write(stale, "{}");
  const hourAgo = new Date(Date.now() - 3_700_000);
  await Deno.utime(stale, hourAgo, hourAgo);
  await Deno.chmod(authDir, 0o700);
}

const KEPT = ["left"];
const REFUSED: readonly [
  name: string,
  prepare: (world: World) => void,
  annotation: string | undefined,
  error: RegExp,
  keys: string[] | undefined,
][] = [
  [
    "a list that is forbidden",
    ({ api }) => api.grantNamed("default", []),
    undefined,
    /may not list secrets/,
    undefined,
  ],
  [
    "a named secret that is forbidden",
    () => {},
    "a, tls-key",
    /may not get secret "tls-key"/,
    undefined,
  ],
  [
    "an account that is gone",
    ({ api }) => {
      api.respond = () => status(401, "Unauthorized", "service account token has been invalidated");
    },
    undefined,
    /was not accepted/,
    undefined,
  ],
  [
    "a server that is broken",
    ({ api }) => {
      api.respond = () => status(500, "InternalError", "no");
    },
    undefined,
    /no usable answer from the API server after 10 attempts/,
    KEPT,
  ],
  [
    "a server that is busy for long, asked for a named secret",
    ({ api }) => {
      api.respond = () => status(429, "TooManyRequests", "later");
    },
    "a",
    /no usable answer from the API server/,
    KEPT,
  ],
  [
    "an answer that is no list",
    ({ api }) => {
      api.respond = () => new Response("<html>");
    },
    undefined,
    /not valid JSON/,
    KEPT,
  ],
];

for (const [name, prepare, annotation, error, keys] of REFUSED) {
  const becomes = keys === undefined ? "is removed" : "stays";
  for (const pulledImages of ["node", "service-account"] as const) {
    Deno.test(`with pulled images the ${pulledImages}'s: the file that an earlier run left ${becomes} after ${name}, and stale ones go`, async () => {
      const outcome = await pull(async (world) => {
        nameSecrets(world);
        prepare(world);
        await leaveFiles(world);
      }, {
        settings: { pulledImages },
        ...(annotation !== undefined && { annotations: { [KEY]: annotation } }),
      });
      assert.match(outcome.error, error);
      assert.deepEqual(outcome.keys, keys);
      const removed = /warn: removed the auth file of an earlier run: this one is refused its/;
      assert.equal(removed.test(outcome.log), keys === undefined);
      assert.match(outcome.log, /info: removed auth files that were never taken files=1$/);
    });
  }
}

const PAIR = formatResponse(emptyPairFor(IMAGE));
const RESPONSES: readonly [
  name: string,
  settings: Partial<Settings>,
  prepare: (world: World) => void | Promise<void>,
  response: string,
][] = [
  ["a credential of the namespace was chosen", { pulledImages: "service-account" }, ({ api }) => {
    api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
  }, PAIR],
  ["none was chosen", { pulledImages: "service-account" }, ({ api }) => {
    api.addDockerConfig("default", "a", { "other.example.com": ENTRY });
  }, formatResponse()],
  [
    "the global file alone has a credential",
    { pulledImages: "service-account" },
    ({ node }) => node.writeGlobalAuthFile({ auths: { "mirror.example.com": ENTRY } }),
    formatResponse(),
  ],
  ["images are the node's", { pulledImages: "node" }, ({ api }) => {
    api.addDockerConfig("default", "a", { "mirror.example.com": ENTRY });
  }, formatResponse()],
];

for (const [name, settings, prepare, response] of RESPONSES) {
  const says = response === PAIR ? "an empty pair" : "no pair";
  Deno.test(`where ${name}, with --pulled-images ${settings.pulledImages}, the kubelet gets ${says}`, async () => {
    assert.equal((await pull(prepare, { settings })).response, response);
  });
}

const AGES: readonly [
  pulledImages: Settings["pulledImages"],
  staleAfter: number | null,
  removed: boolean,
][] = [
  ["node", null, false],
  ["service-account", null, true],
  ["service-account", 3_600_000, false],
  ["service-account", 0, false],
  ["node", 600_000, true],
];

for (const [pulledImages, staleAfter, removed] of AGES) {
  Deno.test(`a file 11 minutes old is ${removed ? "removed" : "left"} with pulled images the ${pulledImages}'s and --stale-after ${staleAfter ?? "not given"}`, async () => {
    const { log } = await pull(async ({ node }) => {
      const path = `${node.settings.authDir}/old-${"0".repeat(64)}.json`;
      await node.write(path, "{}");
      const then = new Date(Date.now() - 660_000);
      await Deno.utime(path, then, then);
    }, { settings: { pulledImages, staleAfter } });
    assert.equal(log.includes("removed auth files that were never taken files=1"), removed);
  });
}
