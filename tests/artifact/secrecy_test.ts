import assert from "node:assert/strict";
import { AUTH, Cluster, type Pull, request } from "../support/cluster.ts";

Deno.test("neither token nor password is ever told, whatever happens", async (test) => {
  await using cluster = await Cluster.start();
  const { api, node } = cluster;
  const secret = "s3cret-password";
  const auth = btoa(`user:${secret}`);
  api.addDockerConfig("default", "my-registry", {
    "localhost:5000": { auth, username: "user", password: secret, identitytoken: secret },
    "localhost:5000/library": { auth: `${auth}!`, password: secret },
    "docker.io": { password: { secret } },
  });
  api.addSecret("default", {
    name: "broken",
    data: { ".dockerconfigjson": `{"auths": ${secret}` },
  });
  const situations: [name: string, prepare: () => void | Promise<void>][] = [
    ["a pull", () => {}],
    ["a global file of junk", () => node.writeGlobalAuthFile(`{"auths": "${secret}`)],
    ["an answer of junk", () => {
      api.respond = () => Response.json({ kind: secret, token: cluster.token });
    }],
    ["a refusal", () => {
      api.respond = undefined;
      api.revokeToken(cluster.token);
    }],
  ];
  for (const [name, prepare] of situations) {
    await test.step(name, async () => {
      await prepare();
      for (const format of ["text", "json"]) {
        const args = ["--log-level", "debug", "--log-format", format];
        const { stdout, stderr } = await cluster.pull({ args });
        const told = stdout + stderr;
        for (const hidden of [secret, auth, cluster.token, ...cluster.token.split(".")]) {
          assert.ok(!told.includes(hidden));
        }
      }
    });
  }
});

const HOSTILE_REQUESTS: readonly [name: string, pull: Pull][] = [
  ["an image with control characters", { stdin: request("docker.io/a\nerror: forged", "") }],
  ["an image that is a path", { image: "../../../etc/passwd" }],
  ["an image of 10 MB", { image: "a".repeat(10_000_000) }],
  ["an image named like a part of JavaScript", { image: "docker.io/__proto__/constructor" }],
  ["a token of 10 MB", { token: `e.${"e".repeat(10_000_000)}.e` }],
];

Deno.test("hostile requests write nothing but the one file, and forge no line", async (test) => {
  await using cluster = await Cluster.start();
  for (const [name, pull] of HOSTILE_REQUESTS) {
    await test.step(name, async () => {
      const { stderr, code } = await cluster.pull(pull);
      assert.ok(code === 0 || code === 1);
      assert.ok(stderr.length < 10_000);
      for (const line of stderr.trimEnd().split("\n")) assert.match(line, /^(?:error|warn|info): /);
      for (const entry of await cluster.node.authDirEntries()) {
        assert.match(entry, /^default-.*\.json$/);
      }
    });
  }
});

const LINE = /^(?:error|warn|info|debug): /;
const FORGED = "x\nerror: forged\r\u001b[2J\u2028\u202e";
const deep = "[".repeat(200_000);

/** Secrets that a tenant, or an API server gone bad, may come up with. */
const HOSTILE_SECRETS: readonly [name: string, secret: string, data: string][] = [
  ["a name that is a path", "../../etc/crio", JSON.stringify({ auths: {} })],
  ["a name that forges a line", FORGED, "{"],
  [
    "keys that are paths",
    "paths",
    keys("../../../etc/passwd", "localhost:5000/../../x", "/", ".."),
  ],
  ["keys that forge lines", "lines", keys(FORGED, `localhost:5000/${FORGED}`)],
  ["keys of JavaScript", "keys", `{"auths": {"__proto__": {"auth": "YTpi"}, "constructor": {}}}`],
  [
    "members of JavaScript",
    "members",
    `{"__proto__": {"auths": {}}, "auths": {"a": {"__proto__": 1}}}`,
  ],
  ["a key of 1 MB", "long", keys("a".repeat(1_000_000))],
  ["a broken key of 1 MB", "longer", keys(`localhost:5000/ ${"a".repeat(1_000_000)}`)],
  ["a password of 1 MB", "large", JSON.stringify({ auths: { a: { password: "x".repeat(1e6) } } })],
  ["deep JSON", "deep", `{"auths": ${deep}`],
  [
    "deep JSON in an entry",
    "nested",
    `{"auths": {"localhost:5000": {"email": ${deep}${"]".repeat(deep.length)}}}}`,
  ],
  ["numbers that are none", "numbers", `{"auths": {"localhost:5000": {"auth": 1e999}}}`],
  ["lone surrogates", "surrogates", `{"auths": {"localhost:5000/\\ud800": {"auth": "YTpi"}}}`],
];

