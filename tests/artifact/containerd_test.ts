import assert from "node:assert/strict";
import type { Settings } from "../../src/settings/settings.ts";
import { AUTH, Cluster, PASSWORD } from "../support/cluster.ts";
import { formUnderTest } from "../support/executable.ts";
import { recordPull } from "../support/permission_record.ts";

const CONTAINERD: Partial<Settings> = { runtime: "containerd", logLevel: "debug" };
const MIRROR = `[host."http://localhost:5000"]\n`;
/** In every version of containerd the image's own registry is not asked. */
const MIRROR_ONLY = `server = "http://localhost:5000"\n${MIRROR}`;

const EMPTY = { username: "", password: "" };
const RESPONSE = {
  apiVersion: "credentialprovider.kubelet.k8s.io/v1",
  kind: "CredentialProviderResponse",
  cacheKeyType: "Image",
  cacheDuration: "0s",
};

/** Nothing that is secret is in a log. */
function assertDiscreet(stderr: string): void {
  for (const text of [PASSWORD, AUTH]) assert.ok(!stderr.includes(text));
}

Deno.test("a mirror that is asked alone gets the pair, by the response, and nothing is written", async () => {
  await using cluster = await Cluster.start({ settings: CONTAINERD });
  await cluster.node.writeHostsToml("docker.io", MIRROR_ONLY);
  const { code, stdout, stderr } = await cluster.pull();
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    ...RESPONSE,
    auth: {
      "docker.io/library/nginx": { username: "myuser", password: PASSWORD },
      "docker.io": EMPTY,
    },
  });
  assert.match(stderr, /is asked without TLS/);
  assert.match(stderr, /info: gave pairs to the kubelet pairs=1$/m);
  assertDiscreet(stderr);
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});

Deno.test("a pair that the image's own registry would see is withheld, unless the site consents", async () => {
  await using cluster = await Cluster.start({ settings: CONTAINERD });
  await cluster.node.writeHostsToml("docker.io", MIRROR);
  const withheld = await cluster.pull();
  assert.deepEqual(JSON.parse(withheld.stdout), RESPONSE);
  assert.match(
    withheld.stderr,
    /warn: the credential of secret "my-registry" .* is withheld: containerd would offer it to registry-1\.docker\.io, too; .*--containerd-also-offer registry-1\.docker\.io/,
  );
  assertDiscreet(withheld.stderr);
  const args = ["--containerd-also-offer", "registry-1.docker.io", "--cache-duration", "10m"];
  const { code, stdout, stderr } = await cluster.pull({ args });
  assert.equal(code, 0, stderr);
  const { auth, cacheDuration } = JSON.parse(stdout);
  assert.deepEqual([Object.keys(auth), cacheDuration], [
    ["docker.io/library/nginx", "docker.io"],
    "600s",
  ]);
});

Deno.test("a hosts.toml that containerd may drop gives nothing, and is told of with line and consequence", async () => {
  await using cluster = await Cluster.start({ settings: CONTAINERD });
  await cluster.node.writeHostsToml("docker.io", `${MIRROR_ONLY}capabilities = ["fly"]\n`);
  const { code, stdout, stderr } = await cluster.pull();
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), RESPONSE);
  assert.match(
    stderr,
    /warn: \S+\/docker\.io\/hosts\.toml:2: has a capability .* goes to the image's own registry/,
  );
  assert.equal(cluster.api.requests.length, 0);
});

Deno.test("without a mirror in hosts.toml the API server is not asked", async () => {
  await using cluster = await Cluster.start({ settings: CONTAINERD });
  for (const image of ["docker.io/library/nginx", "quay.io/team/app"]) {
    const { stdout, stderr } = await cluster.pull({ image });
    assert.deepEqual(JSON.parse(stdout), RESPONSE);
    assert.match(stderr, /info: no hosts directory for the registry: nothing to do/);
  }
  assert.equal(cluster.api.requests.length, 0);
});

Deno.test("an error of what is loaded for containerd alone is told as any other", async () => {
  await using cluster = await Cluster.start({ settings: CONTAINERD });
  await cluster.node.writeHostsToml("docker.io/hosts.toml", "");
  const { code, stdout, stderr } = await cluster.pull();
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /error: \S+\/docker\.io\/hosts\.toml: is a directory, expected a file/);
});

Deno.test("an executable for CRI-O does not run for containerd, and says what to build", async () => {
  await using cluster = await Cluster.start({ settings: {} });
  const { code, stdout, stderr } = await cluster.pull({ args: ["--runtime", "containerd"] });
  assert.deepEqual([code === 0, stdout], [false, ""]);
  assert.match(
    stderr,
    /outside the sandbox of this executable; bind or build it with --runtime containerd --containerd-hosts-dir/,
  );
});

if (await formUnderTest() === "script") {
  Deno.test("with containerd a pull reads the one hosts.toml and the CA, and writes nothing", async () => {
    await using cluster = await Cluster.start({ settings: { runtime: "containerd" } });
    const { node } = cluster;
    await node.writeHostsToml("docker.io", MIRROR_ONLY);
    const { code, accesses } = await recordPull(cluster);
    assert.equal(code, 0);
    const files = accesses.filter(({ permission }) => permission !== "net")
      .map(({ permission, value }) => `${permission} ${value.replace(node.root, "")}`);
    assert.deepEqual([...new Set(files)], [
      "read /etc/containerd/certs.d/docker.io/hosts.toml",
      "read /etc/kubernetes/pki/ca.crt",
    ]);
  });
}
