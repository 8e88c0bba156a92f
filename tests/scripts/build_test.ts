import assert from "node:assert/strict";
import { scriptHeader } from "../../src/executable/script_header.ts";
import type { ProgramName } from "../../src/executable/programs.ts";
import { readFacts } from "../../scripts/release.ts";
import { bundle, bundleFiles, nameModules } from "../../scripts/support/bundle.ts";
import { PROJECT } from "../../scripts/support/project.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

const PLUGIN = "crio-credential-provider";

/** A label of the public suffix list that nothing else of this project mentions. */
const LISTED = "kitakyushu";

/** What the shell makes of the header's command, word by word. */
async function shellWords(header: string): Promise<string[]> {
  const command = header.split("\n")[1]?.replace("exec /usr/bin/env", "printf '%s\\n'") ?? "";
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", command, "/path/to/plugin", "an argument"],
    clearEnv: true,
    env: { PATH: "/bin:/usr/bin", HTTPS_PROXY: "http://proxy.example.com" },
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("the header clears the environment, grants what the settings need, and passes arguments on", async () => {
  const settings = {
    ...DEFAULT_SETTINGS,
    registriesConf: ["/r.conf"],
    registriesConfDir: ["/with space", "/with'quote"],
    apiserver: "https://api.example.com:6443",
    caFile: "/ca.crt",
    journaldSocket: "",
  };
  const words = await shellWords(scriptHeader(PLUGIN, settings, "/opt/my deno/deno"));
  assert.deepEqual(words, [
    "-i",
    "DENO_TLS_CA_STORE=",
    "DENO_NO_UPDATE_CHECK=1",
    "/opt/my deno/deno",
    "run",
    "--no-prompt",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    "--deny-import",
    "--v8-flags=--disallow-code-generation-from-strings,--no-maglev,--no-opt",
    "--allow-read=/r.conf,/with space,/with'quote,/etc/crio/auth,/var/lib/kubelet/config.json,/ca.crt",
    "--allow-write=/etc/crio/auth",
    "--allow-net=api.example.com:6443",
    "--deny-read=/etc/crio/auth/in-use",
    "--deny-write=/etc/crio/auth/in-use",
    "--ext=js",
    "/path/to/plugin",
    "an argument",
  ]);
});

Deno.test("the header of the operator's tool is the same but for what it grants, which is not the plugin's", async () => {
  const settings = { ...DEFAULT_SETTINGS, apiserver: "https://api.example.com:6443" };
  const wordsOf = async (name: ProgramName) =>
    Object.groupBy(
      await shellWords(scriptHeader(name, settings, "/opt/deno")),
      (word) => /^--(?:allow|deny)-(?!import)/.test(word) ? "permissions" : "others",
    );
  const tool = await wordsOf("crio-credential-ctl");
  assert.deepEqual(tool.permissions, [
    "--allow-read",
    "--allow-write",
    "--allow-net=api.example.com:6443",
  ]);
  assert.deepEqual(tool.others, (await wordsOf(PLUGIN)).others);
});

Deno.test("PATH is handed on only where the runtime is looked up in it", async () => {
  const words = await shellWords(scriptHeader(PLUGIN, DEFAULT_SETTINGS, "deno"));
  assert.deepEqual(words.slice(0, 2), ["-i", "PATH=/bin:/usr/bin"]);
});

Deno.test("a path to the runtime with a line break is refused, since the header is a comment to JavaScript", () => {
  assert.throws(() => scriptHeader(PLUGIN, DEFAULT_SETTINGS, "deno\nevil()"), /a line break/);
  assert.throws(() => scriptHeader(PLUGIN, DEFAULT_SETTINGS, "deno\u2028evil()"), /a line break/);
});

Deno.test("the same sources give the same bundle, which imports nothing from outside", async () => {
  const [first, second] = await Promise.all([bundle(PLUGIN), bundle(PLUGIN)]);
  assert.equal(first, second);
  const imports = [...first.matchAll(/(?<!")\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((
    [, from],
  ) => from);
  assert.deepEqual(imports, []);
});

Deno.test("modules are named in the order in which they are found, whatever the bundler calls them", () => {
  const made = (chunk: string, late: string) =>
    new Map([
      [`chunk-${chunk}.js`, `export const a="./main.js";`],
      [`run-${late}.js`, `import{a}from"./chunk-${chunk}.js";import("./main.js")`],
      ["main.js", `import("./run-${late}.js");import{a}from"./chunk-${chunk}.js"`],
    ]);
  const expected = [
    ["chunk-2.js", `export const a="./main.js";`],
    ["main.js", `import("./run-1.js");import{a}from"./chunk-2.js"`],
    ["run-1.js", `import{a}from"./chunk-2.js";import("./main.js")`],
  ];
  for (const [chunk, late] of [["AAAAAAAA", "BBBBBBBB"], ["7LKP3RD4", "2QQR4DPX"]] as const) {
    assert.deepEqual([...nameModules("main.js", made(chunk, late))], expected);
  }
});

Deno.test("the public suffix list is in the operator's tool, and not in the plugin", async () => {
  const facts = async (name: ProgramName) => {
    const { entry, modules } = await bundleFiles(name, DEFAULT_SETTINGS);
    const { dependencies } = readFacts(entry);
    const packages = dependencies.map((dependency) => dependency.replace(/@[^@]*$/, ""));
    const hasList = [entry, ...modules.values()].some((text) => text.includes(LISTED));
    return [packages.includes("tldts"), hasList];
  };
  assert.deepEqual(await facts("crio-credential-provider"), [false, false]);
  assert.deepEqual(await facts("crio-credential-ctl"), [true, true]);
});

Deno.test("a build refuses hosts of anybody before it makes anything", async () => {
  const out = await Deno.makeTempDir();
  try {
    for (const script of ["build", "compile", "release", "package"]) {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--allow-all", `${PROJECT}/scripts/${script}.ts`, "--out", `${out}/${script}`],
          "--apiserver-hosts=*.github.io:6443",
        ],
      }).output();
      assert.equal(code, 2);
      assert.equal(new TextDecoder().decode(stdout), "");
      assert.match(
        new TextDecoder().decode(stderr),
        /^error: --apiserver-hosts: "\*\.github\.io:6443" would be hosts of anybody: github\.io is on/,
      );
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(out)), []);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
