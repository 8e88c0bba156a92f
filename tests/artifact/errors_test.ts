import assert from "node:assert/strict";
import { status } from "../support/api_server.ts";
import { CertificateAuthority } from "../support/ca.ts";
import {
  AUTH,
  Cluster,
  type ClusterOptions,
  IMAGE,
  type Pull,
  request,
} from "../support/cluster.ts";
import { PLUGIN_ENV } from "../support/plugin.ts";
import { hang, RawServer, readRequestHead, writeText } from "../support/raw_tls_server.ts";
import { ResettingRelay } from "../support/resetting_relay.ts";
import { compactToken, serviceAccountToken } from "../support/service_account_token.ts";

/** Nothing on stdout, nothing on disk, and one line that says what and where. */
async function assertFails(cluster: Cluster, pull: Pull, error: RegExp) {
  const { code, signal, stdout, stderr } = await cluster.pull(pull);
  const lines = stderr.trimEnd().split("\n");
  assert.match(lines.at(-1) ?? "", error);
  assert.deepEqual([code, signal, stdout], [1, null, ""]);
  assert.equal(lines.filter((line) => line.startsWith("error: ")).length, 1);
  assert.ok(!stderr.includes(cluster.token) && !stderr.includes(AUTH));
  const left = await cluster.node.authDirEntries().catch(() => []);
  assert.deepEqual(left, []);
}

/** Limit of runs that nothing else ends, in milliseconds. */
const TIMEOUT = 3_000;

const token = (namespace: string) => serviceAccountToken({ kubernetes: { namespace } });

