import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { builtinModules } from "node:module";
import { findOpenings } from "../../src/executable/openings.ts";
import LOCK_DOWN from "../../src/executable/lock_down.js" with { type: "text" };
import type { Settings } from "../../src/settings/settings.ts";
import { AUTH, Cluster, IMAGE } from "../support/cluster.ts";
import { authFileName } from "../support/crio_consumer.ts";
import { buildExecutable } from "../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";
import { RawServer } from "../support/raw_tls_server.ts";
import { type TempNode, tempNode } from "../support/temp_node.ts";

type Attempt = readonly [name: string, argument: unknown];

const PROGRAM = await Deno.readTextFile(new URL("escape_program.js", import.meta.url));

/** Runs the program that tries to leave, and says how each attempt ended. */
async function tryToLeave(
  node: TempNode,
  attempts: readonly Attempt[],
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const executable = await buildExecutable(node.settings, node.path("bin"), PROGRAM);
  const { stdout, stderr } = await runPlugin(executable, {
    args: [JSON.stringify(attempts)],
    env: { ...PLUGIN_ENV, ...env },
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout);
}

function attemptsOn(node: TempNode, port: number): Attempt[] {
  const { authDir, caFile, registriesConf: [conf = ""] } = node.settings;
  const foreign = node.path(`etc/crio/other/team-b-${"0".repeat(64)}.json`);
  const tcp = (hostname: string, port: number) => ({ transport: "tcp", hostname, port });
  return [
    ["read", "/etc/shadow"],
    ["read", "/proc/self/environ"],
    ["read", "/proc/self/mem"],
    ["read", foreign],
    ["read", `${authDir}/../other/team-b-${"0".repeat(64)}.json`],
    ["read", `${authDir}/in-use/taken.json`],
    ["nodeRead", "/etc/shadow"],
    ["list", "/"],
    ["list", `${authDir}/in-use`],
    ["write", `${authDir}.json`],
    ["write", node.path("etc/crio/crio.conf")],
    ["write", `${authDir}/../escaped`],
    ["write", conf],
    ["write", caFile],
    ["write", `${authDir}/in-use/taken.json`],
    ["remove", `${authDir}/in-use/taken.json`],
    ["remove", conf],
    ["rename", [`${authDir}/own.json`, `${authDir}/in-use/taken.json`]],
    ["rename", [`${authDir}/in-use`, `${authDir}/moved`]],
    ["rename", [`${authDir}/own.json`, node.path("escaped")]],
    ["symlink", ["/etc/shadow", `${authDir}/link`]],
    ["link", [foreign, `${authDir}/link`]],
    ["chmod", conf],
    ["connect", tcp("127.0.0.1", port)],
    ["connect", tcp("localhost", port)],
    ["connect", tcp("::1", port)],
    ["connect", tcp("example.com", 443)],
    ["connect", { transport: "unix", path: node.path("socket") }],
    ["nodeConnect", port],
    ["fetch", `http://127.0.0.1:${port}/`],
    ["fetch", "file:///etc/shadow"],
    ["listen", tcp("127.0.0.1", 0)],
    ["run", "/bin/true"],
    ["nodeRun", "/bin/true"],
    ["dlopen", "/lib/x86_64-linux-gnu/libc.so.6"],
    ["env", "PATH"],
    ["setEnv", "HTTPS_PROXY"],
    ["nodeEnv", "PATH"],
    ["hostname", null],
    ["nodeHostname", null],
    ["import", `http://127.0.0.1:${port}/x.js`],
    ["import", "https://deno.land/std/version.ts"],
    ["import", "npm:valibot"],
    ["import", "file:///etc/passwd"],
    ["worker", "/etc/shadow"],
    ["ask", { name: "read" }],
    ["ask", { name: "env" }],
    ["ask", { name: "net", host: "example.com" }],
  ];
}

/** What tries to widen the sandbox from outside. */
const WIDENING = {
  DENO_PERMISSION_BROKER_PATH: "/nonexistent/broker",
  DENO_V8_FLAGS: "--allow-natives-syntax",
  DENO_NO_PROMPT: "0",
  NODE_OPTIONS: "--allow-fs-read=*",
  DENO_AUTH_TOKENS: "token@127.0.0.1",
  HTTP_PROXY: "http://127.0.0.1:9",
  ALL_PROXY: "http://127.0.0.1:9",
};

for (const [name, env] of [["", {}], [", whatever the environment says", WIDENING]] as const) {
  Deno.test(`a program behind the plugin's sandbox cannot leave it${name}`, async () => {
    await using other = RawServer.startTcp(() => {});
    await using node = await tempNode({ settings: { apiserver: "https://127.0.0.1:6443" } });
    const { authDir, registriesConf: [conf = ""] } = node.settings;
    await node.write(`${authDir}/in-use/taken.json`, "{}");
    await node.write(`${authDir}/own.json`, "{}");
    await node.write(node.path(`etc/crio/other/team-b-${"0".repeat(64)}.json`), "{}");
    await node.write(conf, "");
    const attempts = attemptsOn(node, other.port);
    const outcomes = await tryToLeave(node, attempts, env);
    const left = attempts.map((attempt, index) => [...attempt, outcomes[index]])
      .filter(([, , outcome]) => outcome !== "denied");
    assert.deepEqual(left, []);
    assert.equal(outcomes.length, attempts.length);
    assert.equal(other.connections, 0);
    assert.equal(await Deno.readTextFile(`${authDir}/in-use/taken.json`), "{}");
  });
}

/** Stands in the program's place, behind the lock-down. */
const HOSTILE = await Deno.readTextFile(new URL("hostile_dependency.js", import.meta.url));

/**
 * What is got all the same by a program with an `import()` of its own, in either form: text becomes code.
 * No import map blocks these: `data:` is no scheme whose beginnings count in one (https://html.spec.whatwg.org,
 * "Resolving an import match"), and of Node's modules an import declaration asks the runtime before the map
 * (denoland/deno 2.9.6, libs/core/modules/map.rs, `resolve_callback`), also one in a `data:` module.
 */
const REACHABLE: Readonly<Record<string, string>> = {
  "import() of text in a data: module": "2",
  "later, node:vm's Script": "2",
  "later, node:vm's compileFunction": "2",
  "later, node:vm in a data: module": "2",
  "later, node:module's _compile": "2",
  "later, node:process's getBuiltinModule": "2",
};

/** Node's modules, by names without `node:`. */
const NODE_MODULES = builtinModules.map((name) => name.replace(/^node:/, ""));

/** What is refused, and by whom. An `import()` is seen in the program before it is ever run. */
const REFUSALS: readonly (readonly [attempt: RegExp, by: RegExp])[] = [
  [
    /^import\(\) |^an import declaration/,
    /^(?:Blocked by null entry|Requires (?:read|import) access|Module not found|Could not find|npm spec)|createObjectURL is not a function$/,
  ],
  [
    /^later, reading by/,
    /^(?:Requires read access|Blocked by null entry|A dynamic import callback|Cannot access 'Readable')/,
  ],
  [
    /^node:/,
    /Requires read access|Deno\.execPath|A dynamic import callback|Cannot access 'default'/,
  ],
  [
    /^(?:eval|require|a shadow realm|WebAssembly|process|a worker)/,
    /not defined/,
  ],
  [/^set(?:Timeout|Interval) with text$/, /^not run$|disallowed|function/],
  [/^the graphics driver$/, /navigator is not defined/],
  [/Function$|^the constructor of|^a constructor/, /^Code generation from strings disallowed/],
  [/^the runtime's inner parts$/, /undefined/],
  [/Deno|^the frames of the stack$/, /read only|redefine|not extensible/],
  [/^a way along properties/, /^none$/],
];

/** Runs the hostile program behind the lock-down, and says how each of its attempts ended. */
async function tryBehindLockDown(
  node: TempNode,
): Promise<Record<string, { got?: string; refused?: string }>> {
  const secret = node.path("foreign/secret");
  await node.write(secret, "hidden");
  await node.write(`${secret}.json`, '"hidden"');
  await node.write(`${secret}.js`, 'export default "hidden";');
  const executable = await buildExecutable(node.settings, node.path("bin"), LOCK_DOWN + HOSTILE);
  const args = [secret, JSON.stringify(NODE_MODULES)];
  const { stdout, stderr } = await runPlugin(executable, { args });
  assert.notEqual(stdout, "", stderr);
  assert.ok(!`${stdout}${stderr}`.includes("hidden"));
  return JSON.parse(stdout);
}

Deno.test("a package that was taken over finds no way out behind the lock-down", async (test) => {
  await using node = await tempNode({ settings: { apiserver: "https://127.0.0.1:6443" } });
  const outcomes = await tryBehindLockDown(node);
  assert.ok(Object.keys(outcomes).length >= 40);
  for (const [name, { got, refused }] of Object.entries(outcomes)) {
    if (Object.hasOwn(REACHABLE, name)) continue;
    await test.step(name, () => {
      assert.equal(got, undefined);
      const by = REFUSALS.filter(([attempt]) => attempt.test(name)).map(([, by]) => by);
      assert.equal(by.length, 1);
      assert.match(refused ?? "", by[0] ?? /^$/);
    });
  }
});

Deno.test("what a program with an import() of its own gets behind the lock-down is known, and audit says so", async () => {
  await using node = await tempNode({ settings: { apiserver: "https://127.0.0.1:6443" } });
  const outcomes = await tryBehindLockDown(node);
  const got = Object.entries(outcomes).flatMap(([name, { got }]) =>
    got === undefined ? [] : [[name, got]]
  );
  assert.deepEqual(Object.fromEntries(got), REACHABLE);
  const executable = await buildExecutable(node.settings, node.path("bin"));
  const { stdout } = await runPlugin(executable, { args: ["audit", "--json"] });
  const notCovered: string[] = JSON.parse(stdout).notCovered;
  assert.ok(notCovered.some((text) => /import\(\) of a data: URL or of Node's modules/.test(text)));
});

Deno.test("a program with an import() in it is refused by who reads the executable", () => {
  const openings = findOpenings(LOCK_DOWN + HOSTILE);
  assert.ok(openings.length >= 7);
  for (const opening of openings) assert.match(opening, /calls import\(\)/);
});

Deno.test("what a link in an allowed directory leads to is in reach, and audit says so", async () => {
  await using cluster = await Cluster.start({ settings: {} });
  const { node } = cluster;
  await node.write(node.path("secret"), "secret");
  await node.write(`${node.settings.authDir}/own.json`, "{}");
  await symlink(node.path("secret"), `${node.settings.authDir}/link`);
  const outcomes = await tryToLeave(node, [["read", `${node.settings.authDir}/link`]]);
  assert.deepEqual(outcomes, ["done"]);
  const executable = await buildExecutable(node.settings, node.path("bin"));
  const { stdout } = await runPlugin(executable, { args: ["audit", "--json"] });
  const notCovered: string[] = JSON.parse(stdout).notCovered;
  assert.ok(notCovered.some((text) => text.startsWith("A symbolic link inside an allowed dir")));
});

/** Links that someone who can write to the auth directory may plant in it. */
const PLANTED: readonly [name: string, path: (settings: Settings) => Promise<string>][] = [
  [
    "under the name of the auth file",
    async ({ authDir }) => `${authDir}/${await authFileName("default", IMAGE)}`,
  ],
  ["as CRI-O's directory", ({ authDir }) => Promise.resolve(`${authDir}/in-use`)],
  [
    "under the name of an old auth file",
    ({ authDir }) => Promise.resolve(`${authDir}/team-b-${"0".repeat(64)}.json`),
  ],
];

Deno.test("a link planted in the auth directory is not written through", async (test) => {
  await using cluster = await Cluster.start();
  const { node } = cluster;
  for (const [name, path] of PLANTED) {
    await test.step(name, async () => {
      await Deno.mkdir(node.settings.authDir, { recursive: true, mode: 0o700 });
      const victim = node.path("victim");
      await node.write(victim, "untouched");
      await Deno.utime(victim, 0, 0);
      await symlink(victim, await path(node.settings));
      const { code, stderr } = await cluster.pull();
      assert.equal(code, 0, stderr);
      assert.equal(await Deno.readTextFile(victim), "untouched");
      assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: AUTH } } });
      await Deno.remove(node.settings.authDir, { recursive: true });
    });
  }
});
