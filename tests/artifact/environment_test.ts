import assert from "node:assert/strict";
import {
  isObeyed,
  kubeletEnvironment,
  RUNTIME_VARIABLES,
} from "../../src/executable/runtime_environment.ts";
import { HARMLESS } from "../support/c_library_variables.ts";
import { CertificateAuthority } from "../support/ca.ts";
import { Cluster, IMAGE, request } from "../support/cluster.ts";
import { compiledForm } from "../support/compiled_form.ts";
import { formUnderTest } from "../support/executable.ts";
import { PLUGIN_ENV, type PluginResult, runPlugin } from "../support/plugin.ts";
import { RawServer } from "../support/raw_tls_server.ts";

type Environment = Readonly<Record<string, string>>;

/** Stands for a file that must not come into being. */
const LEAK = "LEAK";
/** Stands for a directory whose `libc.so.6` is none. */
const FOREIGN = "FOREIGN";
const NOWHERE = "http://127.0.0.1:9";

/** A value of each variable that does harm where it is obeyed. */
const HOSTILE: Environment = {
  DENO_TLS_CA_STORE: "bogus",
  DENO_CERT: "/nonexistent/ca.pem",
  NODE_EXTRA_CA_CERTS: "/nonexistent/ca.pem",
  SSLKEYLOGFILE: LEAK,
  DENO_SNAPSHOT_IMPORT_GRAPH: LEAK,
  DENO_UNSTABLE_CRON_SOCK: "tcp:127.0.0.1:9",
  DENO_INTERNAL_CHILD_ENTRYPOINT: "/nonexistent/program.js",
  DENO_LOG: "trace",
  DENO_TRACE_PERMISSIONS: "1",
  DENO_STARTUP_PHASES: "1",
  DENO_TOKIO_METRICS: "1",
  DENO_EXTRA_STDIO_FDS: "0,1,2,3,4,5,6,7,8,9",
  ICU_DATA: "/nonexistent",
  ICU_TIMEZONE_FILES_DIR: "/nonexistent",
  // With 0 the runtime does nothing for ever.
  DENO_TOKIO_EVENT_INTERVAL: "x",
  DENO_TOKIO_GLOBAL_QUEUE_INTERVAL: "0",
  DENO_TOKIO_MAX_IO_EVENTS_PER_TICK: "0",
  NODE_CHANNEL_SERIALIZATION_MODE: "x",
  NODE_CHANNEL_FD: "0",
  TMPDIR: "relative",
  LC_ALL: "nonexistentlanguage",
  OPENSSL_ia32cap: "",
  OPENSSL_armcap: "",
  SIMDUTF_FORCE_IMPLEMENTATION: "",
  LD_PRELOAD: "/nonexistent/library.so",
  LD_AUDIT: "/nonexistent/library.so",
  LD_LIBRARY_PATH: FOREIGN,
  GCONV_PATH: "/nonexistent",
  LOCPATH: "/nonexistent",
  LD_PROFILE: "libc.so.6",
  LD_DEBUG: "files",
  GLIBC_TUNABLES: "glibc.malloc.top_pad=9999999999999",
  MALLOC_TOP_PAD_: "9999999999999",
  LD_ASSUME_KERNEL: "2.4.0",
  HOSTALIASES: "/nonexistent",
  RES_OPTIONS: "timeout:30",
  LOCALDOMAIN: "example.com",
  RESOLV_HOST_CONF: "/etc/passwd",
  RESOLV_MULTI: "x",
  RESOLV_REORDER: "x",
  RESOLV_ADD_TRIM_DOMAINS: "a,b,c,d,e",
  RESOLV_OVERRIDE_TRIM_DOMAINS: "a,b,c,d,e",
  LD_SHOW_AUXV: "1",
  LD_TRACE_LOADED_OBJECTS: "1",
  LD_TRACE_PRELINKING: "1",
  SHELLOPTS: "noexec",
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

/** `env` of the documented CredentialProviderConfig, which the kubelet puts over its own. */
const DOCUMENTED = Object.fromEntries(kubeletEnvironment().map(({ name, value }) => [name, value]));

/** All variables that the documented env sets, with hostile values. */
function hostile(cluster: Cluster): Environment {
  return Object.fromEntries(
    Object.entries(HOSTILE).filter(([name]) => name in DOCUMENTED)
      .map(([name, value]) => [name, valueOn(cluster, value)]),
  );
}

Deno.test("there is a hostile value for each variable that bypasses the sandbox", () => {
  assert.deepEqual(Object.keys(HOSTILE), RUNTIME_VARIABLES.map(({ name }) => name));
});

/** What is in a file, which is gone then; `undefined`: it is not there. */
async function takeFile(path: string): Promise<string | undefined> {
  try {
    const text = new TextDecoder().decode(await Deno.readFile(path));
    await Deno.remove(path);
    return text;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function assertNoLeak(cluster: Cluster): Promise<void> {
  await assert.rejects(Deno.stat(cluster.node.path(LEAK)), Deno.errors.NotFound);
}

const valueOn = ({ node }: Cluster, value: string) =>
  value === LEAK || value === FOREIGN ? node.path(value) : value;

/** A pull whose file is taken, so that the next one says the same. */
async function pullAndTake(cluster: Cluster, env: Environment = PLUGIN_ENV): Promise<PluginResult> {
  const result = await cluster.pull({ env });
  await cluster.takeAuthFile();
  return result;
}

if (await formUnderTest() === "script") {
  const obeyed = RUNTIME_VARIABLES.filter((variable) => isObeyed(variable, "script"));

  Deno.test("no variable of the runtime has an effect on the script form", async (test) => {
    await using cluster = await Cluster.start();
    const plain = await pullAndTake(cluster);
    for (const [name, value] of Object.entries({ ...HOSTILE, ...OF_THE_SCRIPT })) {
      if (obeyed.some((variable) => variable.name === name)) continue;
      await test.step(name, async () => {
        const env = { ...PLUGIN_ENV, [name]: valueOn(cluster, value) };
        assert.deepEqual(await pullAndTake(cluster, env), plain);
        await assertNoLeak(cluster);
      });
    }
  });

  Deno.test("with the documented env no variable has an effect on the script form", async () => {
    await using cluster = await Cluster.start();
    const plain = await pullAndTake(cluster);
    assert.deepEqual(
      await pullAndTake(cluster, { ...PLUGIN_ENV, ...hostile(cluster), ...DOCUMENTED }),
      plain,
    );
    await assertNoLeak(cluster);
  });

  Deno.test("without it the script form's shell and env are in the loader's hands", async () => {
    await using cluster = await Cluster.start();
    const { stderr } = await cluster.pull({
      env: { ...PLUGIN_ENV, LD_PRELOAD: "/nonexistent.so" },
    });
    assert.match(stderr, /LD_PRELOAD cannot be preloaded/);
  });
}

/**
 * A cluster with the compiled form, and a pull with it. The API server is given by a name: only so does
 * the C library look one up, and what it obeys then is seen.
 */
async function withCompiledForm(
  run: (cluster: Cluster, pull: (env: Environment) => Promise<PluginResult>) => Promise<void>,
): Promise<void> {
  await using cluster = await Cluster.start({
    settings: ({ url }) => ({ apiserver: `https://localhost:${new URL(url).port}` }),
  });
  const executable = await compiledForm(cluster.node.settings, cluster.node.path("compiled"));
  const stdin = request(IMAGE, cluster.token);
  await run(cluster, async (env) => {
    const result = await runPlugin(executable, { stdin, env: { ...PLUGIN_ENV, ...env } });
    await cluster.takeAuthFile();
    return result;
  });
}

/** All at once; what each value does alone is tried below. */
Deno.test("with the documented env no variable has an effect on the compiled form", async () => {
  await withCompiledForm(async (cluster, pull) => {
    const plain = await pull({});
    assert.equal(plain.code, 0, plain.stderr);
    const { DENO_STARTUP_PHASES, ...others } = DOCUMENTED;
    assert.equal(DENO_STARTUP_PHASES, "");
    // What stands for the compiled form obeys this one whatever its value; the compiled form does not.
    const env = await formUnderTest() === "compiled" ? DOCUMENTED : others;
    const { DENO_STARTUP_PHASES: _, ...values } = hostile(cluster);
    assert.deepEqual(await pull({ ...values, ...env }), plain);
    await assertNoLeak(cluster);
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

const [OF_THIS_PROCESSOR, OF_ANOTHER_PROCESSOR] = Deno.build.arch === "x86_64"
  ? ["OPENSSL_ia32cap", "OPENSSL_armcap"]
  : ["OPENSSL_armcap", "OPENSSL_ia32cap"];

/**
 * What each does to the compiled form that nobody has disarmed. The second argument is what is in the
 * file that the value names, or that the loader's profile goes to; `undefined`: it is not there.
 */
const EFFECTS: Readonly<Record<string, (result: PluginResult, leak?: string) => boolean>> = {
  DENO_TLS_CA_STORE: failed,
  DENO_CERT: failed,
  SSLKEYLOGFILE: (_, leak = "") => /^CLIENT_/m.test(leak),
  DENO_SNAPSHOT_IMPORT_GRAPH: (_, leak = "") => /^\{"from":/.test(leak),
  DENO_LOG: ({ stderr }) => /^DEBUG RS/m.test(stderr),
  DENO_STARTUP_PHASES: ({ stderr }) => /^\[startup\]/m.test(stderr),
  DENO_TOKIO_METRICS: ({ stderr }) => /^RuntimeMetrics/m.test(stderr),
  DENO_TOKIO_EVENT_INTERVAL: ended,
  DENO_TOKIO_GLOBAL_QUEUE_INTERVAL: ended,
  DENO_TOKIO_MAX_IO_EVENTS_PER_TICK: ended,
  NODE_CHANNEL_SERIALIZATION_MODE: ended,
  NODE_CHANNEL_FD: ended,
  TMPDIR: ended,
  LC_ALL: ended,
  [OF_THIS_PROCESSOR]: ended,
  SIMDUTF_FORCE_IMPLEMENTATION: ended,
  LD_PRELOAD: ({ stderr }) => /cannot be preloaded/.test(stderr),
  LD_AUDIT: ({ stderr }) => /cannot be loaded as audit interface/.test(stderr),
  LD_LIBRARY_PATH: ended,
  LD_PROFILE: (_, leak) => leak !== undefined,
  LD_DEBUG: ({ stderr }) => /calling init/.test(stderr),
  GLIBC_TUNABLES: ended,
  MALLOC_TOP_PAD_: ended,
  RESOLV_HOST_CONF: ({ stderr }) => /^\/etc\/passwd: line 1: bad command `root:/m.test(stderr),
  RESOLV_MULTI: ({ stderr }) => /^RESOLV_MULTI: line 1: expected/m.test(stderr),
  RESOLV_REORDER: ({ stderr }) => /^RESOLV_REORDER: line 1: expected/m.test(stderr),
  RESOLV_ADD_TRIM_DOMAINS: ({ stderr }) => /^RESOLV_ADD_TRIM_DOMAINS: line 1: cannot/m.test(stderr),
  RESOLV_OVERRIDE_TRIM_DOMAINS: ({ stderr }) =>
    /^RESOLV_OVERRIDE_TRIM_DOMAINS: line 1: cannot/m.test(stderr),
  LD_SHOW_AUXV: ({ stdout }) => stdout.startsWith("AT_"),
  LD_TRACE_LOADED_OBJECTS: ({ stdout }) => /libc\.so/.test(stdout),
};

/** Those that do nothing that this pull shows, and why. */
const UNSEEN: Readonly<Record<string, string>> = {
  NODE_EXTRA_CA_CERTS: "needs a CA that is there: a test of its own",
  DENO_UNSTABLE_CRON_SOCK: "needs a server: a test of its own",
  DENO_INTERNAL_CHILD_ENTRYPOINT: "acts beside NODE_CHANNEL_FD alone",
  DENO_TRACE_PERMISSIONS: "needs a refusal by the runtime",
  DENO_EXTRA_STDIO_FDS: "takes descriptors that nobody has",
  ICU_DATA: "tables that are not there are not missed",
  ICU_TIMEZONE_FILES_DIR: "tables that are not there are not missed",
  [OF_ANOTHER_PROCESSOR]: "of another processor",
  GCONV_PATH: "a pull changes no encoding by way of the C library",
  LOCPATH: "the runtime sets no locale",
  HOSTALIASES: "needs a name that a name server is asked for",
  RES_OPTIONS: "needs a name that a name server is asked for",
  LOCALDOMAIN: "needs a name that a name server is asked for",
};

/** Those of C libraries that not every machine has. */
const UP_TO_GLIBC_2_35: readonly string[] = ["LD_ASSUME_KERNEL", "LD_TRACE_PRELINKING"];

/** The run ended with an error of its own. */
function failed({ code, stderr }: PluginResult): boolean {
  return code === 1 && /^error: /m.test(stderr);
}

function ended({ code, signal, stdout }: PluginResult): boolean {
  return (code !== 0 || signal !== null) && stdout === "";
}

/** Variables that a pull's runtime looks up, and what becomes of a pull when they are set: nothing. */
const LOOKED_UP: readonly string[] = [
  ...["CI", "COLORTERM", "FORCE_COLOR", "NO_COLOR", "TERM", "TMUX"],
  ...["HOME", "XDG_DATA_HOME", "TZ"],
  // LC_ALL hides these.
  ...["LANG", "LC_MESSAGES"],
  // Of parts of the runtime that the program does not use.
  ...["DENO_CACHE_LSC_ENDPOINT", "DENO_DISABLE_OFFSCREEN_CANVAS", "DENO_LOG_LAZY_LOAD"],
  ...["DENO_KV_REQUIRES_DISTRIBUTED_DATABASE", "REQUEST_METHOD"],
  ...["NODE_CLUSTER_SCHED_POLICY", "NODE_DEBUG", "NODE_UNIQUE_ID"],
  ...["DENO_LOG_STYLE", "DENO_NO_UPDATE_CHECK", "DENO_USE_CGROUPS", "DENO_USR2_MEMORY_TRIM"],
  ...["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"],
];

/** Stands in front of the C library's, and writes down what is looked up. */
const RECORDER = `
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
char *getenv(const char *name) {
  size_t length = strlen(name);
  int file = open(RECORD, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (write(file, name, length) < 0 || write(file, "\\n", 1) < 0) _exit(99);
  close(file);
  for (char **entry = environ; entry && *entry; entry++) {
    if (!strncmp(*entry, name, length) && (*entry)[length] == '=') return *entry + length + 1;
  }
  return 0;
}
`;

/** Whether there is a C compiler. */
async function hasCompiler(): Promise<boolean> {
  try {
    return (await new Deno.Command("cc", { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

if (await formUnderTest() === "compiled") {
  Deno.test("each variable does what the list says to a compiled form that nobody protects, and nothing by its documented value", async (test) => {
    await withCompiledForm(async (cluster, pull) => {
      const profiles = cluster.node.path("profiles");
      await Deno.mkdir(profiles);
      await cluster.node.write(`${cluster.node.path(FOREIGN)}/libc.so.6`, "none");
      const places = [cluster.node.path(LEAK), `${profiles}/${HOSTILE["LD_PROFILE"]}.profile`];
      const pullWith = async (name: string, value: string) => {
        const result = await pull({ [name]: value, LD_PROFILE_OUTPUT: profiles });
        const [leak] = (await Promise.all(places.map(takeFile))).filter((text) =>
          text !== undefined
        );
        return { result, leak };
      };
      const { result: plain } = await pullWith("LD_PROFILE", "");
      assert.equal(plain.code, 0, plain.stderr);
      const obeyed = RUNTIME_VARIABLES.filter((variable) => isObeyed(variable, "compiled"));
      assert.deepEqual(
        obeyed.map(({ name }) => name).toSorted(),
        [...Object.keys(EFFECTS), ...Object.keys(UNSEEN), ...UP_TO_GLIBC_2_35].toSorted(),
      );
      for (const { name, neutral } of obeyed) {
        await test.step(name, async () => {
          const { result, leak } = await pullWith(name, valueOn(cluster, HOSTILE[name] ?? ""));
          if (Object.hasOwn(UNSEEN, name)) {
            assert.deepEqual({ result, leak }, { result: plain, leak: undefined });
          }
          const isSeen = EFFECTS[name];
          if (isSeen !== undefined) {
            assert.ok(isSeen(result, leak), JSON.stringify({ result, leak }).slice(0, 1000));
          }
          if (neutral === undefined) return;
          assert.deepEqual(await pullWith(name, neutral), { result: plain, leak: undefined });
        });
      }
    });
  });

  Deno.test("DENO_UNSTABLE_CRON_SOCK connects past the permissions, but for its documented value", async () => {
    await using server = RawServer.startTcp(() => {});
    await withCompiledForm(async (_cluster, pull) => {
      const there = { DENO_UNSTABLE_CRON_SOCK: `tcp:127.0.0.1:${server.port}` };
      await pull({ ...there, ...DOCUMENTED });
      assert.equal(server.connections, 0);
      await pull(there);
      assert.equal(server.connections, 1);
    });
  });

  Deno.test({
    name: "a pull looks up no variable that the list does not judge",
    // Seen with a library that takes a C compiler to make.
    ignore: !await hasCompiler(),
    async fn() {
      await withCompiledForm(async ({ node }, pull) => {
        const [source, library, record] = ["r.c", "r.so", "r.txt"].map((name) => node.path(name));
        assert.ok(source !== undefined && library !== undefined && record !== undefined);
        await Deno.writeTextFile(source, RECORDER);
        const args = ["-shared", "-fPIC", `-DRECORD="${record}"`, "-o", library, source];
        const { success, stderr } = await new Deno.Command("cc", { args }).output();
        assert.ok(success, new TextDecoder().decode(stderr));
        assert.equal((await pull({ LD_PRELOAD: library })).code, 0);
        const names = new Set((await Deno.readTextFile(record)).trimEnd().split("\n"));
        assert.ok(names.has("SSLKEYLOGFILE"));
        const judged = new Set([...LOOKED_UP, ...RUNTIME_VARIABLES.map(({ name }) => name)]);
        assert.deepEqual([...names].filter((name) => !judged.has(name)), []);
      });
    },
  });

  Deno.test("what a pull or its C library looks up and the list leaves out has no effect on it", async (test) => {
    await withCompiledForm(async (_cluster, pull) => {
      const plain = await pull({});
      for (const name of new Set([...LOOKED_UP, ...Object.keys(HARMLESS)])) {
        await test.step(name, async () => {
          for (const value of ["", "1", "/nonexistent"]) {
            assert.deepEqual(await pull({ LC_ALL: "C", [name]: value }), plain);
          }
        });
      }
    });
  });
}

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
