/** Decoding is total: whatever comes in, a result or an error for the user comes out, in time. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { applySettingsFile } from "../src/settings/settings_file.ts";
import { formatAuthFile, parseAuthFile } from "../src/delivery/auth_file/auth_file.ts";
import { readSecret } from "../src/credentials/docker_config.ts";
import { composeAuthFile } from "../src/delivery/auth_file/resolve.ts";
import { choose } from "../src/credentials/choose.ts";
import { normalizeArguments } from "../src/cli/setting_flags.ts";
import type { Clock } from "../src/process/clock.ts";
import { UserError } from "../src/errors.ts";
import { readTextFile } from "../src/process/files.ts";
import { parseRequest } from "../src/kubelet/credential_provider.ts";
import { findApiServer, parseEnvFile } from "../src/kubernetes/api_server.ts";
import { parseKubeconfig } from "../src/kubernetes/kubeconfig.ts";
import { parseRetryAfter } from "../src/kubernetes/retry.ts";
import type { Secret } from "../src/kubernetes/secrets/secret.ts";
import { readServiceAccount } from "../src/kubernetes/service_account_token.ts";
import { mergeRegistries } from "../src/sources/registries_conf/config.ts";
import { findPullSources } from "../src/sources/registries_conf/pull_sources.ts";
import { applyFlags, DEFAULT_SETTINGS, SETTING_NAMES, SETTINGS } from "../src/settings/settings.ts";
import { readText } from "../src/process/stdio.ts";
import { hostileText } from "./support/hostile_text.ts";
import { compactToken, serviceAccountToken } from "./support/service_account_token.ts";
import { listSecrets } from "./support/secret_answers.ts";
import { share } from "./support/share.ts";
import { tempNode } from "./support/temp_node.ts";
import { report } from "./support/summary.ts";

/** How long one case may take, in milliseconds: far more than any needs on a loaded machine. */
const LIMIT = 10_000;

function fixture(path: string): string {
  return Deno.readTextFileSync(new URL(`../fixtures/${path}`, import.meta.url));
}

/** Decodes; nothing but a result or a {@link UserError} may come out, and soon. */
async function expectTotal(decode: () => unknown): Promise<void> {
  const start = performance.now();
  try {
    await decode();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.notEqual(error.problem, "");
  }
  const elapsed = performance.now() - start;
  assert.ok(elapsed < LIMIT, `it took ${Math.round(elapsed)} ms`);
  assert.deepEqual(Reflect.ownKeys(Object.prototype).filter((key) => !BUILT_IN.has(key)), []);
}

const BUILT_IN = new Set(Reflect.ownKeys(Object.prototype));

const SOURCES = [
  { host: "docker.io", path: "library/nginx" },
  { host: "mirror.example.com:8443", path: "hub/library/nginx" },
];

function resolveWith(secrets: readonly Secret[], global: string | undefined): void {
  const credentials = secrets.flatMap((secret) => readSecret(secret, () => {}));
  const parsed = global === undefined ? undefined : parseAuthFile(global, "config.json");
  const { file } = composeAuthFile(choose(SOURCES, credentials), parsed);
  if (file !== undefined) JSON.parse(formatAuthFile(file));
}

const encode = (text: string) => new TextEncoder().encode(text).toBase64();
const AUTH = encode("user:password");

const AUTH_FILE = JSON.stringify({
  auths: { "docker.io": { auth: AUTH }, "https://index.docker.io/v1/": { identitytoken: "t" } },
  credHelpers: { "docker.io": "helper" },
  credsStore: "store",
});

const DOCKER_CONFIG = JSON.stringify({
  auths: {
    "docker.io": { auth: AUTH, email: "a@example.com" },
    "*.example.com:8443/hub": { username: "user", password: "password" },
    "https://index.docker.io/v1/": { identitytoken: "token" },
    "mirror.example.com:8443": {},
  },
});

const KUBECONFIGS = ["kubeadm", "openshift", "several-clusters"].map((name) =>
  fixture(`kubeconfigs/${name}.yaml`)
);
const ENV_FILE = `# OpenShift\nexport KUBERNETES_SERVICE_HOST="fd00::1"\n` +
  `KUBERNETES_SERVICE_PORT='6443' # port\n`;
const SECRET_LISTS = ["dockerconfigjson", "dockercfg"].map((name) =>
  fixture(`secrets/${name}-list.json`)
);
const STATUS = JSON.stringify({ kind: "Status", reason: "Expired", message: "m", code: 410 });
const TYPES = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"] as const;

