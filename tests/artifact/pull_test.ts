import assert from "node:assert/strict";
import { AUTH, Cluster, IMAGE, MIRROR } from "../support/cluster.ts";

const RESPONSE = {
  apiVersion: "credentialprovider.kubelet.k8s.io/v1",
  kind: "CredentialProviderResponse",
  cacheKeyType: "Image",
  cacheDuration: "0s",
};

function assertDone(result: { code: number; stdout: string; stderr: string }) {
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(JSON.parse(result.stdout), RESPONSE);
}

Deno.test("the documented example: the mirror's credential, in the file that CRI-O looks for", async () => {
  await using cluster = await Cluster.start();
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.node.authDirEntries(), [
    "default-7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5.json",
  ]);
  assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: AUTH } } });
  const [asked] = cluster.api.requests;
  assert.equal(asked?.headers.get("accept"), "application/json");
});

Deno.test("pulls that need nothing leave no file and do not ask the API server", async () => {
  await using cluster = await Cluster.start();
  const { node } = cluster;
  assertDone(await cluster.pull({ token: "" }));
  assertDone(await cluster.pull({ image: "quay.io/team/app" }));
  await node.writeRegistriesConf(`[[registry]]\nlocation = "docker.io"\nblocked = true\n`);
  assertDone(await cluster.pull());
  await node.writeRegistriesConf(`[registries.search]\nregistries = ["docker.io"]`);
  assertDone(await cluster.pull());
  await Deno.remove(node.settings.registriesConf[0] ?? "");
  assertDone(await cluster.pull());
  assert.deepEqual(await node.authDirEntries(), []);
  assert.equal(cluster.api.requests.length, 0);
});

Deno.test("drop-ins count without a main file, and over it", async () => {
  await using cluster = await Cluster.start({ registriesConf: "" });
  await cluster.node.writeDropIn("10-mirror.conf", MIRROR);
  assertDone(await cluster.pull());
  assert.ok(await cluster.authFile());
  await cluster.node.writeDropIn("20-none.conf", `[[registry]]\nlocation = "docker.io"`);
  assertDone(await cluster.pull({ image: "docker.io/library/alpine" }));
  assert.equal(await cluster.authFile("default", "docker.io/library/alpine"), undefined);
});

Deno.test("a primary that is pulled from elsewhere gets the credential of where it is pulled from", async () => {
  await using cluster = await Cluster.start({
    registriesConf: `[[registry]]\nprefix = "example.com"\nlocation = "localhost:5000/proxy"`,
  });
  assertDone(await cluster.pull({ image: "example.com/team/app" }));
  assert.ok(await cluster.authFile("default", "example.com/team/app"));
});

Deno.test("the node's global credentials stay in the file", async () => {
  await using cluster = await Cluster.start();
  const global = { auths: { "ghcr.io": { auth: btoa("g:g"), email: "e" } }, credsStore: "s" };
  await cluster.node.writeGlobalAuthFile(global);
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.authFile(), {
    auths: { ...global.auths, "localhost:5000": { auth: AUTH } },
    credsStore: "s",
  });
  cluster.api.deleteSecret("default", "my-registry");
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.authFile(), global);
});

Deno.test("a changed secret counts at the next pull, and a deleted one leaves no file behind", async () => {
  await using cluster = await Cluster.start();
  assertDone(await cluster.pull());
  const rotated = btoa("myuser:rotated");
  cluster.api.addDockerConfig("default", "my-registry", { "localhost:5000": { auth: rotated } });
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: rotated } } });
  cluster.api.deleteSecret("default", "my-registry");
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});

Deno.test("secrets of the legacy type count when they are asked for", async () => {
  await using cluster = await Cluster.start();
  cluster.api.deleteSecret("default", "my-registry");
  cluster.api.addDockercfg("default", "legacy", { "localhost:5000": { auth: AUTH } });
  assertDone(await cluster.pull());
  assert.equal(await cluster.authFile(), undefined);
  const types = "kubernetes.io/dockerconfigjson,kubernetes.io/dockercfg";
  assertDone(await cluster.pull({ args: ["--secret-types", types] }));
  assert.ok(await cluster.authFile());
});

Deno.test("thousands of secrets are read page by page", async () => {
  await using cluster = await Cluster.start();
  for (let i = 0; i < 1200; i++) {
    const name = `secret-${String(i).padStart(4, "0")}`;
    cluster.api.addDockerConfig("default", name, { [`r${i}.example.com`]: { auth: AUTH } });
  }
  assertDone(await cluster.pull());
  assert.deepEqual(cluster.api.requests.map(({ query }) => query.has("continue")), [
    false,
    true,
    true,
  ]);
  assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: AUTH } } });
});

Deno.test("a broken secret and a broken entry are skipped with a warning; the others count", async () => {
  await using cluster = await Cluster.start();
  const { api } = cluster;
  api.addSecret("default", { name: "a-broken", encoded: { ".dockerconfigjson": "!" } });
  api.addDockerConfig("default", "b-entry", { "localhost:5000/other": { auth: "!" } });
  const result = await cluster.pull();
  assertDone(result);
  assert.match(result.stderr, /^warn: skipped a broken secret secret="a-broken" reason=/m);
  assert.match(
    result.stderr,
    /^warn: skipped a broken entry of a secret secret="b-entry" key="localhost:5000\/other"/m,
  );
  assert.ok(await cluster.authFile());
});

