import assert from "node:assert/strict";
import { RUNTIME_VARIABLES } from "../../src/executable/runtime_environment.ts";
import { policyOf } from "../../src/settings/sandbox.ts";
import { Cluster } from "../support/cluster.ts";
import { formUnderTest } from "../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";

Deno.test("audit --json tells each permission with its setting and step, and tries what is denied", async () => {
  await using cluster = await Cluster.start();
  const { code, stdout, stderr } = await cluster.pull({ args: ["audit", "--json"] });
  assert.deepEqual([code, stderr], [0, ""]);
  const report = JSON.parse(stdout);
  const { allow, deny } = policyOf(cluster.node.settings);
  assert.deepEqual(report.allow, allow.map((line) => ({ ...line, granted: true })));
  assert.deepEqual(report.deny, deny.map((line) => ({ ...line, granted: false })));
  assert.deepEqual(report.settings, cluster.node.settings);
  assert.deepEqual(report.findings, []);
  assert.match(report.executable.gitCommit, /^(?:[0-9a-f]{40}(?:-dirty)?|unknown)$/);
  assert.match(report.executable.bundleSha256, /^[0-9a-f]{64}$/);
  assert.equal(report.executable.denoVersion, Deno.version.deno);
  for (const dependency of report.executable.dependencies) assert.match(dependency, / sha512-/);
  const kinds = new Set(report.tried.map(({ kind }: { kind: string }) => kind));
  const expected = ["read", "write", "net", "env", "run", "ffi", "sys", "code"];
  assert.deepEqual([...kinds], expected);
  for (const { attempt, denied } of report.tried) assert.ok(denied, attempt);
  assert.ok(report.notCovered.length >= 5);
  // Nothing can be tried of what is not in the program.
  const [loading, planted] = report.closed;
  const isCompiled = await formUnderTest() === "compiled";
  assert.match(
    loading.by,
    isCompiled
      ? /^not in the program: its modules import each other, by fixed names, and nothing else$/
      : /^not in the program: it has no import\(\)/,
  );
  assert.match(planted.by, isCompiled ? /blocks import\(\) of every file$/ : /permissions/);
  // An attempt must not change what it is made on.
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});

Deno.test("audit for people says the same", async () => {
  await using cluster = await Cluster.start();
  const { code, stdout } = await cluster.pull({ args: ["audit"] });
  assert.equal(code, 0);
  for (const { target, flag, step } of policyOf(cluster.node.settings).allow) {
    assert.ok(stdout.includes(target) && stdout.includes(flag) && stdout.includes(step));
  }
  assert.match(stdout, /^ {2}env +read the whole environment +denied$/m);
  assert.match(stdout, /^ {2}read +\/etc\/shadow +denied$/m);
  assert.match(stdout, /^Result: the process holds just what its settings ask for\.$/m);
});

/** Runs the program of a script with other permissions than its header says. */
async function auditWith(
  flags: readonly string[],
  edit: (flag: string) => string = (flag) => flag,
) {
  await using cluster = await Cluster.start({ settings: {} });
  const script = await Deno.readTextFile(cluster.executable);
  const granted = script.split("\n")[1]?.match(/--(?:allow|deny)-(?!import)\S*/g) ?? [];
  const program = cluster.node.path("program.js");
  await Deno.writeTextFile(program, script.split("\n").slice(2).join("\n"));
  return await runPlugin(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", ...granted.map(edit), ...flags, program, "audit"],
    env: { ...PLUGIN_ENV, NO_COLOR: "1" },
  });
}

const ANOTHER: readonly [name: string, flags: string[], finding: RegExp][] = [
  ["--allow-env", ["--allow-env"], /env: read the variable HOME was not denied/],
  ["--allow-run", ["--allow-run"], /run: start a program was not denied/],
  ["--allow-sys", ["--allow-sys"], /sys: read the host's name was not denied/],
  ["--allow-ffi", ["--allow-ffi"], /ffi: load a library was not denied/],
  ["reading in /etc", ["--allow-read=/etc"], /read: \/etc\/shadow was not denied/],
  ["writing in /etc", ["--allow-write=/etc"], /write: \/etc\/passwd was not denied/],
];

if (await formUnderTest() === "script") {
  for (const [name, flags, finding] of ANOTHER) {
    Deno.test(`audit fails in a process that holds more than its settings ask for: ${name}`, async () => {
      const { code, stdout } = await auditWith(flags);
      assert.match(stdout, finding);
      assert.equal(code, 1);
    });
  }

  Deno.test("audit fails in a process that holds less, or lacks a denial", async () => {
    const less = await auditWith([], (flag) => flag.replace(/,\S*ca\.crt/, ""));
    assert.match(less.stdout, /read \S+ca\.crt is needed and not granted/);
    const more = await auditWith([], (flag) => flag.startsWith("--deny-") ? "--no-check" : flag);
    assert.match(more.stdout, /write \S+in-use is granted and must not be/);
    assert.deepEqual([less.code, more.code], [1, 1]);
  });
}

Deno.test("audit names the variables of an environment that reach through, and never their values", async () => {
  await using cluster = await Cluster.start();
  const value = "/root/hidden.pem";
  const environment = ["HOME=/root", `NODE_EXTRA_CA_CERTS=${value}`, "SSLKEYLOGFILE=/tmp/keys", ""]
    .join(
      "\0",
    );
  const args = ["audit", "--json", "--environment"];
  const { code, stdout } = await cluster.pull({ args, stdin: environment });
  const { variables, findings } = JSON.parse(stdout);
  const names = variables.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ["NODE_EXTRA_CA_CERTS", "SSLKEYLOGFILE"]);
  assert.ok(!stdout.includes("hidden"));
  // The script form empties its environment before the runtime starts.
  const compiled = await formUnderTest() === "compiled";
  assert.deepEqual([code, findings.length], compiled ? [1, 2] : [0, 0]);
});

Deno.test("audit fails where the loader is told to run other code, in either form", async () => {
  await using cluster = await Cluster.start();
  const { code, stdout } = await cluster.pull({
    args: ["audit", "--environment"],
    stdin: "LD_PRELOAD=/tmp/hidden.so\0NODE_CHANNEL_FD=3\0",
  });
  assert.match(stdout, /^ {2}LD_PRELOAD +runs other code in the program's process +set it to ""$/m);
  assert.match(
    stdout,
    /^ {2}NODE_CHANNEL_FD +can end the run .*(?:unset it|emptied by this form)$/m,
  );
  assert.match(stdout, /LD_PRELOAD is set: it runs other code/);
  assert.ok(!stdout.includes("hidden"));
  assert.equal(code, 1);
});

Deno.test("audit has nothing to say of an environment with neutral values", async () => {
  await using cluster = await Cluster.start();
  const environment = RUNTIME_VARIABLES.filter(({ neutral }) => neutral !== undefined)
    .map(({ name, neutral }) => `${name}=${neutral}`).join("\n");
  const { code, stdout } = await cluster.pull({
    args: ["audit", "--environment"],
    stdin: environment,
  });
  assert.equal(code, 0);
  assert.match(stdout, /^The environment holds no variable that bypasses the sandbox\.$/m);
});

Deno.test("audit does not take what it does not know", async () => {
  await using cluster = await Cluster.start();
  const { code, stdout, stderr } = await cluster.pull({ args: ["audit", "--bogus"] });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /unknown flag --bogus/);
});
