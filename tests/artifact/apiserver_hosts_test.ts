import assert from "node:assert/strict";
import { Cluster } from "../support/cluster.ts";

Deno.test("an executable for many clusters reads from the one that the node names", async () => {
  await using cluster = await Cluster.start({
    settings: (api) => ({
      apiserver: "",
      apiserverHosts: [`127.0.0.0/8:${new URL(api.url).port}`, "*.clusters.example.com:6443"],
    }),
  });
  await cluster.node.writeApiserverEnv("127.0.0.1", Number(new URL(cluster.api.url).port));
  const { code, stderr } = await cluster.pull();
  assert.equal(code, 0, stderr);
  assert.equal((await cluster.node.authDirEntries()).length, 1);
  const audit = await cluster.pull({ args: ["audit"] });
  assert.equal(audit.code, 0, audit.stderr);
  assert.match(audit.stdout, /^ {2}wider than a host: 127\.0\.0\.0\/8:\d+: 16777216 addresses/m);
  assert.match(audit.stdout, /^ {2}wider than a host: \*\.clusters\.example\.com:6443: /m);
  // A flag may name less, and not more.
  const narrower = await cluster.pull({
    args: ["--apiserver-hosts", "api.clusters.example.com:6443"],
  });
  assert.equal(narrower.code, 1);
  assert.match(narrower.stderr, /outside of what this executable may connect to: api\.clusters/);
  const wider = await cluster.pull({ args: ["--apiserver-hosts", "10.0.0.0/8:6443"] });
  assert.equal(wider.code, 2);
  assert.match(
    wider.stderr,
    /outside the sandbox of this executable; bind or build it with --apiserver-h/,
  );
});

const OUTSIDE: readonly [host: string, port: number][] = [
  ["10.0.0.1", 1],
  ["api.example.com", 6443],
  ["clusters.example.com.evil.example", 6443],
  ["api.clusters.example.com", 443],
];

Deno.test("an address on the node that lies elsewhere is an error that names it, and nothing is sent", async () => {
  await using cluster = await Cluster.start({
    settings: { apiserver: "", apiserverHosts: ["*.clusters.example.com:6443"] },
  });
  for (const [host, port] of OUTSIDE) {
    await cluster.node.writeApiserverEnv(host, port);
    const { code, stdout, stderr } = await cluster.pull();
    assert.deepEqual([code, stdout], [1, ""]);
    assert.ok(stderr.includes(`${host}:${port}`), stderr);
    assert.ok(stderr.includes(cluster.node.settings.apiserverEnvFile), stderr);
    assert.match(stderr, /outside of what this executable may connect to: \*\.clusters\.example/);
  }
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});