const MANY = keys(...Array.from({ length: 10_000 }, (_, index) => `localhost:5000/ ${index}`));

Deno.test("thousands of broken entries are a few lines of log", async () => {
  await using cluster = await Cluster.start();
  cluster.api.addSecret("default", { name: "many", data: { ".dockerconfigjson": MANY } });
  const { code, stderr } = await cluster.pull();
  assert.equal(code, 0);
  assert.match(stderr, /^warn: skipped further broken entries count=9995$/m);
  assert.ok(stderr.split("\n").length < 15);
});

function keys(...names: string[]): string {
  return JSON.stringify({ auths: Object.fromEntries(names.map((name) => [name, { auth: AUTH }])) });
}

Deno.test("keys as long as a tenant likes make no line of log longer", async () => {
  await using cluster = await Cluster.start();
  const slashes = "/".repeat(700_000);
  for (const name of ["one", "two"]) {
    const auths = { [`localhost:5000${slashes}`]: { auth: btoa(`user:${name}`) } };
    cluster.api.addSecret("default", {
      name,
      data: { ".dockerconfigjson": JSON.stringify({ auths }) },
    });
  }
  for (const format of ["text", "json"]) {
    const { code, stderr } = await cluster.pull({ args: ["--log-format", format] });
    assert.equal(code, 0);
    assert.match(stderr, /has different credentials in secret .*one.* and secret .*two/);
    assert.match(stderr, /… \(700014 characters\)/);
    assert.ok(stderr.length < 10_000, `${stderr.length} characters of log`);
  }
});

Deno.test("an API server that repeats the token in what it says does not bring it into the log", async (test) => {
  await using cluster = await Cluster.start();
  const { api, token } = cluster;
  const [header = "", claims = "", signature = ""] = token.split(".");
  const said = `${token} or ${claims} and ${signature}, ${token.slice(0, 60)}; ${header}`;
  for (const status of [400, 401, 403, 404, 410, 500, 503]) {
    await test.step(`with status ${status}`, async () => {
      const message = { kind: "Status", reason: said, message: said };
      api.respond = () => Response.json(message, { status });
      const { code, stderr } = await cluster.pull({ args: ["--timeout", "5s"] });
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`HTTP status ${status} \\[masked\\] or \\[masked\\] and`));
      for (const part of [header, claims, signature]) {
        assert.ok(!stderr.includes(part.slice(0, 20)), stderr);
      }
    });
  }
});

Deno.test("hostile secrets change nothing but the one file, and forge no line", async (test) => {
  await using cluster = await Cluster.start();
  const { api, node } = cluster;
  const args = ["--log-level", "debug"];
  const plain = await cluster.pull({ args });
  assert.equal(plain.code, 0, plain.stderr);
  const [file] = await node.authDirEntries();
  const expected = await cluster.authFile();
  for (const [name, secret, data] of HOSTILE_SECRETS) {
    await test.step(name, async () => {
      api.addSecret("default", { name: secret, data: { ".dockerconfigjson": data } });
      const { code, stderr } = await cluster.pull({ args });
      assert.equal(code, 0, stderr.slice(0, 1000));
      for (const line of stderr.trimEnd().split("\n")) assert.match(line, LINE);
      for (const character of "\r\u001b\u2028\u202e") assert.ok(!stderr.includes(character));
      assert.ok(!stderr.includes("\nerror:"));
      assert.ok(stderr.length < 20_000, `${stderr.length} characters of log`);
      assert.deepEqual(await cluster.authFile(), expected);
      assert.deepEqual(await node.authDirEntries(), [file]);
      api.deleteSecret("default", secret);
    });
  }
});
