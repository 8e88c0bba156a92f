import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import { policyOf } from "../../../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS } from "../../../src/settings/settings.ts";
import { type CtlResult, runCtlWith } from "../../support/ctl.ts";
import { smallRelease } from "../../support/small_release.ts";

const SITE = `{
  // The load balancer in front of the control plane.
  "apiserver": "api.example.com:6443",
  "timeout": "20s",
}`;
const SITE_SETTINGS = {
  ...DEFAULT_SETTINGS,
  apiserver: "https://api.example.com:6443",
  timeout: 20_000,
};

/** A directory with a release and a site's settings. */
class Place implements AsyncDisposable {
  readonly directory: string;
  readonly release: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.release = `${directory}/release`;
  }

  static async make(): Promise<Place> {
    const place = new Place(await Deno.realPath(await Deno.makeTempDir()));
    await Deno.writeFile(place.release, await smallRelease(), { mode: 0o751 });
    await Deno.chmod(place.release, 0o751);
    await Deno.writeTextFile(place.path("site.jsonc"), SITE);
    return place;
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  async entries(): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.directory))).map(({ name }) => name).sort();
  }

  bind(...args: readonly string[]): Promise<CtlResult> {
    return runCtlWith(["bind", ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("bind writes a copy with the settings of a file and flags, the mode of the input, and says what changed", async () => {
  await using place = await Place.make();
  const out = place.path("bound");
  const { code, stdout, stderr } = await place.bind(
    ...[place.release, "--out", out, "--settings", place.path("site.jsonc"), "--timeout=25s"],
  );
  deepStrictEqual([code, stderr], [0, ""]);
  const settings = { ...SITE_SETTINGS, timeout: 25_000 };
  deepStrictEqual(await Deno.readFile(out), await smallRelease({ settings }));
  strictEqual(((await Deno.stat(out)).mode ?? 0) & 0o7777, 0o751);
  deepStrictEqual(await place.entries(), ["bound", "release", "site.jsonc"]);
  const hashes = [...stdout.matchAll(/[0-9a-f]{64}/g)].map(([hash]) => hash);
  strictEqual(hashes.length, 4);
  deepStrictEqual([hashes[0], hashes[2]], [hashes[1], hashes[3]]);
  match(stdout, /^ {2}--apiserver +\(not set\) +-> +https:\/\/api\.example\.com:6443$/m);
  match(stdout, /^ {2}--timeout +30s +-> +25s$/m);
  match(stdout, /^ {2}- allow net localhost:6443 /m);
  match(stdout, /^ {2}\+ allow net api\.example\.com:6443 +--apiserver /m);
  ok(!stdout.includes("--log-level"));
});

Deno.test("bind replaces an executable that is there, and its input only with --in-place", async () => {
  await using place = await Place.make();
  const bound = await smallRelease({ settings: SITE_SETTINGS });
  const settings = ["--settings", place.path("site.jsonc")];
  await Deno.writeTextFile(place.path("bound"), "an older one");
  strictEqual((await place.bind(place.release, "--out", place.path("bound"), ...settings)).code, 0);
  deepStrictEqual(await Deno.readFile(place.path("bound")), bound);

  await Deno.symlink("release", place.path("link"));
  for (const out of [place.release, `${place.directory}//./release`, place.path("link")]) {
    const { code, stdout, stderr } = await place.bind(place.release, "--out", out, ...settings);
    deepStrictEqual([code, stdout], [2, ""]);
    match(stderr, /is the input; pass --in-place to replace it/);
  }
  deepStrictEqual(await Deno.readFile(place.release), await smallRelease());

  // Through a link it is the file that is replaced, and not the link.
  strictEqual((await place.bind(place.path("link"), "--in-place", ...settings)).code, 0);
  ok((await Deno.lstat(place.path("link"))).isSymlink);
  deepStrictEqual(await Deno.readFile(place.release), bound);
  strictEqual((await place.bind(place.release, "--in-place")).code, 0);
  deepStrictEqual(await Deno.readFile(place.release), await smallRelease());
});

Deno.test("bind says where no setting changes, and takes a path below the working directory", async () => {
  await using place = await Place.make();
  const out = `${place.directory}/bound`;
  const relative = `${"../".repeat(Deno.cwd().split("/").length - 1)}${out.slice(1)}`;
  const { code, stdout, stderr } = await place.bind(place.release, "--out", relative);
  deepStrictEqual([code, stderr], [0, ""]);
  match(stdout, /^No setting changes\.$/m);
  match(stdout, /^What it may touch does not change\.$/m);
  deepStrictEqual(await Deno.readFile(out), await smallRelease());
});

Deno.test("audit refuses a policy that is none, and counts a single difference as one", async () => {
  await using place = await Place.make();
  const path = place.path("policy.json");
  for (const text of ["{", "[]", `{"allow": [1], "deny": []}`]) {
    await Deno.writeTextFile(path, text);
    const { code, stdout, stderr } = await runCtlWith(["audit", place.release, "--policy", path]);
    deepStrictEqual([code, stdout], [1, ""]);
    match(stderr, /policy\.json: is not a policy; write one with: crio-credential-ctl policy/);
  }
  const policy = JSON.parse((await runCtlWith(["policy"])).stdout);
  await Deno.writeTextFile(path, JSON.stringify({ ...policy, allow: policy.allow.slice(1) }));
  const { code, stdout } = await runCtlWith(["audit", place.release, "--policy", path]);
  strictEqual(code, 1);
  match(stdout, /^Result: 1 difference$/m);
});

Deno.test("bind --show prints the settings and the policy of a file, and writes nothing", async () => {
  await using place = await Place.make();
  await Deno.writeFile(
    place.release,
    await smallRelease({ settings: SITE_SETTINGS, machine: 0xb7 }),
  );
  const { code, stdout } = await place.bind("--show", place.release);
  strictEqual(code, 0);
  const { executable, settings, policy } = JSON.parse(stdout);
  deepStrictEqual([executable.machine, executable.version], ["aarch64", "1.2.3"]);
  deepStrictEqual(settings, SITE_SETTINGS);
  ok(policy.allow.some(({ target }: { target: string }) => target === "api.example.com:6443"));
  deepStrictEqual(await place.entries(), ["release", "site.jsonc"]);
});

Deno.test("bind and audit say in a line of its own where an API server may be one of many", async () => {
  await using place = await Place.make();
  const hosts = ["--apiserver-hosts", "*.clusters.example.com:6443,10.20.0.0/16:6443"];
  const bound = await place.bind(place.release, "--in-place", ...hosts);
  strictEqual(bound.code, 0, bound.stderr);
  const audit = await runCtlWith(["audit", place.release]);
  strictEqual(audit.code, 0, audit.stderr);
  for (const { stdout } of [bound, audit]) {
    match(
      stdout,
      /^ {2}wider than a host: \*\.clusters\.example\.com:6443: .*every host below it$/m,
    );
    match(stdout, /^ {2}wider than a host: 10\.20\.0\.0\/16:6443: 65536 addresses/m);
  }
  const json = JSON.parse((await runCtlWith(["audit", "--json", place.release])).stdout);
  strictEqual(json.wide.length, 2);
  deepStrictEqual(json.differences, []);
});

Deno.test("hosts of anybody are refused at their place in the settings file, and by every command that takes one", async () => {
  await using place = await Place.make();
  const site = place.path("site.jsonc");
  await Deno.writeTextFile(site, `{\n  "apiserver-hosts": ["*.kawasaki.jp:6443"],\n}`);
  const before = await place.entries();
  for (
    const command of [
      ["bind", place.release, "--in-place"],
      ["policy"],
      ["generate", "install", "--release", place.release, "--out", place.path("install")],
    ]
  ) {
    const { code, stdout, stderr } = await runCtlWith([...command, "--settings", site]);
    deepStrictEqual([code, stdout], [2, ""]);
    ok(stderr.startsWith(`error: ${site}:2:22: "apiserver-hosts" "*.kawasaki.jp:6443" would be `));
  }
  deepStrictEqual(await place.entries(), before);
  deepStrictEqual(await Deno.readFile(place.release), await smallRelease());
  // A flag wins over the file.
  const flag = ["--settings", site, "--apiserver-hosts", "*.clusters.kawasaki.example.jp:6443"];
  strictEqual((await place.bind(place.release, "--in-place", ...flag)).code, 0);
});

Deno.test("audit finds an executable that may connect to hosts of anybody, whatever its settings and the policy say", async () => {
  await using place = await Place.make();
  const settings = { ...DEFAULT_SETTINGS, apiserverHosts: ["*.github.io:6443", "*.com:6443"] };
  await Deno.writeFile(place.release, await smallRelease({ settings }));
  const { code, stdout } = await runCtlWith(["audit", place.release]);
  strictEqual(code, 1);
  match(
    stdout,
    /"\*\.github\.io:6443" would be hosts of anybody: github\.io is on the public suffix/,
  );
  match(stdout, /"\*\.com:6443" would be hosts of anybody/);
  const policy = place.path("policy.json");
  await Deno.writeTextFile(policy, JSON.stringify(policyOf(settings)));
  const json = await runCtlWith(["audit", "--json", "--policy", policy, place.release]);
  strictEqual(json.code, 1);
  strictEqual(JSON.parse(json.stdout).differences.length, 2);
  // It can be bound to hosts of one owner.
  strictEqual((await place.bind(place.release, "--in-place")).code, 0);
  deepStrictEqual(await Deno.readFile(place.release), await smallRelease());
});

Deno.test("control characters of paths are escaped in all that is printed, and JSON says the same", async () => {
  await using place = await Place.make();
  const path = "/etc/a\u009b31m\u202e\u0085b.json";
  const setting = ["--kubelet-auth-file", path];
  const root = ["--root", place.directory, "--config", path];
  const policy = place.path("policy.json");
  const lines = [
    ["policy", ...setting],
    ["bind", place.release, "--in-place", ...setting],
    ["bind", place.release, "--show"],
    ["audit", place.release],
    ["audit", place.release, "--json"],
    ["audit", place.release, "--policy", policy],
    ["audit", place.release, "--policy", policy, "--json"],
    ["doctor", ...root],
    ["doctor", ...root, "--json"],
  ];
  await Deno.writeTextFile(policy, JSON.stringify({ allow: [], deny: [] }));
  for (const line of lines) {
    const { stdout, stderr } = await runCtlWith(line);
    strictEqual(stderr, "");
    match(stdout, /\/etc\/a\\u009b31m\\u202e\\u0085b\.json/, line.join(" "));
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/, line.join(" "));
    if (stdout.startsWith("{")) ok(JSON.stringify(JSON.parse(stdout)).includes(path));
  }
});

/** What is in the input's place, and what is said of it. */
const INPUTS: readonly [
  name: string,
  make: (path: string) => Promise<void>,
  problem: RegExp,
][] = [
  ["nothing", () => Promise.resolve(), /input: does not exist/],
  ["a directory", (path) => Deno.mkdir(path), /input: is a directory, expected a file/],
  ["an empty file", (path) => Deno.writeTextFile(path, ""), /is not an executable/],
  ["a text", (path) => Deno.writeTextFile(path, "crio"), /is not an executable/],
  [
    "a script",
    (path) => Deno.writeTextFile(path, "#!/bin/sh\necho\n"),
    /it is a script: the compiled form alone can be bound/,
  ],
  ["a foreign program", (path) => Deno.copyFile("/bin/true", path), /not made by deno compile/],
  [
    "200 MB of zeros",
    async (path) => {
      await Deno.writeTextFile(path, "");
      await Deno.truncate(path, 200_000_000);
    },
    /is not an executable/,
  ],
  [
    "2 GB that begin as a program does",
    async (path) => {
      await Deno.writeTextFile(path, "\x7fELF");
      await Deno.truncate(path, 2 * 1024 ** 3);
    },
    /is too large/,
  ],
  [
    "a release that is cut",
    async (path) => await Deno.writeFile(path, (await smallRelease()).slice(0, -100)),
    /it is cut short|behind its program/,
  ],
  [
    "a release with a changed runtime",
    async (path) => await Deno.writeFile(path, (await smallRelease()).with(200, 1)),
    /not as it was built: the runtime is not the one it was built with/,
  ],
  [
    "a release of another version",
    async (path) => await Deno.writeFile(path, await smallRelease({ version: "9.9.9" })),
    /it is version "9\.9\.9", and this tool knows 1\.2\.3 alone: take both from one release/,
  ],
  [
    "a release that may do more than its settings say",
    async (path) => {
      const bytes = await smallRelease();
      const start = `"allow_write":["`;
      // A letter for each byte, whatever that is.
      const at = new TextDecoder("latin1").decode(bytes).indexOf(`${start}/etc/crio`);
      bytes.set(new TextEncoder().encode("/tmp"), at + start.length);
      await Deno.writeFile(path, bytes);
    },
    /not as it was built: allow write \/tmp\/crio\/auth: baked in, and not in the policy/,
  ],
];

Deno.test("bind refuses what is no release of its version, and writes nothing", async (test) => {
  for (const [name, make, problem] of INPUTS) {
    await test.step(name, async () => {
      await using place = await Place.make();
      const input = place.path("input");
      await make(input);
      const before = await place.entries();
      for (const way of [["--out", place.path("bound")], ["--in-place"], ["--show"]]) {
        const { code, stdout, stderr } = await place.bind(input, ...way);
        deepStrictEqual([code, stdout], [1, ""], stderr);
        match(stderr, problem);
        strictEqual(stderr.trimEnd().split("\n").length, 1);
      }
      deepStrictEqual(await place.entries(), before);
    });
  }
});

/** What stands behind the input on the command line. `$` is the directory. */
const WAYS: readonly [name: string, args: readonly string[], code: number, problem: RegExp][] = [
  ["no place", [], 2, /give one of --out FILE, --in-place, --show/],
  ["two places", ["--out", "$/bound", "--in-place"], 2, /give one of/],
  ["an empty place", ["--out="], 2, /--out: is empty, expected a path/],
  ["settings to show", ["--show", "--timeout", "20s"], 2, /--show: .*takes no settings/],
  ["a setting that is none", ["--out", "$/bound", "--timeout", "1h"], 2, /--timeout/],
  ["a host without a port", ["--out", "$/bound", "--apiserver-hosts", "*.a.io"], 2, /has no port/],
  ["every host", ["--out", "$/bound", "--apiserver-hosts", "*:6443"], 2, /would be every host/],
  ["a top-level name", ["--in-place", "--apiserver-hosts", "*.com:6443"], 2, /hosts of anybody/],
  [
    "a public suffix",
    ["--in-place", "--apiserver-hosts", "api.example.com:6443,*.github.io:6443"],
    2,
    /^error: --apiserver-hosts: "\*\.github\.io:6443" would be .* list; name what is yours below it/,
  ],
  ["a file that is missing", ["--in-place", "--settings", "$/none"], 1, /none: does not exist/],
  ["a file with an error", ["--in-place", "--settings", "$/release"], 1, /not UTF-8|JSON|site/],
  ["a directory that is missing", ["--out", "$/none/bound"], 1, /none\/bound\.new: cannot write/],
  [
    "a directory as the place",
    ["--out", "$/taken"],
    1,
    /taken: is a directory, expected a file; name the file/,
  ],
  [
    "a device as the place",
    ["--out", "/dev/null"],
    2,
    /^error: --out: \/dev\/null is below \/dev, where/,
  ],
];

Deno.test("bind refuses a command line that it cannot follow, and writes nothing", async (test) => {
  for (const [name, args, code, problem] of WAYS) {
    await test.step(name, async () => {
      await using place = await Place.make();
      await Deno.mkdir(place.path("taken/full"), { recursive: true });
      const words = args.map((word) => word.replace("$", place.directory));
      const result = await place.bind(place.release, ...words);
      deepStrictEqual([result.code, result.stdout], [code, ""], result.stderr);
      match(result.stderr, problem);
      deepStrictEqual(await place.entries(), ["release", "site.jsonc", "taken"]);
      deepStrictEqual(await Deno.readFile(place.release), await smallRelease());
    });
  }
});

Deno.test("bind does not write over what another bind writes, or left behind", async () => {
  await using place = await Place.make();
  await Deno.writeTextFile(place.path("bound.new"), "half");
  const { code, stderr } = await place.bind(place.release, "--out", place.path("bound"));
  strictEqual(code, 1);
  match(stderr, /bound\.new: is in the way; another run writes it, or one was interrupted/);
  strictEqual(await Deno.readTextFile(place.path("bound.new")), "half");
});
