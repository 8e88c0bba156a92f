import assert from "node:assert/strict";
import { CertificateAuthority } from "../support/ca.ts";
import { Cluster } from "../support/cluster.ts";
import { PLUGIN_ENV } from "../support/plugin.ts";

/** Variables that the runtime obeys whatever its permissions are. */
const HOSTILE: Readonly<Record<string, string>> = {
  HTTPS_PROXY: "http://127.0.0.1:9",
  https_proxy: "http://127.0.0.1:9",
  ALL_PROXY: "http://127.0.0.1:9",
  HTTP_PROXY: "http://127.0.0.1:9",
  SSLKEYLOGFILE: "LEAK",
  DENO_AUDIT_PERMISSIONS: "LEAK",
  DENO_PERMISSION_BROKER_PATH: "/nonexistent/broker",
  DENO_V8_FLAGS: "--bogus-flag",
  DENO_DIR: "/nonexistent/deno",
  DENO_NO_PROMPT: "0",
  DENO_CERT: "/nonexistent/ca.pem",
  DENO_TLS_CA_STORE: "bogus",
  DENO_LOG: "trace",
  NODE_OPTIONS: "--bogus-flag",
  NODE_DEBUG: "*",
  OTEL_DENO: "true",
  ENV: "/nonexistent/profile",
};

Deno.test("what the kubelet's environment holds has no effect", async (test) => {
  await using cluster = await Cluster.start();
  const plain = await cluster.pull();
  for (const [name, value] of Object.entries(HOSTILE)) {
    await test.step(name, async () => {
      const leak = cluster.node.path("leak");
      const result = await cluster.pull({
        env: { ...PLUGIN_ENV, [name]: value === "LEAK" ? leak : value },
      });
      assert.deepEqual(result, plain);
      await assert.rejects(Deno.stat(leak), Deno.errors.NotFound);
    });
  }
});

Deno.test("a CA that only a variable vouches for is not trusted", async (test) => {
  await using cluster = await Cluster.start();
  const vouched = cluster.node.path("vouched.crt");
  await Deno.writeTextFile(vouched, cluster.api.ca.certificatePem);
  await cluster.node.writeCa((await CertificateAuthority.create("cluster")).certificatePem);
  for (const name of ["NODE_EXTRA_CA_CERTS", "DENO_CERT", "SSL_CERT_FILE"]) {
    await test.step(name, async () => {
      const result = await cluster.pull({ env: { ...PLUGIN_ENV, [name]: vouched } });
      assert.equal(result.code, 1);
      assert.match(result.stderr, /its certificate is not signed by the expected CA/);
    });
  }
  assert.equal(cluster.api.requests.length, 0);
});