/** Each takes text from someone else; the documents are what it expects. */
const DECODERS: readonly [
  name: string,
  documents: readonly string[],
  decode: (text: string) => unknown,
][] = [
  [
    "a request",
    [
      fixture("kubelet/request.json"),
      fixture("kubelet/request-static-pod.json"),
    ],
    parseRequest,
  ],
  ["a token", [serviceAccountToken()], readServiceAccount],
  [
    "a token's claims",
    [atob(serviceAccountToken().split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "")],
    (text) => readServiceAccount(compactToken(text)),
  ],
  [
    "a main registries file",
    ["mirror", "openshift", "rewritten", "version-1"].map((name) =>
      fixture(`registries/${name}.conf`)
    ),
    (text) => {
      const main = { path: "registries.conf", text };
      for (const image of ["docker.io/library/nginx", "quay.io/a:b@c", "*./\ud800"]) {
        findPullSources(mergeRegistries({ main, dropIns: [] }), image);
      }
    },
  ],
  [
    "a registries drop-in",
    ["mirror", "openshift", "rewritten"].map((name) => fixture(`registries/${name}.conf`)),
    (text) => {
      const main = { path: "registries.conf", text: fixture("registries/version-1.conf") };
      const dropIns = [{ path: "10.conf", text }, { path: "20.conf", text }];
      findPullSources(mergeRegistries({ main, dropIns }), "docker.io/library/nginx");
    },
  ],
  ...TYPES.map((type): [string, string[], (text: string) => void] => [
    `a secret of type ${type}`,
    [DOCKER_CONFIG, JSON.stringify(JSON.parse(DOCKER_CONFIG).auths)],
    (text) => {
      const key = type.replace("kubernetes.io/", ".");
      resolveWith([{ name: "a", type, data: { [key]: encode(text) } }], AUTH_FILE);
      resolveWith([{ name: "a", type, data: { [key]: text } }], undefined);
    },
  ]),
  ["the global auth file", [AUTH_FILE], (text) => {
    const data = { ".dockerconfigjson": encode(DOCKER_CONFIG) };
    resolveWith([{ name: "a", type: TYPES[0], data }], text);
    resolveWith([], text);
  }],
  [
    "a registry key and an auth value",
    ["*.example.com:8443/hub", "https://index.docker.io/v1/", AUTH],
    (text) => {
      for (const auths of [{ [text]: { auth: AUTH } }, { "docker.io": { auth: text } }]) {
        const data = { ".dockerconfigjson": encode(JSON.stringify({ auths })) };
        resolveWith([{ name: text, type: TYPES[0], data }], JSON.stringify({ auths }));
      }
    },
  ],
  ["a kubeconfig", KUBECONFIGS, (text) => parseKubeconfig(text, "kubelet.conf")],
  ["an env file", [ENV_FILE], parseEnvFile],
  ["a SecretList", SECRET_LISTS, (text) => list([[200, text, null]])],
  ["a Retry-After header", ["5", "Thu, 01 Jan 2026 00:00:03 GMT"], (text) => {
    parseRetryAfter(text, Date.UTC(2026, 0, 1));
    return list([[429, STATUS, text], [200, SECRET_LISTS[0] ?? "", null]]);
  }],
  [
    "a site's settings",
    [fixture("settings/site.jsonc")],
    (text) => applySettingsFile(DEFAULT_SETTINGS, text, "site.jsonc"),
  ],
  ["the value of a flag", ["/etc/crio/auth", "api.example.com:6443", "30s", "0.5m"], (text) => {
    for (const name of SETTING_NAMES) {
      const { flag } = SETTINGS[name];
      normalizeArguments([`--${flag}=${text}`, `-${text}`, text]);
      try {
        applyFlags(DEFAULT_SETTINGS, new Map([[flag, [text]]]));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }
  }],
];

/** Lists secrets from answers given in turn, the last one again and again. */
async function list(
  answers: readonly (readonly [status: number, body: string, retryAfter: string | null])[],
): Promise<void> {
  let now = 0;
  let requests = 0;
  const clock: Clock = {
    now: () => now,
    sleep: (milliseconds) => {
      now += milliseconds;
      return Promise.resolve();
    },
    random: () => 0.5,
    wallClock: () => Date.UTC(2026, 0, 1),
  };
  const secrets = await listSecrets({
    transport: () => {
      const [status, body, retryAfter] = answers[requests] ?? answers.at(-1) ?? [200, "", null];
      assert.ok(++requests < 200, "the list never ends");
      return Promise.resolve({ status, body, retryAfter });
    },
    server: "https://a.io",
    serviceAccount: { namespace: "team-a", name: "builder" },
    types: TYPES,
    alsoFor: true,
    clock,
    deadline: 30_000,
    onRetry: () => {},
  });
  resolveWith(secrets, undefined);
}

for (const [name, documents, decode] of DECODERS) {
  Deno.test(`any text as ${name} gives a result or an error for the user`, async () => {
    for (const document of documents) await expectTotal(() => decode(document));
    await fc.assert(
      fc.asyncProperty(hostileText(documents), (text) => expectTotal(() => decode(text))),
      { numRuns: share(200, 5_000) },
    );
    report({ suite: "decoding of any bytes", cases: share(200, 5_000) });
  });
}

const SLASHES = `${"/".repeat(256 * 1024)}x`;
const decoder = (name: string) => DECODERS.find(([found]) => found === name)?.[2] ?? assert.fail;

/** What once was too much for a decoder. */
const FOUND: readonly [name: string, decoder: string, text: string][] = [
  ["slashes in a key of a secret", "a registry key and an auth value", `a.io/b${SLASHES}`],
  [
    "slashes in a location",
    "a main registries file",
    `[[registry]]\nlocation = "a.io${SLASHES}"`,
  ],
  ["slashes in the API server's address", "the value of a flag", `https://a.io${SLASHES}`],
  ["digits in a duration", "the value of a flag", "9".repeat(256 * 1024)],
  ["a pit in a site's settings", "a site's settings", `{"timeout":`.repeat(100_000)],
];

for (const [name, found, text] of FOUND) {
  Deno.test(`${name} take no time and end in a result or an error for the user`, async () => {
    await expectTotal(() => decoder(found)(text));
  });
}

Deno.test("any sequence of answers of an API server gives a list or an error for the user", async () => {
  const answer = fc.tuple(
    fc.oneof(fc.constantFrom(200, 200, 200, 410, 429, 503), fc.integer({ min: 0, max: 999 })),
    fc.oneof(
      hostileText([...SECRET_LISTS, STATUS]),
      fc.tuple(fc.constantFrom(...SECRET_LISTS), fc.constantFrom("a", "b", "c", "")).map((
        [list, next],
      ) => list.replace(`"metadata": {`, `"metadata": {"continue": "${next}",`)),
    ),
    fc.option(fc.oneof(fc.constantFrom("0", "1", "99999999999", "-1", "soon"), fc.string())),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 1, maxLength: 6 }),
      (answers) => expectTotal(() => list(answers)),
    ),
    { numRuns: share(200, 5_000) },
  );
  report({ suite: "decoding of any bytes", cases: share(200, 5_000) });
});