Deno.test("a secret's annotation extends its credential to the mirror, unless the site says no", async () => {
  await using cluster = await Cluster.start();
  const { api, node } = cluster;
  api.deleteSecret("default", "my-registry");
  api.addSecret("default", {
    name: "hub",
    data: { ".dockerconfigjson": JSON.stringify({ auths: { "docker.io": { auth: AUTH } } }) },
    annotations: { "crio-credential-provider/also-for": "localhost:5000" },
  });
  assertDone(await cluster.pull({ args: ["--also-for", "off"] }));
  assert.deepEqual(await cluster.authFile(), { auths: { "docker.io": { auth: AUTH } } });
  for (const name of await node.authDirEntries()) {
    await Deno.remove(`${node.settings.authDir}/${name}`);
  }
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.authFile(), {
    auths: { "localhost:5000": { auth: AUTH }, "docker.io": { auth: AUTH } },
  });
});

Deno.test("an API server at an IPv6 address is reached", async () => {
  await using cluster = await Cluster.start({ api: { hostname: "::1" } });
  assertDone(await cluster.pull());
});

Deno.test("a kubeconfig's CA and tls-server-name are used", async () => {
  await using cluster = await Cluster.start({
    api: { hosts: ["kubernetes.default"] },
    settings: { caFile: "" },
  });
  const { api, node } = cluster;
  const kubeconfig = { server: api.url, caPem: api.ca.certificatePem };
  await node.writeKubeconfig(kubeconfig);
  const refused = await cluster.pull();
  assert.match(
    refused.stderr,
    /is not valid for the name "127\.0\.0\.1"; the CA used is certificate-auth/,
  );
  await node.writeKubeconfig({ ...kubeconfig, tlsServerName: "kubernetes.default" });
  assertDone(await cluster.pull());
  assert.ok(await cluster.authFile());
});

Deno.test("two namespaces get their own credentials, and one's token nothing of the other's", async () => {
  await using cluster = await Cluster.start();
  const { api } = cluster;
  const token = api.addServiceAccount("team-b");
  api.grant("team-b");
  const auth = btoa("b:b");
  api.addDockerConfig("team-b", "my-registry", { "localhost:5000": { auth } });
  assertDone(await cluster.pull());
  assertDone(await cluster.pull({ token }));
  assert.deepEqual(await cluster.authFile("default"), {
    auths: { "localhost:5000": { auth: AUTH } },
  });
  assert.deepEqual(await cluster.authFile("team-b"), { auths: { "localhost:5000": { auth } } });
});

Deno.test("a token that claims another namespace than its own gets nothing", async () => {
  await using cluster = await Cluster.start();
  const { serviceAccountToken } = await import("../support/service_account_token.ts");
  const token = serviceAccountToken({ namespace: "default" });
  // The API server knows better whose token this is.
  cluster.api.addToken(token, "team-b");
  const result = await cluster.pull({ token });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /may not list secrets in namespace "default"/);
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});

Deno.test("pulls at the same time do not meet, of one image or of several", async () => {
  await using cluster = await Cluster.start();
  const images = [IMAGE, IMAGE, IMAGE, "docker.io/library/alpine", "docker.io/library/redis"];
  const results = await Promise.all(images.map((image) => cluster.pull({ image })));
  for (const result of results) assertDone(result);
  assert.equal((await cluster.node.authDirEntries()).length, 3);
  for (const image of new Set(images)) {
    assert.deepEqual(await cluster.authFile("default", image), {
      auths: { "localhost:5000": { auth: AUTH } },
    });
  }
});

Deno.test("CRI-O finds a whole file whenever it takes one", async () => {
  await using cluster = await Cluster.start();
  const { takeAuthFile } = await import("../support/crio_consumer.ts");
  const { authDir } = cluster.node.settings;
  let running = true;
  let taken = 0;
  const consumer = (async () => {
    while (running) {
      const file = await takeAuthFile(authDir, "default", IMAGE);
      if (file !== undefined) {
        taken++;
        assert.deepEqual(file.authFile, { auths: { "localhost:5000": { auth: AUTH } } });
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  for (let round = 0; round < 3; round++) {
    await Promise.all([1, 2, 3].map(async () => assertDone(await cluster.pull())));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  running = false;
  await consumer;
  assert.ok(taken > 0 && taken <= 9);
});

Deno.test("with --pulled-images service-account the kubelet gets an empty pair where a credential was chosen", async () => {
  await using cluster = await Cluster.start();
  const args = ["--pulled-images", "service-account"];
  const chosen = await cluster.pull({ args });
  assert.equal(chosen.code, 0, chosen.stderr);
  assert.deepEqual(JSON.parse(chosen.stdout), {
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    kind: "CredentialProviderResponse",
    cacheKeyType: "Image",
    cacheDuration: "0s",
    auth: { [IMAGE]: { username: "", password: "" } },
  });
  cluster.api.deleteSecret("default", "my-registry");
  const none = await cluster.pull({ args });
  assert.equal(none.code, 0, none.stderr);
  assert.equal("auth" in JSON.parse(none.stdout), false);
});
