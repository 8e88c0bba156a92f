import assert from "node:assert/strict";
import { buildScript } from "../../scripts/build.ts";
import { compile, type CompileOptions } from "../../scripts/compile.ts";
import { compareWithPolicy, readExecutable } from "../../src/executable/executable.ts";
import {
  formatCompiledFile,
  joinBytes,
  readCompiledFile,
} from "../../src/executable/compiled_file.ts";
import { hashOfBundle, sha256 } from "../../src/executable/program.ts";
import { BuildError, bundleFiles, bundleProgram } from "../../scripts/support/bundle.ts";
import LOCK_DOWN from "../../src/executable/lock_down.js" with { type: "text" };
import { formatPolicy, policyOf } from "../../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";

const PROJECT = new URL("../../", import.meta.url);

type Bytes = Uint8Array<ArrayBuffer>;

async function judge(bytes: Bytes): Promise<string[]> {
  const artifact = await readExecutable(bytes);
  return compareWithPolicy(artifact, policyOf(artifact.settings));
}

/** Builds once, in a directory that is gone afterwards. */
async function built(build: (out: string) => Promise<string>): Promise<Bytes> {
  const out = await Deno.makeTempDir();
  try {
    return await Deno.readFile(await build(out));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

function edit(bytes: Bytes, from: string | RegExp, to: string): Bytes {
  const text = new TextDecoder().decode(bytes);
  const changed = text.replace(from, () => to);
  assert.notEqual(changed, text, String(from));
  return new TextEncoder().encode(changed);
}

const HEADER: readonly [name: string, from: string | RegExp, to: string, finding: RegExp][] = [
  ["an added --allow-run", " --ext=js", " --allow-run --ext=js", /^--allow-run must not be there$/],
  ["all permissions", "--no-prompt", "-A", /^-A must not be there$/],
  [
    "a widened path",
    "/etc/containers/registries.conf,",
    "/etc,",
    /^allow read \/etc: baked in, and/,
  ],
  ["an added path", "/etc/crio/auth,", "/etc/crio/auth,/x,", /^allow read \/x: baked in, and not/],
  ["an added host", "--allow-net=", "--allow-net=evil.example.com:443,", /^allow net evil\.ex/],
  ["an added kind", " --ext", " --allow-env=HOME --ext", /^allow env HOME: baked in, and not in/],
  ["everything of a kind", " --ext", " --allow-read --ext", /^allow read everything: baked in/],
  [
    "the permissions of the operator's tool",
    /--allow-\S+ --allow-\S+ --allow-\S+ --deny-\S+ --deny-\S+/,
    "--allow-read --allow-write --allow-net=localhost:6443",
    /^allow write everything: baked in, and not in the policy$/,
  ],
  [
    "a denial left out",
    /--deny-write=\S+ /,
    "",
    /^deny write \/etc\/crio\/auth\/in-use: in the pol/,
  ],
  ["remote modules", "--no-remote ", "", /^--no-remote is missing$/],
  [
    "a word twice",
    " --ext=js",
    " --ext=js --ext=js",
    /^its words are in another order, or one is there twice: /,
  ],
  ["no command", " run ", " ", /^run is missing$/],
  ["a variable", "-i ", "-i DENO_CERT=/ca.pem ", /^DENO_CERT=\/ca\.pem must not be there$/],
  ["the environment kept", "env -i", "env", /^-i is missing$/],
  ["a module loaded first", " --ext", " --preload /evil.js --ext", /^--preload must not be there$/],
];

Deno.test("reading an executable finds what was changed in the header of the script form", async (test) => {
  const script = await built((out) => buildScript({ out }));
  await test.step("nothing changed", async () => assert.deepEqual(await judge(script), []));
  for (const [name, from, to, finding] of HEADER) {
    await test.step(name, async () => {
      const findings = await judge(edit(script, from, to));
      assert.ok(findings.some((text) => finding.test(text)), findings.join("\n"));
    });
  }
  const refused: readonly [name: string, from: string | RegExp, to: string, error: RegExp][] = [
    ["a second command", " --ext=js", "; id --ext=js", /second line is not a plain command at col/],
    ["a substitution", "-i ", "-i $(id) ", /second line is not a plain command at column/],
    ["another interpreter", "#!/bin/sh", "#!/bin/bash", /its first line is not #!\/bin\/sh/],
    ["code before the command", `":" //`, `id; ":" //`, /second line does not begin with ":"/],
    [
      "settings with code",
      `const BUILD={`,
      "const BUILD={...x,",
      /settings of its build are broken/,
    ],
    ["no settings", "const BUILD=", "const TOOL=", /no settings of a build were found/],
  ];
  for (const [name, from, to, error] of refused) {
    await test.step(name, () => assert.rejects(judge(edit(script, from, to)), error));
  }
  await test.step("a changed program", async () => {
    const [finding] = await judge(edit(script, /\n$/, ";fetch('https://evil.example.com')\n"));
    assert.match(
      finding ?? "",
      /^the program is not the one it claims to be: its SHA-256 is [0-9a-f]{64}$/,
    );
  });
  await test.step("settings that stand twice", async () => {
    const [finding] = await judge(edit(script, `"authDir":`, `"authDir":"/a","authDir":`));
    assert.match(finding ?? "", /^its first line holds more than JSON$/);
  });
});

const METADATA: readonly [name: string, from: string | RegExp, to: string, finding: RegExp][] = [
  [
    "--allow-run",
    `"allow_run":null`,
    `"allow_run":[]`,
    /^permissions\.allow_run is \[\], not null$/,
  ],
  [
    "a widened path",
    `"allow_write":["`,
    `"allow_write":["/","`,
    /^allow write \/: baked in, and not/,
  ],
  ["everything", /"allow_read":\[[^\]]*\]/, `"allow_read":[]`, /^allow read everything: baked in/],
  ["imports", `"deny_import":[]`, `"deny_import":null`, /^permissions\.deny_import is null, not/],
  ["prompts", `"prompt":false`, `"prompt":true`, /^permissions\.prompt is true, not false$/],
  ["a CA", `"ca_data":null`, `"ca_data":[1]`, /^ca_data is \[1\], not null$/],
  [
    "no verification",
    `"unsafely_ignore_certificate_errors":null`,
    `"unsafely_ignore_certificate_errors":[]`,
    /^unsafely_ignore_certificate_errors is \[\], not null$/,
  ],
  [
    "further CAs",
    `"DENO_TLS_CA_STORE":""`,
    `"DENO_TLS_CA_STORE":"system"`,
    /^env_vars_from_env_file\.DENO_TLS_CA_STORE is "s/,
  ],
  [
    "another entry",
    `"entrypoint_key":"plugin.js"`,
    `"entrypoint_key":"x.js"`,
    /^entrypoint_key is/,
  ],
  [
    "hosts to import from",
    `"allow_import":null`,
    `"allow_import":["jsr.io:443"]`,
    /^permissions\.allow_import is \["jsr\.io:443"\], not null/,
  ],
  [
    "a cache of compiled code",
    `"code_cache_key":null`,
    `"code_cache_key":1`,
    /^code_cache_key is 1, not null$/,
  ],
  [
    "import() of files",
    /"json":"(?:[^"\\]|\\.)*"/,
    `"json":"{}"`,
    /^workspace_resolver\.import_map\.json is "{}", not "/,
  ],
  [
    "no import map",
    /"import_map":\{[^}]*\}[^}]*\}[^}]*\}/,
    `"import_map":null`,
    /^workspace_resolver\.import_map is null, not \{/,
  ],
  [
    "code of text",
    `"--disallow-code-generation-from-strings",`,
    "",
    /^v8_flags is \[.*, not \[.*"--dis/,
  ],
  ["a V8 flag", `"--stack-size=1024"`, `"--stack-size=1024","--x"`, /^v8_flags is .*"--x"/],
  [
    "the operator's tool's name",
    `"app_name":"crio-credential-provider"`,
    `"app_name":"crio-credential-ctl"`,
    /^app_name is "crio-credential-ctl", and its program is that of crio-credential-provider$/,
  ],
  ["a field unknown", `"seed":null`, `"seed":null,"new":true`, /^new is true, not known$/],
];

/** Any file does as the runtime, since the executable is read and not run. */
async function compiledWith(options: CompileOptions): Promise<Bytes> {
  return await built((out) => compile({ ...options, out, runtime: "/bin/true" }));
}

/** Changes the metadata, and puts the executable together again. */
function editMetadata(bytes: Bytes, from: string | RegExp, to: string): Bytes {
  const { image, metadata, files } = readCompiledFile(bytes);
  const text = new TextEncoder().encode(JSON.stringify(metadata));
  const changed = JSON.parse(new TextDecoder().decode(edit(text, from, to)));
  return joinBytes(formatCompiledFile({ image, metadata: changed, files }));
}

Deno.test("reading an executable finds what was changed in the metadata of the compiled form", async (test) => {
  const compiled = await compiledWith({});
  await test.step("nothing changed", async () => assert.deepEqual(await judge(compiled), []));
  for (const [name, from, to, finding] of METADATA) {
    await test.step(name, async () => {
      const findings = await judge(editMetadata(compiled, from, to));
      assert.ok(findings.some((text) => finding.test(text)), findings.join("\n"));
    });
  }
  await test.step("a second block of metadata", async () => {
    const start = new TextDecoder("latin1").decode(compiled).indexOf(`{"argv":`) - 16;
    const twice = Uint8Array.from([...compiled, ...compiled.subarray(start)]);
    await assert.rejects(judge(twice), /holds something behind its program/);
  });
  await test.step("a file beside the bundle, or in its place", async () => {
    const { image, metadata, files } = readCompiledFile(compiled);
    const program = files.get("plugin.js") ?? new Uint8Array();
    for (
      const others of [{ "plugin.js": program, "more.js": program }, { "pluginXjs": program }]
    ) {
      const parts = { image, metadata, files: new Map(Object.entries(others)) };
      const changed = joinBytes(formatCompiledFile(parts));
      const findings = await judge(changed).catch(({ message }) => [message]);
      assert.match(findings.join("\n"), /import_map\.json|its file system holds something else/);
    }
  });
  await test.step("a changed program", async () => {
    const changed = compiled.slice();
    const at = new TextDecoder("iso-8859-1").decode(compiled).indexOf("nothing to do");
    changed[at] = "N".charCodeAt(0);
    const [finding] = await judge(changed);
    assert.match(finding ?? "", /^the program is not the one it claims to be/);
  });
});

const PLUGIN = "crio-credential-provider";

/** A bundle with something added, that says of itself that it is the one. */
async function changedProgram(change: (program: string) => string): Promise<string> {
  const [first = "", ...rest] = (await bundleProgram(PLUGIN, DEFAULT_SETTINGS)).split("\n");
  const program = change(rest.join("\n"));
  return `${
    first.replace(/"bundleSha256":"\w+"/, `"bundleSha256":"${await sha256(program)}"`)
  }\n${program}`;
}

const PROGRAMS: readonly [
  name: string,
  change: (program: string) => string,
  finding: RegExp,
][] = [
  [
    "a computed import()",
    (program) => `${program};import(Deno.args[0]);`,
    /^the program calls import\(\) at \d+:\d+ \("import\(Deno\.args\[0\]\)/,
  ],
  [
    "an import() in a function of a package",
    (program) => program.replace(/\(\)\{/, `(){import("./x"+Deno.args);`),
    /^the program calls import\(\) at /,
  ],
  [
    "an import declaration",
    (program) => `${program};import "node:vm";`,
    /^the program imports a module at .*node:vm/,
  ],
  [
    "an export of a module",
    (program) => `${program};export * from "node:fs";`,
    /^the program exports a module at /,
  ],
  ["no lock-down", (program) => program.replace(LOCK_DOWN, ""), /^the program does not begin with/],
  ["code before the lock-down", (program) => `x();${program}`, /^the program does not begin with/],
  [
    "less of a lock-down",
    (program) => program.replace("Reflect.deleteProperty(globalThis, name)", "0"),
    /^the program does not begin with the lock-down/,
  ],
  [
    "what cannot be parsed",
    (program) => `${program};import.source("x");`,
    /^the program cannot be parsed, so that nothing is known of it: /,
  ],
];

Deno.test("reading an executable finds what opens the program, though its checksum is right", async (test) => {
  for (const [name, change, finding] of PROGRAMS) {
    await test.step(name, async () => {
      const program = await changedProgram(change);
      for (
        const bytes of [
          await built((out) => buildScript({ out, program })),
          await compiledWith({ program }),
        ]
      ) {
        const findings = await judge(bytes);
        assert.equal(findings.length, 1, findings.join("\n"));
        assert.match(findings[0] ?? "", finding);
      }
    });
  }
});

/** What a module of the compiled form could hold, with a checksum that is right. */
const MODULES: readonly [name: string, text: string, finding: RegExp | undefined][] = [
  ["nothing", "", undefined],
  ["a literal import() of another module", `import("./main.js");`, undefined],
  [
    "a computed import()",
    `import(Deno.args[0]);`,
    /^more\.js imports what is not in the program at 1:1/,
  ],
  ["an import() of another file", `import("./none.js");`, /^more\.js imports what is not in/],
  ["an import() by a template", "import(`./main.js`);", /^more\.js imports what is not in/],
  [
    "an import() as text",
    `import("./main.js", {with: {type: "text"}});`,
    /^more\.js imports what is not in/,
  ],
  ["an import as text", `import a from "./main.js" with {type: "text"};`, /^more\.js imports what/],
  ["an import of Node's", `import "node:vm";`, /^more\.js imports what is not in the program/],
  ["an export of Node's", `export * from "node:vm";`, /^more\.js imports what is not in/],
  ["an export by name", `export {Script} from "node:vm";`, /^more\.js imports what is not in/],
  ["what cannot be parsed", `import.source("x");`, /^more\.js: the program cannot be parsed/],
];

Deno.test("reading an executable finds what opens one of its modules", async (test) => {
  const { entry, modules } = await bundleFiles(PLUGIN, DEFAULT_SETTINGS);
  for (const [name, text, finding] of MODULES) {
    await test.step(name, async () => {
      const more = new Map([...modules, ["more.js", text] as const].toSorted(byName));
      const rest = entry.slice(entry.indexOf("\n") + 1);
      const hash = await hashOfBundle(rest, more);
      const program = {
        entry: entry.replace(/"bundleSha256":"\w+"/, `"bundleSha256":"${hash}"`),
        modules: more,
      };
      // The compiler embeds what is imported, and refuses some of it by itself.
      const changeCall = (args: readonly string[]) => [
        ...args.slice(0, -1),
        "--include=more.js",
        ...args.slice(-1),
      ];
      const findings = await compiledWith({ program, changeCall }).then(
        judge,
        (error) => error instanceof BuildError ? undefined : Promise.reject(error),
      );
      if (finding === undefined) assert.deepEqual(findings, []);
      else if (findings !== undefined) {
        assert.equal(findings.length, 1, findings.join("\n"));
        assert.match(findings[0] ?? "", finding);
      }
    });
  }
});

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

/** Calls of the compiler that make another executable than the build does. */
const CALLS: readonly [
  name: string,
  change: (args: readonly string[]) => readonly string[],
  finding: RegExp,
][] = [
  [
    "with a cache of compiled code",
    (args) => args.filter((arg) => arg !== "--no-code-cache"),
    /code_cache_key is \d+, not null/,
  ],
  [
    "without the V8 flag",
    (args) => args.map((arg) => arg.replace("--disallow-code-generation-from-strings,", "")),
    /v8_flags is /,
  ],
  [
    "with a widened permission",
    (args) => args.map((arg) => arg.replace("--allow-write=", "--allow-write=/srv,")),
    /permissions\.allow_write\S* is \["\/srv"/,
  ],
  [
    "without the import map",
    (args) => args.filter((arg) => arg !== "--import-map" && arg !== "import_map.json"),
    /workspace_resolver\.import_map is null/,
  ],
  [
    "with all hosts to import from",
    (args) => args.filter((arg) => arg !== "--deny-import"),
    /permissions\.deny_import is null, not \[\]/,
  ],
];

Deno.test("a build refuses what another call of the compiler makes", async (test) => {
  const program = await bundleFiles(PLUGIN, DEFAULT_SETTINGS);
  for (const [name, changeCall, finding] of CALLS) {
    await test.step(name, async () => {
      await assert.rejects(compiledWith({ program, changeCall }), finding);
    });
  }
  await test.step("with a module more", async () => {
    const more = await Deno.makeTempFile({ suffix: ".js" });
    const changeCall = (args: readonly string[]) => [
      ...args.slice(0, -1),
      `--include=${more}`,
      ...args.slice(-1),
    ];
    try {
      await Deno.writeTextFile(more, "export default 1;");
      await assert.rejects(
        compiledWith({ program, changeCall }),
        /is in it, too|embeds|modules from elsewhere/,
      );
    } finally {
      await Deno.remove(more);
    }
  });
});

Deno.test("a widened build is found by the policy under review, though it agrees with itself", async () => {
  const settings = { authDir: "/srv/auth", apiserver: "https://other.example.com" };
  const bytes = await built((out) => buildScript({ out, settings }));
  assert.deepEqual(await judge(bytes), []);
  const findings = compareWithPolicy(await readExecutable(bytes), policyOf(DEFAULT_SETTINGS));
  assert.ok(findings.includes("allow write /srv/auth: baked in, and not in the policy"));
  assert.ok(findings.includes("allow net other.example.com:443: baked in, and not in the policy"));
  assert.ok(findings.includes("allow write /etc/crio/auth: in the policy, and not baked in"));
});

const CHECKED_IN: readonly [name: string, settings: Settings, flags: string][] = [
  ["default", DEFAULT_SETTINGS, ""],
  ["containerd", { ...DEFAULT_SETTINGS, runtime: "containerd" }, " --runtime containerd"],
];

for (const [name, settings, flags] of CHECKED_IN) {
  Deno.test(`the checked-in policy ${name}.json is that of such a build`, async () => {
    const file = `fixtures/policy/${name}.json`;
    assert.equal(
      formatPolicy(settings),
      await Deno.readTextFile(new URL(file, PROJECT)),
      `review the difference, then: deno task policy${flags} > ${file}`,
    );
  });
}

const COMMANDS: readonly [name: string, args: string[], code: number, stderr: RegExp][] = [
  ["a file that is no executable", ["README.md"], 1, /^error: README\.md: is not an executable/],
  ["a script", [".ci/run"], 1, /^error: \.ci\/run: /],
  ["another binary", ["/bin/true"], 1, /it was not made by deno compile/],
  ["a directory", ["src"], 1, /^error: src: is a directory, expected a file/],
  ["a file that is missing", ["/nonexistent"], 1, /^error: \/nonexistent: does not exist/],
  ["no file", [], 2, /FILE/],
  ["a policy that is none", ["--policy", "deno.json", "/bin/true"], 1, /it was not made by/],
];

for (const [name, args, code, stderr] of COMMANDS) {
  Deno.test(`deno task audit with ${name} is an error`, async () => {
    const result = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-read", "scripts/audit.ts", ...args],
      cwd: PROJECT,
      env: { NO_COLOR: "1" },
    }).output();
    assert.match(new TextDecoder().decode(result.stderr), stderr);
    assert.deepEqual([result.code, result.stdout.length], [code, 0]);
  });
}