Deno.test("any files give an API server or an error for the user", async () => {
  await using node = await tempNode({ settings: { caFile: "" } });
  const { apiserverEnvFile, kubeconfig: [kubeconfig = ""] } = node.settings;
  await node.write(apiserverEnvFile, "");
  await fc.assert(
    fc.asyncProperty(
      fc.option(hostileText([ENV_FILE])),
      hostileText(KUBECONFIGS),
      async (env, text) => {
        // What is no UTF-16 is replaced in writing.
        if (env === null) await Deno.remove(apiserverEnvFile).catch(() => {});
        else await Deno.writeTextFile(apiserverEnvFile, env);
        await Deno.writeTextFile(kubeconfig, text);
        await expectTotal(() => findApiServer(node.settings));
      },
    ),
    { numRuns: share(200, 5_000) },
  );
  report({ suite: "decoding of any bytes", cases: share(200, 5_000) });
});

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  hostileText([AUTH_FILE]).map((text) => new TextEncoder().encode(text)),
);

Deno.test("any bytes in a file give text or an error for the user", async () => {
  const path = await Deno.makeTempFile();
  try {
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        await Deno.writeFile(path, content);
        await expectTotal(() => {
          const text = readTextFile(path, { flag: "a-flag", maxBytes: 100_000 });
          assert.deepEqual(new TextEncoder().encode(text), withoutBom(content));
        });
      }),
      { numRuns: share(200, 5_000) },
    );
    report({ suite: "decoding of any bytes", cases: share(200, 5_000) });
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("any bytes on stdin, in any pieces, give text or an error for the user", async () => {
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 50_000 }), async (content, size) => {
      let position = 0;
      const input = {
        read: (buffer: Uint8Array) => {
          if (position >= content.length) return Promise.resolve(null);
          const piece = content.subarray(position, position + Math.min(size, buffer.length));
          buffer.set(piece);
          position += piece.length;
          return Promise.resolve(piece.length);
        },
      };
      await expectTotal(async () => {
        const text = await readText(input, 100_000, 60_000);
        assert.deepEqual(new TextEncoder().encode(text), withoutBom(content));
      });
    }),
    { numRuns: share(200, 5_000) },
  );
  report({ suite: "decoding of any bytes", cases: share(200, 5_000) });
});

/** What stands for the bytes after decoding, which drops a byte order mark. */
function withoutBom(content: Uint8Array): Uint8Array {
  const hasBom = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf;
  return Uint8Array.from(hasBom ? content.subarray(3) : content);
}
