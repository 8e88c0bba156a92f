import assert from "node:assert/strict";
import { kubeletEnvironment, RUNTIME_VARIABLES } from "../../src/runtime_environment.ts";
import { CertificateAuthority } from "../support/ca.ts";
import { Cluster, IMAGE, request } from "../support/cluster.ts";
import { compiledForm } from "../support/compiled_form.ts";
import { formUnderTest } from "../support/executable.ts";
import { PLUGIN_ENV, type PluginResult, runPlugin } from "../support/plugin.ts";

type Environment = Readonly<Record<string, string>>;

/** Stands for a file that must not come into being. */
const LEAK = "LEAK";
const NOWHERE = "http://127.0.0.1:9";

/** A value of each variable that does harm where it is obeyed. */
const HOSTILE: Environment = {
  DENO_TLS_CA_STORE: "bogus",
  DENO_CERT: "/nonexistent/ca.pem",
  NODE_EXTRA_CA_CERTS: "/nonexistent/ca.pem",
  SSLKEYLOGFILE: LEAK,
  DENO_INTERNAL_CHILD_ENTRYPOINT: "/nonexistent/program.js",
  DENO_LOG: "trace",
  DENO_TRACE_PERMISSIONS: "1",
  DENO_PERMISSION_BROKER_PATH: "/nonexistent/broker",
  DENO_AUDIT_PERMISSIONS: LEAK,
  DENO_COVERAGE_DIR: LEAK,
  DENO_V8_FLAGS: "--bogus-flag",
  OTEL_DENO: "true",
};

/** Variables that other programs obey, or the runtime in parts that this one does not use. */
const OF_OTHERS: Environment = {
  HTTPS_PROXY: NOWHERE,
  https_proxy: NOWHERE,
  HTTP_PROXY: NOWHERE,
  ALL_PROXY: NOWHERE,
  all_proxy: NOWHERE,
  NODE_TLS_REJECT_UNAUTHORIZED: "0",
  NODE_USE_ENV_PROXY: "1",
  NODE_OPTIONS: "--bogus-flag",
  NODE_DEBUG: "*",
};

/** Variables of the shell and of the `deno` executable that a script could fall for. */
const OF_THE_SCRIPT: Environment = {
  ...OF_OTHERS,
  DENO_DIR: "/nonexistent/deno",
  DENO_NO_PROMPT: "0",
  RUST_LOG: "trace",
  NODE_CHANNEL_FD: "3",
  ENV: "/nonexistent/profile",
  BASH_ENV: "/nonexistent/profile",
  IFS: "/",
};

Deno.test("there is a hostile value for each variable that reaches through the sandbox", () => {
  assert.deepEqual(Object.keys(HOSTILE), RUNTIME_VARIABLES.map(({ name }) => name));
});

async function assertNoLeak(cluster: Cluster): Promise<void> {
  await assert.rejects(Deno.stat(cluster.node.path(LEAK)), Deno.errors.NotFound);
}

const valueOn = ({ node }: Cluster, value: string) => value === LEAK ? node.path(LEAK) : value;

if (await formUnderTest() === "script") {
  Deno.test("no variable has an effect on the script form", async (test) => {
    await using cluster = await Cluster.start();
    const plain = await cluster.pull();
    for (const [name, value] of Object.entries({ ...HOSTILE, ...OF_THE_SCRIPT })) {
      await test.step(name, async () => {
        const env = { ...PLUGIN_ENV, [name]: valueOn(cluster, value) };
        assert.deepEqual(await cluster.pull({ env }), plain);
        await assertNoLeak(cluster);
      });
    }
  });
}

/** `env` of the documented CredentialProviderConfig, which the kubelet puts over its own. */
const DOCUMENTED = Object.fromEntries(kubeletEnvironment().map(({ name, value }) => [name, value]));

/** A cluster with the compiled form, and a pull with it. */
async function withCompiledForm(
  run: (cluster: Cluster, pull: (env: Environment) => Promise<PluginResult>) => Promise<void>,
): Promise<void> {
  await using cluster = await Cluster.start({ settings: {} });
  const executable = await compiledForm(cluster.node.settings, cluster.node.path("compiled"));
  const stdin = request(IMAGE, cluster.token);
  await run(cluster, (env) => runPlugin(executable, { stdin, env: { ...PLUGIN_ENV, ...env } }));
}