const REQUESTS: readonly [name: string, pull: Pull, error: RegExp][] = [
  ["empty stdin", { stdin: "" }, /stdin: is empty, expected JSON/],
  ["half a request", { stdin: request(IMAGE, "").slice(0, 40) }, /stdin: not valid JSON/],
  [
    "a request of another version",
    { stdin: request(IMAGE, "").replace("/v1", "/v1alpha1") },
    /"apiV/,
  ],
  ["a request without an image", { stdin: request("", "") }, /"image" is empty/],
  [
    "50 MB of stdin",
    { stdin: new Uint8Array(50_000_000).fill(0x20) },
    /stdin: is longer than 1048576/,
  ],
  ["a deep request", { stdin: "[".repeat(500_000) }, /stdin: not valid JSON/],
  ["a namespace with ../", { token: token("../../x") }, /is not a namespace's name/],
  [
    "a namespace with a line break",
    { token: token("a\nerror: forged") },
    /is not a namespace's name/,
  ],
  ["a token that is none", { token: compactToken("x") }, /service-account token: not valid JSON/],
];

Deno.test("a request that cannot be answered is an error", async (test) => {
  await using cluster = await Cluster.start();
  for (const [name, pull, error] of REQUESTS) {
    await test.step(name, () => assertFails(cluster, pull, error));
  }
  assert.equal(cluster.api.requests.length, 0);
});

const NODES: readonly [name: string, break_: (cluster: Cluster) => Promise<void>, error: RegExp][] =
  [
    [
      "registries.conf that is a directory",
      async ({ node }) => {
        await Deno.remove(node.settings.registriesConf[0] ?? "");
        await Deno.mkdir(node.settings.registriesConf[0] ?? "");
      },
      /registries\.conf: is a directory, expected a file/,
    ],
    [
      "registries.conf that is no TOML",
      ({ node }) => node.writeRegistriesConf("[[registry]]\nlocation = docker.io"),
      /registries\.conf:2:\d+: not valid TOML/,
    ],
    [
      "a drop-in with a mirror without location",
      ({ node }) =>
        node.writeDropIn("10.conf", `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\n`),
      /10\.conf: "registry\[0\]\.mirror\[0\]\.location" is missing/,
    ],
    [
      "a global auth file that is no JSON",
      ({ node }) => node.writeGlobalAuthFile("{"),
      /config\.json: not valid JSON/,
    ],
    [
      "an auth directory that is a file",
      ({ node }) => node.write(node.settings.authDir, ""),
      /auth: cannot create the directory/,
    ],
    [
      "an auth directory that everyone can write to",
      async ({ node }) => {
        await Deno.mkdir(node.settings.authDir, { recursive: true });
        await Deno.chmod(node.settings.authDir, 0o777);
      },
      /auth: can be written to by everyone/,
    ],
    [
      "a CA file that is missing",
      ({ node }) => Deno.remove(node.settings.caFile),
      /ca\.crt: no CA for the API server found: .*--ca-file/,
    ],
    [
      "a CA of another cluster",
      async ({ node }) => node.writeCa((await CertificateAuthority.create("x")).certificatePem),
      /was not verified: its certificate is not signed by the expected CA; the CA used is .*ca\.crt \(--ca-file\)/,
    ],
  ];

for (const [name, break_, error] of NODES) {
  Deno.test(`a node with ${name} is an error`, async () => {
    await using cluster = await Cluster.start();
    await break_(cluster);
    await assertFails(cluster, {}, error);
  });
}

const CERTIFICATES: readonly [name: string, options: ClusterOptions, error: RegExp][] = [
  [
    "for another name",
    { api: { hosts: ["other.example.com"] } },
    /was not verified: its certificate is not valid for the name "127\.0\.0\.1"/,
  ],
  [
    "that has expired",
    { api: { notAfter: new Date(Date.now() - 60_000) } },
    /was not verified: its certificate has expired by this node's clock/,
  ],
  [
    "that is not yet valid, as after the node's clock was set back",
    { api: { notBefore: new Date(Date.now() + 3_600_000) } },
    /was not verified: its certificate is not yet valid by this node's clock/,
  ],
];

for (const [name, options, error] of CERTIFICATES) {
  Deno.test(`an API server with a certificate ${name} is refused before anything is sent`, async () => {
    await using cluster = await Cluster.start(options);
    await assertFails(cluster, {}, error);
    assert.equal(cluster.api.requests.length, 0);
  });
}

const html = () => new Response("<html>", { headers: { "Content-Type": "text/html" } });
const ANSWERS: readonly [name: string, respond: () => Response, error: RegExp, requests: number][] =
  [
    ["HTML", html, /SecretList of https:.*: not valid JSON/, 1],
    ["another kind", () => Response.json({ kind: "PodList" }), /"kind" must be "SecretList"/, 1],
    [
      "401",
      () => status(401, "Unauthorized", "Unauthorized"),
      /the token of service account "default\/d/,
      1,
    ],
    [
      "403",
      () => status(403, "Forbidden", "no"),
      /the Role is missing: kubectl create role .* -n default/,
      1,
    ],
    [
      "404",
      () => status(404, "NotFound", "no"),
      /were not listed: HTTP status 404 NotFound: no/,
      1,
    ],
    [
      "more than is bearable",
      () => new Response(new Blob([new Uint8Array(9 * 1024 * 1024)]).stream()),
      /the answer is larger than 8388608 bytes/,
      3,
    ],
  ];

Deno.test("an answer that is no list of secrets is an error", async (test) => {
  await using cluster = await Cluster.start();
  for (const [name, respond, error, requests] of ANSWERS) {
    await test.step(name, async () => {
      cluster.api.requests.length = 0;
      cluster.api.respond = respond;
      await assertFails(cluster, {}, error);
      assert.equal(cluster.api.requests.length, requests);
    });
  }
});

Deno.test("a redirect is not followed, and the token not sent on", async () => {
  await using other = await Cluster.start({ settings: {} });
  await using cluster = await Cluster.start();
  const location = `${other.api.url}/api/v1/namespaces/default/secrets`;
  cluster.api.respond = () => new Response(null, { status: 307, headers: { location } });
  await assertFails(cluster, {}, /answered with a redirect \(307\), which is not followed/);
  assert.equal(other.api.requests.length, 0);
});

Deno.test("an API server that does not answer is given up on at the time limit", async () => {
  await using cluster = await Cluster.start({ settings: { timeout: TIMEOUT } });
  cluster.api.respond = () => new Promise<never>(() => {});
  await assertFails(cluster, {}, /no usable answer .*no answer within the time limit.*--timeout/);
});

Deno.test("stdin that does not end is given up on at the time limit", async () => {
  await using cluster = await Cluster.start({ settings: { timeout: 500 } });
  const stdin = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
  });
  await assertFails(cluster, { stdin }, /stdin: did not end within 500 ms/);
});

