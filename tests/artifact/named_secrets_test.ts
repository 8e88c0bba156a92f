import assert from "node:assert/strict";
import { AUTH, Cluster, PASSWORD } from "../support/cluster.ts";

const KEY = "crio-credential-provider/secrets";
const SECRETS = "/api/v1/namespaces/default/secrets";

/** What is in the namespace beside the registry secret, and must not be read. */
const TLS_KEY = "s3cret-tls-key";

/** A cluster whose account may get two named secrets, one of them missing, and list none. */
async function start(): Promise<Cluster> {
  const cluster = await Cluster.start();
  const { api } = cluster;
  api.addSecret("default", {
    name: "tls",
    type: "kubernetes.io/tls",
    data: { "tls.key": TLS_KEY },
  });
  api.addDockerConfig("default", "other", { "localhost:5000": { auth: btoa("other:s3cret") } });
  api.grantNamed("default", ["my-registry", "missing"]);
  return cluster;
}

function paths({ api }: Cluster): string[] {
  return api.requests.map(({ path }) => path);
}

Deno.test("an account that may get two named secrets pulls, and is forbidden to list", async () => {
  await using cluster = await start();
  const named = await cluster.pull({ annotations: { [KEY]: "my-registry, missing" } });
  assert.equal(named.code, 0, named.stderr);
  assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: AUTH } } });
  assert.deepEqual(paths(cluster), [`${SECRETS}/my-registry`, `${SECRETS}/missing`]);
  assert.match(named.stderr, /warn: left out a named secret secret="missing"/);

  const listed = await cluster.pull();
  assert.equal(listed.code, 1);
  assert.match(listed.stderr, /may not list secrets in namespace "default"/);
});

Deno.test("a secret that is not named is not read", async () => {
  await using cluster = await start();
  const { stdout, stderr } = await cluster.pull({ annotations: { [KEY]: "my-registry" } });
  assert.deepEqual(paths(cluster), [`${SECRETS}/my-registry`]);
  const file = JSON.stringify(await cluster.authFile());
  for (const text of [stdout, stderr, file]) {
    assert.ok(!text.includes(TLS_KEY) && !text.includes("other"));
  }
});

Deno.test("named secrets come over one connection", async () => {
  await using cluster = await start();
  const { api } = cluster;
  const names = Array.from({ length: 32 }, (_, index) => `s${index}`);
  for (const name of names) api.addDockerConfig("default", name, { "quay.io": { auth: AUTH } });
  api.grantNamed("default", names);
  const { code, stderr } = await cluster.pull({ annotations: { [KEY]: names.join(", ") } });
  assert.equal(code, 0, stderr);
  assert.deepEqual(paths(cluster), names.map((name) => `${SECRETS}/${name}`));
  // A server that closes each connection behind its answer is asked all the same.
  const answered = api.requests.length;
  api.respond = (_request, _attempt, answer) => {
    const response = answer();
    response.headers.set("connection", "close");
    return response;
  };
  assert.equal((await cluster.pull({ annotations: { [KEY]: names.join(", ") } })).code, 0);
  assert.equal(api.requests.length, 2 * answered);
});

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`).join();
const BROKEN: readonly [name: string, annotation: string, error: RegExp][] = [
  ["33 names", numbered(33), /names 33 secrets, and at most 32 are read/],
  ["a slash", "my-registry, a/b", /entry 2 is not a secret's name/],
  ["..", "..", /entry 1 is not a secret's name/],
  ["upper case", "My-Registry", /entry 1 is not a secret's name/],
  ["300 characters", "a".repeat(300), /entry 1 is longer than 253 characters/],
  ["a line break", "a\nerror: forged", /entry 1 is not a secret's name/],
  ["a query", "a?watch=1", /entry 1 is not a secret's name/],
  ["a megabyte of commas", ",".repeat(200_000), /entry 1 is empty/],
];

Deno.test("an annotation that is broken is an error, and nothing is asked or written", async (test) => {
  await using cluster = await start();
  for (const [name, annotation, error] of BROKEN) {
    await test.step(name, async () => {
      const { code, stdout, stderr } = await cluster.pull({ annotations: { [KEY]: annotation } });
      const lines = stderr.trimEnd().split("\n");
      assert.match(lines.at(-1) ?? "", error);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.equal(lines.filter((line) => line.startsWith("error: ")).length, 1);
      assert.deepEqual(await cluster.node.authDirEntries(), []);
    });
  }
  assert.equal(cluster.api.requests.length, 0);
});

Deno.test("a named secret of 2 MiB is left out with a warning, and the others count", async () => {
  await using cluster = await start();
  const auths = { "localhost:5000": { auth: btoa(`large:${"s3cret".repeat(350_000)}`) } };
  cluster.api.addDockerConfig("default", "large", auths);
  cluster.api.grantNamed("default", ["large"]);
  const { code, stderr } = await cluster.pull({ annotations: { [KEY]: "my-registry,large" } });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warn: left out a named secret secret="large" reason="it is larger than/);
  assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: AUTH } } });
});

Deno.test("annotations of another account than the token's open nothing that the token does not", async () => {
  await using cluster = await start();
  const { api } = cluster;
  const token = api.addServiceAccount("default", "poor");
  const { code, stderr } = await cluster.pull({ token, annotations: { [KEY]: "my-registry" } });
  assert.equal(code, 1);
  assert.match(stderr, /service account "default\/poor" may not get secret "my-registry"/);
  assert.match(stderr, /kubectl create role crio-credential-provider-poor -n default --verb=get/);
  assert.equal(await cluster.authFile(), undefined);
});

Deno.test("an account that is refused its named secrets leaves no file that another one's run wrote", async () => {
  await using cluster = await start();
  const { api } = cluster;
  assert.equal((await cluster.pull({ annotations: { [KEY]: "my-registry" } })).code, 0);
  assert.notEqual(await cluster.authFile(), undefined);
  const token = api.addServiceAccount("default", "poor");
  const { code, stderr } = await cluster.pull({ token, annotations: { [KEY]: "my-registry" } });
  assert.equal(code, 1);
  assert.match(stderr, /warn: removed the auth file of an earlier run/);
  assert.equal(await cluster.authFile(), undefined);
  assert.ok(!stderr.includes(PASSWORD) && !stderr.includes(token));
});