Deno.test("with the documented env no variable has an effect on the compiled form", async (test) => {
  await withCompiledForm(async (cluster, pull) => {
    const plain = await pull({});
    assert.equal(plain.code, 0, plain.stderr);
    for (const [name, value] of Object.entries(HOSTILE)) {
      if (!(name in DOCUMENTED)) continue;
      await test.step(name, async () => {
        assert.deepEqual(await pull({ [name]: valueOn(cluster, value), ...DOCUMENTED }), plain);
        await assertNoLeak(cluster);
      });
    }
  });
});

Deno.test("without the documented env the compiled form obeys no proxy, nor what is Node's", async (test) => {
  await withCompiledForm(async (cluster, pull) => {
    const plain = await pull({});
    assert.equal(plain.code, 0, plain.stderr);
    for (const [name, value] of Object.entries(OF_OTHERS)) {
      await test.step(name, async () => {
        assert.deepEqual(await pull({ [name]: value, NO_PROXY: "" }), plain);
      });
    }
    assert.equal(cluster.api.requests.length, 1 + Object.keys(OF_OTHERS).length);
  });
});

Deno.test("without the documented env the compiled form obeys what it inherits", async (test) => {
  await withCompiledForm(async (cluster, pull) => {
    await test.step("SSLKEYLOGFILE writes the keys", async () => {
      await pull({ SSLKEYLOGFILE: cluster.node.path(LEAK) });
      assert.match(await Deno.readTextFile(cluster.node.path(LEAK)), /^CLIENT_/m);
    });
    await test.step("DENO_TLS_CA_STORE that names no store makes the run fail", async () => {
      assert.equal((await pull({ DENO_TLS_CA_STORE: "bogus" })).code, 1);
    });
    await test.step("DENO_CERT that is no file makes the run fail", async () => {
      assert.equal((await pull({ DENO_CERT: "" })).code, 1);
    });
  });
});

const VOUCHING = ["NODE_EXTRA_CA_CERTS", "DENO_CERT", "SSL_CERT_FILE"];

/** Puts the CA of another cluster in place, and the server's own where only a variable names it. */
async function distrust(cluster: Cluster): Promise<string> {
  const vouched = cluster.node.path("vouched.crt");
  await Deno.writeTextFile(vouched, cluster.api.ca.certificatePem);
  await cluster.node.writeCa((await CertificateAuthority.create("cluster")).certificatePem);
  return vouched;
}

Deno.test("a CA that only a variable vouches for is not trusted in the documented set-up", async (test) => {
  await using script = await Cluster.start();
  const env = await formUnderTest() === "compiled" ? DOCUMENTED : {};
  const vouched = await distrust(script);
  for (const name of VOUCHING) {
    await test.step(`by the executable: ${name}`, async () => {
      const result = await script.pull({ env: { ...PLUGIN_ENV, [name]: vouched, ...env } });
      assert.match(result.stderr, /its certificate is not signed by the expected CA/);
      assert.equal(result.code, 1);
    });
  }
  assert.equal(script.api.requests.length, 0);
  await withCompiledForm(async (cluster, pull) => {
    const vouched = await distrust(cluster);
    for (const name of VOUCHING) {
      await test.step(`by the compiled form: ${name}`, async () => {
        const { code, stderr } = await pull({ [name]: vouched, ...DOCUMENTED });
        assert.match(stderr, /its certificate is not signed by the expected CA/);
        assert.equal(code, 1);
      });
    }
    assert.equal(cluster.api.requests.length, 0);
    // So that the steps above cannot pass for another reason.
    await test.step("and without the documented env it is", async () => {
      assert.equal((await pull({ NODE_EXTRA_CA_CERTS: vouched })).code, 0);
    });
  });
});

Deno.test("a server name of its own is verified, whatever NODE_TLS_REJECT_UNAUTHORIZED says", async () => {
  const kubernetes = await CertificateAuthority.create("kubernetes");
  const other = await CertificateAuthority.create("another");
  await using cluster = await Cluster.start({
    api: { ca: kubernetes, hosts: ["kubernetes.default.svc"] },
    settings: ({ url }) => ({ apiserver: url, caFile: "" }),
  });
  const executable = await compiledForm(cluster.node.settings, cluster.node.path("compiled"));
  for (const [ca, code] of [[kubernetes, 0], [other, 1]] as const) {
    await cluster.node.writeKubeconfig({
      server: cluster.api.url,
      caPem: ca.certificatePem,
      tlsServerName: "kubernetes.default.svc",
    });
    const result = await runPlugin(executable, {
      stdin: request(IMAGE, cluster.token),
      env: { ...PLUGIN_ENV, NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    });
    assert.equal(result.code, code, result.stderr);
  }
  assert.equal(cluster.api.requests.length, 1);
});