Deno.test("what is only for now is tried again: busy, unavailable, an expired list", async () => {
  await using cluster = await Cluster.start();
  const { api } = cluster;
  for (let i = 0; i < 600; i++) api.addSecret("default", { name: `s${i}` });
  const busy = () => status(429, "TooManyRequests", "later", { headers: { "Retry-After": "0" } });
  const turns = [busy, () => status(503, "ServiceUnavailable", "no")];
  let expired = false;
  api.respond = (request) => {
    if (request.query.has("continue") && !expired) {
      expired = true;
      return status(410, "Expired", "too old");
    }
    return turns.shift()?.();
  };
  const { code, stderr } = await cluster.pull();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^warn: trying again reason="HTTP status 429 TooManyRequests: later"/m);
  assert.equal(api.requests.length, 6);
  assert.ok(await cluster.authFile());
});

Deno.test("connections that are reset, cut, or never speak TLS are tried again, then an error", async (test) => {
  const ca = await CertificateAuthority.create("cluster");
  const certificate = await ca.issue({ hosts: ["127.0.0.1"] });
  await using reset = await ResettingRelay.start(1, 0);
  await using silent = await RawServer.startTcp(hang);
  await using cut = await RawServer.startTls(certificate, async (connection) => {
    await readRequestHead(connection);
    await writeText(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
  });
  await using truncated = await RawServer.startTls(certificate, async (connection) => {
    await readRequestHead(connection);
    await writeText(connection, `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"kind": "Sec`);
  });
  const peers: [name: string, url: string, error: RegExp][] = [
    [
      "reset",
      reset.url.replace("http:", "https:"),
      /no usable answer from the API server after \d+ attempts?/,
    ],
    [
      "no TLS",
      silent.url.replace("http:", "https:"),
      /no usable answer from the API server after \d+ attempts?/,
    ],
    ["half a body", cut.url, /no usable answer from the API server after \d+ attempts?/],
    ["half a body without a length", truncated.url, /SecretList of .*: not valid JSON/],
    [
      "nobody",
      "https://127.0.0.1:9999",
      /no usable answer from the API server after \d+ attempts?/,
    ],
  ];
  // They wait for the time limit together; it leaves time for an attempt on a machine that is busy.
  const settled = await Promise.allSettled(peers.map(async ([, apiserver, error]) => {
    await using cluster = await Cluster.start({ settings: { apiserver, timeout: TIMEOUT } });
    await cluster.node.writeCa(ca.certificatePem);
    await assertFails(cluster, {}, error);
  }));
  for (const [index, [name]] of peers.entries()) {
    await test.step(name, () => {
      const outcome = settled[index];
      if (outcome?.status === "rejected") throw outcome.reason;
    });
  }
});

Deno.test("an address outside of the sandbox is an error that names where it comes from", async () => {
  await using cluster = await Cluster.start({ settings: { apiserver: "" } });
  await cluster.node.writeApiserverEnv("127.0.0.1", cluster.api.port);
  await assertFails(
    cluster,
    {},
    /cannot connect \(address from .*apiserver-url\.env\): outside the sandbox .* build it with --apiserver 127\.0\.0\.1:\d+/,
  );
});

Deno.test("a kubelet that is gone makes the run fail", async () => {
  await using cluster = await Cluster.start();
  const child = new Deno.Command(cluster.executable, {
    clearEnv: true,
    env: { ...PLUGIN_ENV },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  await new Blob([request(IMAGE, "")]).stream().pipeTo(child.stdin);
  const stderr = await new Response(child.stderr).text();
  assert.equal((await child.status).code, 1);
  assert.match(stderr, /^error: stdout: cannot write the response: its reader is gone$/m);
});
