import assert from "node:assert/strict";
import { buildScript } from "../../scripts/build.ts";
import { permissionFlags, policyOf } from "../../src/settings/sandbox.ts";
import { Cluster } from "../support/cluster.ts";
import { formUnderTest } from "../support/executable.ts";
import { tempNode } from "../support/temp_node.ts";

const HELP = /crio-credential-provider < request\.json[\s\S]*--registries-conf[\s\S]*--log-format/;

const COMMAND_LINES: readonly [args: string[], code: number, stdout: RegExp, stderr: RegExp][] = [
  [["--help"], 0, HELP, /^$/],
  [["--version"], 0, /^version: +\d+\.\d+\.\d+\n[\s\S]*\nplatform: +linux/, /^$/],
  [["-version"], 0, /^version: /, /^$/],
  [["--journald-socket=", "--version"], 0, /^version: /, /^$/],
  [
    ["--registry-conf", "/a"],
    2,
    /^$/,
    /unknown flag --registry-conf; did you mean --registries-conf\?/,
  ],
  [["--bogus"], 2, /^$/, /error: unknown flag --bogus; --help lists the flags$/m],
  [["--timeout", "1h"], 2, /^$/, /error: --timeout: 1h is not between 100ms and 55s/],
  [["--timeout"], 2, /^$/, /^error: --timeout: its value is missing/],
  [["pull"], 2, /^$/, /unexpected argument "pull"; --help lists/],
  [
    ["--auth-dir", "/elsewhere"],
    2,
    /^$/,
    /error: \/elsewhere: cannot read: outside the sandbox .* build it with --auth-dir \/elsewhere/,
  ],
  [
    ["--apiserver", "other.example.com:6443"],
    2,
    /^$/,
    /other\.example\.com:6443: cannot connect: outside/,
  ],
];

Deno.test("the command line", async (test) => {
  await using cluster = await Cluster.start();
  for (const [args, code, stdout, stderr] of COMMAND_LINES) {
    await test.step(args.join(" "), async () => {
      const result = await cluster.pull({ args });
      assert.match(result.stdout, stdout);
      assert.match(result.stderr, stderr);
      assert.equal(result.code, code);
      assert.deepEqual(await cluster.node.authDirEntries(), []);
    });
  }
});

Deno.test("--version-json names version, commit, platform, runtime, and packages with their hashes", async () => {
  await using cluster = await Cluster.start();
  const { code, stdout } = await cluster.pull({ args: ["--version-json"] });
  assert.equal(code, 0);
  const { dependencies, ...facts } = JSON.parse(stdout);
  assert.deepEqual(Object.keys(facts), [
    "version",
    "gitCommit",
    "gitCommitDate",
    "bundleSha256",
    "denoVersion",
    "v8Version",
    "platform",
    "form",
    ...await formUnderTest() === "compiled" ? ["runtimeSha256"] : [],
  ]);
  assert.equal(facts.denoVersion, Deno.version.deno);
  for (const dependency of dependencies) assert.match(dependency, /^\S+@\d\S+ sha512-\S{88}$/);
  assert.ok(dependencies.length >= 4);
});

Deno.test("flags change a run within its sandbox", async () => {
  await using cluster = await Cluster.start();
  const args = ["--log-level", "debug", "--log-format=json", "--timeout", "5s"];
  const { code, stderr } = await cluster.pull({ args });
  assert.equal(code, 0, stderr);
  const levels = stderr.trimEnd().split("\n").map((line) => JSON.parse(line).level);
  assert.deepEqual(new Set(levels), new Set(["info", "debug"]));
});

Deno.test("the second line of the script is the whole sandbox", async () => {
  await using node = await tempNode();
  const script = await buildScript({ settings: node.settings, out: node.path("bin") });
  const header = (await Deno.readTextFile(script)).split("\n")[1] ?? "";
  const granted = header.match(/--(?:allow|deny)-(?!import)\S*/g);
  assert.deepEqual(granted, permissionFlags(policyOf(node.settings)));
  for (const flag of granted ?? []) assert.match(flag, /^--(?:allow|deny)-(?:read|write|net)=\S/);
});
