import assert from "node:assert/strict";
import { buildScript } from "../../../scripts/build.ts";
import { formatCompiledFile, joinBytes } from "../../../src/executable/compiled_file.ts";
import { ENTRY } from "../../../src/executable/compiled_metadata.ts";
import { smallImage } from "../../support/small_executable.ts";
import { scriptHeader } from "../../../src/executable/script_header.ts";
import { type BuiltPlugin, readBuiltPlugin } from "../../../src/ctl/doctor/built_plugin.ts";
import { checkOwnHosts, checkSandbox } from "../../../src/ctl/doctor/sandbox.ts";
import type { ApiServer } from "../../../src/kubernetes/api_server.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../../src/settings/settings.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const API = "https://api.example.com:6443";
const BUILT: Settings = { ...DEFAULT_SETTINGS, apiserver: API };
const FACTS = {
  version: "1.2.3",
  gitCommit: "0",
  gitCommitDate: "0",
  bundleSha256: "0",
  dependencies: [],
};

function program(settings: unknown): string {
  return `const BUILD=${JSON.stringify({ settings, facts: FACTS })};\nrun(BUILD);\n`;
}

function bytes(...parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoded = parts.map((part) =>
    typeof part === "string" ? new TextEncoder().encode(part) : part
  );
  const all = new Uint8Array(encoded.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of encoded) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const pluginHeader = (settings: Settings, deno: string) =>
  scriptHeader("crio-credential-provider", settings, deno);
const script = (header: string) => bytes(`${header}\n${program(BUILT)}`);
const compiled = inCompiled(program(BUILT));

function inCompiled(text: string): Uint8Array<ArrayBuffer> {
  const files = new Map([[ENTRY, bytes(text)]]);
  return joinBytes(formatCompiledFile({ image: smallImage(), metadata: {}, files }));
}

function built(content: Uint8Array<ArrayBuffer>): BuiltPlugin {
  const plugin = readBuiltPlugin(content);
  assert.ok(plugin !== undefined);
  return plugin;
}

Deno.test("what was built into a plugin is read off both forms", () => {
  const plugin = built(script(pluginHeader(BUILT, "deno")));
  assert.deepEqual([plugin.form, plugin.version], ["script", "1.2.3"]);
  assert.deepEqual(plugin.settings, BUILT);
  const { form, settings, header } = built(compiled);
  assert.deepEqual([form, settings, header], ["compiled", BUILT, ""]);
});

Deno.test("what was built into a plugin is read off the executables of both builds", async () => {
  const out = await Deno.makeTempDir();
  try {
    const args = ["run", "--allow-all", "scripts/compile.ts", "--out", out, "--apiserver", API];
    const { code } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: new URL("../../../", import.meta.url),
      // Any file does as the runtime, since the executable is read and not run.
      env: { DENORT_BIN: "/bin/true" },
      stdout: "null",
    }).output();
    assert.equal(code, 0);
    const compiled = built(await Deno.readFile(`${out}/crio-credential-provider`));
    assert.deepEqual([compiled.form, compiled.settings], ["compiled", BUILT]);
    const script = built(await Deno.readFile(await buildScript({ settings: BUILT, out })));
    assert.deepEqual([script.form, script.settings], ["script", BUILT]);
    assertChecks(checkSandbox("/p", script, BUILT, SERVER), [["pass", /script form/]]);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

const OTHERS: readonly [name: string, content: Uint8Array<ArrayBuffer>][] = [
  ["an empty file", bytes("")],
  ["a script", bytes("#!/bin/sh\necho\n")],
  ["a program of others", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)],
  ["settings that are none", inCompiled(program({ authDir: "/a" }))],
  ["a line that is cut", inCompiled("const BUILD={")],
  ["a line that goes on", inCompiled(program(BUILT).replace(";\n", ";x()\n"))],
  ["a file that is cut", compiled.slice(0, -1)],
  ["a script with a line more", bytes(`#!/bin/sh\n:\n:\n${program(BUILT)}`)],
];

for (const [name, content] of OTHERS) {
  Deno.test(`${name} is not a build of this project`, () => {
    assert.equal(readBuiltPlugin(content), undefined);
  });
}

const SERVER: ApiServer = {
  url: API,
  origin: "--apiserver",
  ca: "",
  caOrigin: "certificate-authority-data of /etc/kubernetes/kubelet.conf",
  tlsServerName: "",
};
const LOCAL = { ...DEFAULT_SETTINGS, registriesConfDir: ["/etc/containers/registries.conf.d"] };
const found = { ...SERVER, origin: "/etc/kubernetes/apiserver-url.env" };

const MANY = { ...LOCAL, apiserverHosts: ["*.example.com:6443"] };

const RUNS: readonly [
  name: string,
  build: Settings,
  run: Settings,
  server: ApiServer | undefined,
  expected: readonly Expected[],
][] = [
  ["its own settings", BUILT, BUILT, SERVER, [[
    "pass",
    /\/p \(compiled form, version 1\.2\.3\) may/,
  ]]],
  ["no API server found", BUILT, BUILT, undefined, [["pass", /may access what it needs/]]],
  ["fewer directories", BUILT, { ...BUILT, registriesConfDir: [] }, SERVER, [["pass", /may/]]],
  ["a path below", BUILT, { ...BUILT, authDir: "/etc/crio/auth/b" }, SERVER, [["pass", /may/]]],
  ["a CA that it may read", BUILT, BUILT, { ...SERVER, caOrigin: "/etc/kubernetes/pki/ca.crt" }, [
    ["pass", /may/],
  ]],
  ["the API server of a control-plane node", LOCAL, LOCAL, {
    ...SERVER,
    url: "https://localhost:6443",
  }, [["pass", /may/]]],
  ["an API server within its patterns", MANY, MANY, found, [["pass", /may/]]],
  [
    "a host of its patterns that a flag names",
    MANY,
    {
      ...LOCAL,
      apiserver: "https://api.example.com:6443",
    },
    found,
    [["pass", /may/]],
  ],
  ["an API server outside of its patterns", MANY, MANY, { ...found, url: "https://b.io:6443" }, [
    ["fail", /may not connect to b\.io:6443, the API server by \/etc\/kubernetes\/apiserver-url/],
  ]],
  ["wider patterns", MANY, { ...MANY, apiserverHosts: ["10.0.0.0/8:6443"] }, undefined, [
    ["fail", /may not connect to 10\.0\.0\.0\/8:6443: .* bind or build it with --apiserver-hosts/],
  ]],
  ["another auth directory", BUILT, { ...BUILT, authDir: "/a" }, SERVER, [
    [
      "fail",
      /\/p may not read \/a: it was built with other settings -> bind or build it with --auth-dir \/a/,
    ],
    ["fail", /\/p may not write \/a/],
  ]],
  ["a directory with the same beginning", BUILT, { ...BUILT, authDir: "/etc/crio/authx" }, SERVER, [
    ["fail", /read \/etc\/crio\/authx/],
    ["fail", /write/],
  ]],
  ["another API server", BUILT, { ...BUILT, apiserver: "https://b.io" }, {
    ...SERVER,
    url: "https://b.io",
  }, [
    ["fail", /may not connect to b\.io:443: .* -> bind or build it with --apiserver b\.io:443/],
  ]],
  ["an API server of the env file", LOCAL, LOCAL, found, [
    [
      "fail",
      /connect to api\.example\.com:6443, the API server by \/etc\/kubernetes\/apiserver-url\.env/,
    ],
  ]],
  ["the kubeconfig's CA", BUILT, BUILT, { ...SERVER, caOrigin: "/etc/kubernetes/ca.crt" }, [
    [
      "fail",
      /read \/etc\/kubernetes\/ca\.crt, the CA by .* -> bind or build it with --ca-file \/etc\/kubernetes/,
    ],
  ]],
];

for (const [name, build, run, server, expected] of RUNS) {
  Deno.test(`a plugin that runs with ${name} gives ${expected[0]?.[0]}`, () => {
    const plugin = { ...built(compiled), settings: build };
    assertChecks(checkSandbox("/p", plugin, run, server), expected);
  });
}

Deno.test("what a plugin's form takes is what doctor says to do", () => {
  const wanted = { ...BUILT, kubeletAuthFile: "/a" };
  assertChecks(checkSandbox("/my p", built(compiled), wanted, SERVER), [[
    "fail",
    /-> bind or build it with --kubelet-auth-file \/a, beside the settings it has \(crio-credential-ctl bind '\/my p' --show\)$/,
  ]]);
  assertChecks(checkSandbox("/p", built(script(pluginHeader(BUILT, "deno"))), wanted, SERVER), [[
    "fail",
    /-> build it with --kubelet-auth-file \/a, beside the settings it has$/,
  ]]);
});

Deno.test("the command that shows what a script may access names the script", () => {
  const header = pluginHeader(BUILT, "deno").replace("run ", "run --allow-env ");
  assertChecks(checkSandbox("/p", built(script(header)), BUILT, SERVER), [[
    "fail",
    /-> check what it may access with: crio-credential-ctl audit \/p$/,
  ]]);
});

const HEADERS: readonly [name: string, header: string, expected: Expected][] = [
  ["its own header", pluginHeader(BUILT, "deno"), ["pass", /script form/]],
  ["another runtime", pluginHeader(BUILT, "/opt/my deno"), ["pass", /script form/]],
  ["a further permission", pluginHeader(BUILT, "deno").replace("run ", "run --allow-env "), [
    "fail",
    /its header is not what its build makes of its settings: --allow-env must not be there -> check/,
  ]],
  ["all permissions", pluginHeader(BUILT, "deno").replace("run ", "run -A "), [
    "fail",
    /: -A must not/,
  ]],
  ["a permission less", pluginHeader(BUILT, "deno").replace(/ --allow-read=\S+/, ""), [
    "fail",
    /: --allow-read=\S+ is missing/,
  ]],
  ["imports", pluginHeader(BUILT, "deno").replace(" --deny-import", ""), [
    "fail",
    /--deny-import is/,
  ]],
];

for (const [name, header, expected] of HEADERS) {
  Deno.test(`a script with ${name} gives ${expected[0]}`, () => {
    assertChecks(checkSandbox("/p", built(script(header)), BUILT, SERVER), [expected]);
  });
}

Deno.test("paths that the shell must quote are read as they are", () => {
  const settings = { ...BUILT, authDir: "/it's/my auth" };
  const content = bytes(`${pluginHeader(settings, "deno")}\n${program(settings)}`);
  assertChecks(checkSandbox("/p", built(content), settings, SERVER), [["pass", /script form/]]);
});

Deno.test("a plugin that may connect to hosts of anybody is found, and one for many clusters is not", async () => {
  const plugin = (apiserverHosts: readonly string[]) =>
    built(inCompiled(program({ ...BUILT, apiserverHosts })));
  assertChecks(
    await checkOwnHosts("/p", plugin(["*.clusters.example.com:6443", "10.0.0.0/8:6443"])),
    [],
  );
  assertChecks(await checkOwnHosts("/p", plugin(["*.example.com:6443", "*.github.io:6443"])), [[
    "fail",
    /^fail: \/p may connect too widely: "\*\.github\.io:6443" would .* list -> bind or build it again, with/,
  ]]);
});
