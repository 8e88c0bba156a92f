/** Packages: what is in them, and, in the long run, what package managers make of them. */

import assert from "node:assert/strict";
import {
  type Format,
  formatConfig,
  FORMATS,
  makePackages,
  packagedFiles,
  parseMaintainer,
  parseRevision,
} from "../../scripts/package.ts";
import { TARGETS } from "../../scripts/release.ts";
import { BuildError } from "../../scripts/support/bundle.ts";
import { providerManual, toolManual } from "../../scripts/support/manual_pages.ts";
import { PROJECT } from "../../scripts/support/project.ts";
import { readBindable } from "../../src/executable/bind.ts";
import {
  DEFAULT_SETTINGS,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
} from "../../src/settings/settings.ts";
import { applySettingsFile } from "../../src/settings/settings_file.ts";
import { Buildah, CONTAINERFILE } from "../support/base_image.ts";
import { runCtlWith } from "../support/ctl.ts";
import { share } from "../support/share.ts";
import { report } from "../support/summary.ts";

const NAME = "crio-credential-provider";
const { version: VERSION }: { version: string } = JSON.parse(
  await Deno.readTextFile(`${PROJECT}/deno.json`),
);
const PLUGIN = `/usr/libexec/kubelet-image-credential-provider-plugins/${NAME}`;
const TOOL = "/usr/bin/crio-credential-ctl";
const DOCUMENTATION = `/usr/share/doc/${NAME}`;
const TARGET = "x86_64-unknown-linux-gnu";
const FACTS = {
  version: "1.2.3",
  date: "2026-01-02T03:04:05Z",
  architecture: "amd64",
  maintainer: "Platform Team <platform@example.com>",
  revision: 3,
};
const PLACES = { binaries: "/binaries", shared: "/shared" };

for (const format of FORMATS) {
  Deno.test(`a ${format} has the two programs executable, and everything else readable`, async () => {
    const files = await packagedFiles({ format, ...PLACES });
    const executable = files.filter(({ mode }) => mode === 0o755).map(({ path }) => path);
    assert.deepEqual(executable, [TOOL, PLUGIN]);
    assert.ok(files.every(({ mode }) => [0o755, 0o644].includes(mode)));
    const paths = files.map(({ path }) => path);
    assert.equal(new Set(paths).size, paths.length);
    for (
      const path of [
        "/usr/share/bash-completion/completions/crio-credential-ctl",
        "/usr/share/man/man1/crio-credential-ctl.1.gz",
        `/usr/share/man/man8/${NAME}.8.gz`,
        `${DOCUMENTATION}/README.md`,
        `${DOCUMENTATION}/docs/operate/install-kubernetes.md`,
        `${DOCUMENTATION}/examples/kubernetes/credential-provider-config.yaml`,
      ]
    ) assert.ok(paths.includes(path), path);
    for (const { source } of files) {
      if (source.startsWith(PROJECT)) assert.ok((await Deno.stat(source)).isFile, source);
    }
  });

  Deno.test(`a ${format} has no script, nothing below /etc, and all from the commit's date and root`, async () => {
    const files = await packagedFiles({ format, ...PLACES });
    const config = JSON.parse(formatConfig(format, files, FACTS));
    assert.ok(!JSON.stringify(config).includes('"scripts"'));
    assert.equal(config.mtime, FACTS.date);
    assert.equal(config.maintainer, FACTS.maintainer);
    assert.equal(config.release, "3");
    for (const { dst, file_info: { owner, group, mtime } } of config.contents) {
      assert.match(dst, /^\/usr\//);
      assert.deepEqual([owner, group, mtime], ["root", "root", FACTS.date], dst);
    }
    // What is removed with the package, down from each directory that is its own.
    const directories = config.contents.filter(({ type }: { type?: string }) => type === "dir")
      .map(({ dst }: { dst: string }) => dst);
    for (const path of [`${DOCUMENTATION}/examples`, `${DOCUMENTATION}/docs/operate`]) {
      assert.ok(directories.includes(path), path);
    }
    assert.ok(!directories.includes("/usr/bin"));
  });
}

Deno.test("a maintainer is a name and an address, and nothing that ends a line of a package's header", () => {
  for (const text of [FACTS.maintainer, "Jörg <j@b>", "A. B. (Site 3) <a+b@example.com>"]) {
    assert.equal(parseMaintainer(text), text);
  }
  for (
    const text of [
      "",
      "Platform Team",
      "platform@example.com",
      "<platform@example.com>",
      " <platform@example.com>",
      "A <platform>",
      "A <a@b> trailing",
      "A <a@b@c>",
      "A, B <a@example.com>",
      "A\nDepends: evil <a@example.com>",
      "A <a@example.com\n>",
    ]
  ) {
    assert.throws(
      () => parseMaintainer(text),
      /^UserError: --maintainer: .* is not a name and an address; write it like "Platform/,
      text,
    );
  }
});

Deno.test("a revision is a whole number from 1 on", () => {
  assert.deepEqual(["1", "20"].map(parseRevision), [1, 20]);
  for (const text of ["", "0", "01", "1.5", "-1", "1~rc1", "1e3", " 1"]) {
    assert.throws(
      () => parseRevision(text),
      /^UserError: --revision: .* is not a whole number from/,
    );
  }
});

Deno.test("a task that makes packages says which flags are another's", async () => {
  for (
    const [script, flag, task] of [
      ["package", "--target", "compile"],
      ["release", "--maintainer", "package"],
      ["compile", "--deno", "build"],
    ]
  ) {
    const { code, stderr } = await run(Deno.execPath(), [
      ...["run", "--allow-all", `${PROJECT}/scripts/${script}.ts`, `${flag}=x`],
    ]);
    assert.deepEqual([code, stderr], [2, `error: ${flag}: is for deno task ${task}\n`]);
  }
});

Deno.test("the manual page of the plugin has each setting with its default, that of the tool each command", () => {
  const options = { version: "1.2.3", date: FACTS.date, documentation: DOCUMENTATION };
  const provider = providerManual({ ...DEFAULT_SETTINGS, timeout: 12_000 }, options);
  for (const name of SETTING_NAMES) {
    assert.ok(provider.includes(`\\-\\-${SETTINGS[name].flag.replaceAll("-", "\\-")}`), name);
  }
  assert.match(provider, /Default: 12s\./);
  const tool = toolManual(options);
  for (const command of ["explain", "doctor", "generate kubelet\\-config", "bind", "audit"]) {
    assert.ok(tool.includes(`.B ${command}\n`), command);
  }
  for (const page of [provider, tool]) {
    assert.match(page, /^\.TH \S+ [18] "2026\\-01\\-02" "\S+ 1\.2\.3"\n\.SH NAME\n/);
    // A line that begins with a dot is a request: only those that are meant.
    for (const [, request = ""] of page.matchAll(/^[.'](\S*)/gm)) {
      assert.ok(["TH", "SH", "TP", "PP", "B", "BR", "br"].includes(request), request);
    }
  }
});

async function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function must(program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}\n${stderr}`);
  return stdout;
}

/** What a package manager is asked for, in a root of its own. */
interface Manager {
  readonly prepare: (root: string) => Promise<void>;
  /** Also upgrades. The platform may be another one than this machine's. */
  readonly install: (root: string, file: string) => Promise<unknown>;
  readonly version: (root: string) => Promise<string>;
  readonly maintainer: (root: string) => Promise<string>;
  readonly files: (root: string) => Promise<string>;
  /** What differs from the package; empty: nothing. */
  readonly verify: (root: string) => Promise<string>;
  /** Scripts that run at installation, upgrade or removal; empty: none. */
  readonly scripts: (file: string) => Promise<string>;
  readonly remove: (root: string) => Promise<unknown>;
}

/** The C library is not in the root: dependencies are named by the package, and not looked for. */
const MANAGERS: Readonly<Record<Format, Manager>> = {
  deb: {
    prepare: async (root) => {
      for (const directory of ["info", "updates", "triggers"]) {
        await Deno.mkdir(`${root}/var/lib/dpkg/${directory}`, { recursive: true });
      }
      await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, "");
    },
    install: (root, file) =>
      must("dpkg", ...dpkg(root), "--force-depends", "--force-architecture", "--install", file),
    version: (root) => must("dpkg-query", `--root=${root}`, "-W", "-f", "${Version}", NAME),
    maintainer: (root) => must("dpkg-query", `--root=${root}`, "-W", "-f", "${Maintainer}", NAME),
    files: (root) => must("dpkg-query", `--root=${root}`, "--listfiles", NAME),
    verify: (root) => run("dpkg", [`--root=${root}`, "--verify", NAME]).then(all),
    scripts: async (file) => {
      const directory = await Deno.makeTempDir();
      try {
        await must("dpkg-deb", "--control", file, directory);
        const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
        return names.filter((name) => !["control", "md5sums"].includes(name)).join(" ");
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
    remove: (root) => must("dpkg", ...dpkg(root), "--remove", NAME),
  },
  rpm: {
    prepare: (root) => must("rpm", ...rpm(root), "--initdb").then(() => {}),
    install: (root, file) =>
      must("rpm", ...rpm(root), "--nodeps", "--nosignature", "--ignorearch", "--upgrade", file),
    version: (root) => must("rpm", ...rpm(root), "-q", "--qf", "%{VERSION}-%{RELEASE}", NAME),
    maintainer: (root) => must("rpm", ...rpm(root), "-q", "--qf", "%{PACKAGER}", NAME),
    files: (root) => must("rpm", ...rpm(root), "-ql", NAME),
    // It fails where something differs.
    verify: (root) => run("rpm", [...rpm(root), "--nodeps", "--verify", NAME]).then(all),
    scripts: (file) => must("rpm", "--nosignature", "-qp", "--scripts", "--triggers", file),
    remove: (root) => must("rpm", ...rpm(root), "--nodeps", "--erase", NAME),
  },
};

function all({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  // Debian's rpm says at each call that Debian has another package manager.
  return stdout + stderr.replaceAll(/^rpm: (?:RPM should not be used|However assuming).*\n/gm, "");
}

function dpkg(root: string): string[] {
  return [`--root=${root}`, "--force-not-root", "--force-script-chrootless", "--log=/dev/null"];
}

function rpm(root: string): string[] {
  return ["--root", root, "--dbpath", "/var/lib/rpm"];
}

/** What is below a directory, without what package managers keep. */
async function filesBelow(root: string): Promise<string[]> {
  const found = await must(
    "find",
    root,
    "-path",
    `${root}/var`,
    "-prune",
    "-o",
    "-type",
    "f",
    "-print",
  );
  return found.split("\n").filter((line) => line !== "");
}

async function isThere(program: string): Promise<boolean> {
  return (await run("/bin/sh", ["-c", `command -v ${program}`])).code === 0;
}

/** The site's settings of the page about a fleet. */
const SITE = `${PROJECT}/fixtures/settings/site.jsonc`;

async function readSite(): Promise<Settings> {
  return applySettingsFile(DEFAULT_SETTINGS, await Deno.readTextFile(SITE), SITE);
}

const SUITE = "packages";
const wanted = share(0, 1) === 1 && Deno.build.target === TARGET;

/** The emulator of the other platform, and that platform's C library, where Debian puts them. */
const EMULATOR = ["/usr/bin/qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"] as const;

Deno.test({
  name:
    "packages are the same twice, and are installed, found by doctor, bound, upgraded and removed",
  ignore: !wanted,
  fn: async (test) => {
    const work = await Deno.makeTempDir();
    const make = (name: string, options: { revision: number; settings?: Settings }) =>
      makePackages({
        ...options,
        out: `${work}/${name}`,
        maintainer: FACTS.maintainer,
        onMissing: (target, reason) => {
          if (target === TARGET) throw new BuildError(`${target}: ${reason}`);
          leaveOut(`${target}`, reason.split("\n")[0] ?? "");
        },
      });
    try {
      const first = await make("first", { revision: 1 });
      // Those of a site, twice: once as the page has it.
      const newer = await make("newer", { revision: 2, settings: await readSite() });
      const again = `${work}/again`;
      await must(
        Deno.execPath(),
        ...["run", "--allow-all", `${PROJECT}/scripts/package.ts`, "--settings", SITE],
        ...["--revision", "2", "--maintainer", FACTS.maintainer, "--out", again],
      );
      await test.step("the same commit and settings give the same bytes, others do not", async () => {
        const [sums = [], own = [], others = []] = await Promise.all(
          [newer, again, first].map(async (directory) =>
            (await Deno.readTextFile(`${directory}/SHA256SUMS`)).trim().split("\n")
          ),
        );
        assert.ok(sums.length >= FORMATS.length);
        assert.deepEqual(own, sums);
        const hash = (line: string) => line.split(" ")[0];
        assert.ok(!others.some((line) => sums.map(hash).includes(hash(line))));
      });
      for (const format of FORMATS) {
        if (!await isThere(format === "deb" ? "dpkg" : "rpm")) {
          leaveOut(format, `apt-get install ${format === "deb" ? "dpkg" : "rpm"}`);
          continue;
        }
        for (const target of TARGETS) {
          const files = await Promise.all(
            [first, newer].map((directory) => findPackage(directory, format, target)),
          );
          const [file, next] = files;
          if (file === undefined || next === undefined) continue;
          await test.step(`${format}, ${target}`, () =>
            useManager({ format, target, file, next, root: `${work}/${format}-${target}` }));
          report({ suite: SUITE, cases: 1 });
        }
      }
      if (!await isThere("buildah") || !await isThere("rpm")) {
        leaveOut("Containerfile", "apt-get install buildah rpm");
        return;
      }
      if (Deno.uid() !== 0) {
        leaveOut("Containerfile", "it is built as root");
        return;
      }
      await test.step("the Containerfile makes an image of it", () =>
        useContainerfile(first, work));
      report({ suite: SUITE, cases: 1 });
    } finally {
      await Deno.remove(work, { recursive: true });
    }
  },
});

function leaveOut(what: string, why: string): void {
  report({ suite: `${SUITE}: ${what} LEFT OUT: ${why}`, cases: 0 });
}

/** The package of a platform, whose name each format has its own word for. */
async function findPackage(
  directory: string,
  format: Format,
  target: typeof TARGETS[number],
): Promise<string | undefined> {
  const isOwn = target === TARGET;
  const word = format === "deb" ? (isOwn ? "amd64" : "arm64") : (isOwn ? "x86_64" : "aarch64");
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  const name = names.find((name) => name.endsWith(`${word}.${format}`));
  return name && `${directory}/${name}`;
}

/** A package, the one that replaces it, and the root that they are put into. */
interface Installation {
  readonly format: Format;
  readonly target: typeof TARGETS[number];
  readonly file: string;
  readonly next: string;
  readonly root: string;
}

/** The way of a package in a root of its own. */
async function useManager({ format, target, file, next, root }: Installation): Promise<void> {
  const manager = MANAGERS[format];
  assert.equal((await manager.scripts(file)).trim(), "");
  await Deno.mkdir(root);
  await manager.prepare(root);

  await manager.install(root, file);
  assert.equal(await manager.version(root), `${VERSION}-1`);
  assert.equal(await manager.maintainer(root), FACTS.maintainer);
  const listed = (await manager.files(root)).split("\n");
  for (const { path } of await packagedFiles({ format, ...PLACES })) {
    assert.ok(listed.includes(path), path);
    assert.ok((await Deno.stat(root + path)).isFile, path);
  }
  assert.equal((await manager.verify(root)).trim(), "");
  assert.equal(((await Deno.stat(root + PLUGIN)).mode ?? 0) & 0o7777, 0o755);

  await Deno.mkdir(`${root}/etc/kubernetes`, { recursive: true });
  await Deno.copyFile(
    `${root}${DOCUMENTATION}/examples/kubernetes/credential-provider-config.yaml`,
    `${root}/etc/kubernetes/credential-provider-config.yaml`,
  );
  const call = await callOf(target);
  if (call !== undefined) {
    for (const program of [TOOL, PLUGIN]) {
      assert.match(
        await must(...call(root + program), "--version"),
        new RegExp(`^platform: +linux/${target.split("-")[0]}$`, "m"),
      );
    }
  }
  // The tool of the package, which finds the plugin of the package; where it cannot run, that of the tests.
  const doctor = ["doctor", "--root", root];
  const { stdout: findings } = target === TARGET
    ? await run(root + TOOL, doctor)
    : await runCtlWith(doctor);
  assert.match(findings, /^ok +provider-config .*credential-provider-config\.yaml/m);
  assert.match(findings, /^ok +provider-directory .* has the 1 executable of the configuration$/m);
  assert.match(findings, /^ok +sandbox .*crio-credential-provider/m);

  if (target === TARGET) {
    await bindAsContainerfile(root);
    assert.match(await manager.verify(root), /crio-credential-ctl/);
  }

  await manager.install(root, next);
  assert.equal(await manager.version(root), `${VERSION}-2`);
  // Bound executables are replaced by those of the package. These have the site's settings already.
  assert.equal((await manager.verify(root)).trim(), "");
  const site = await readSite();
  for (const program of [PLUGIN, TOOL]) {
    // A tool shows what is of its own version, which that of the tests is not.
    const { settings } = target === TARGET
      ? JSON.parse(await must(root + TOOL, "bind", "--show", root + program))
      : await readBindable(await Deno.readFile(root + program), VERSION);
    assert.deepEqual(settings, site);
  }
  const manual = (await Deno.open(`${root}/usr/share/man/man8/${NAME}.8.gz`)).readable
    .pipeThrough(new DecompressionStream("gzip"));
  assert.match(await new Response(manual).text(), /Default: 20s\./);

  await manager.remove(root);
  assert.deepEqual(await filesBelow(root), [
    `${root}/etc/kubernetes/credential-provider-config.yaml`,
  ]);
  for (const path of [DOCUMENTATION, PLUGIN.replace(/\/[^/]*$/, "")]) {
    await assert.rejects(Deno.stat(root + path), Deno.errors.NotFound);
  }
}

/** How a program of a platform is called here; `undefined`: it cannot be. */
async function callOf(
  target: typeof TARGETS[number],
): Promise<((program: string) => [string, ...string[]]) | undefined> {
  if (target === TARGET) return (program) => [program];
  const [emulator, option, libraries] = EMULATOR;
  for (const path of [emulator, libraries]) {
    if (await Deno.stat(path).then(() => true, () => false)) continue;
    leaveOut(`--version of ${target}`, "apt-get install qemu-user libc6-arm64-cross");
    return undefined;
  }
  return (program) => [emulator, option, libraries, program];
}

/** The commands of the Containerfile that are this project's. */
async function containerfileCommands(): Promise<string[]> {
  const text = await Deno.readTextFile(CONTAINERFILE);
  assert.ok(text.includes(`ARG PLUGIN=${PLUGIN}\n`));
  return [...text.matchAll(/^ +(crio-credential-ctl .*?) && \\$/gm)].map(([, line = ""]) => line);
}

/** Runs those commands in a root of its own. */
async function bindAsContainerfile(root: string): Promise<void> {
  const commands = (await containerfileCommands()).map((line) =>
    line.replaceAll("${PLUGIN}", root + PLUGIN).replaceAll(" /usr/bin/", ` ${root}/usr/bin/`)
      .replaceAll("${APISERVER}", "api.example.com:6443").split(" ")
  );
  assert.deepEqual(commands.map(([, command]) => command), ["bind", "bind", "audit", "audit"]);
  for (const [, ...words] of commands) {
    const printed = await must(root + TOOL, ...words);
    assert.match(printed, /api\.example\.com:6443/);
  }
}

/**
 * Builds the image of the Containerfile, on a base in which scripts play `rpm-ostree` and `ostree`, and
 * looks at what is in it.
 *
 * @param packages directory of the packages, those of both platforms and formats.
 */
async function useContainerfile(packages: string, work: string): Promise<void> {
  await using buildah = await Buildah.start();
  const context = `${work}/context`;
  await must("cp", "-r", packages, context);
  await Deno.copyFile(CONTAINERFILE, `${context}/Containerfile`);
  const base = ["--build-arg", `BASE=${await buildah.makeBase()}`];

  const without = await buildah.build(context, ...base);
  assert.notEqual(without.code, 0);
  assert.match(without.stderr + without.stdout, /--apiserver: its value is missing/);

  const arguments_ = [...base, "--build-arg", "APISERVER=api.example.com:6443"];
  const built = await buildah.build(context, ...arguments_, "--layers=false", "--tag", "node");
  assert.equal(built.code, 0, built.stderr);
  assert.equal(built.stdout.match(/^Result: just what the policy says\.$/gm)?.length, 2);
  const container = await buildah.must("from", "localhost/node");
  const inside = (...words: readonly string[]) =>
    buildah.must("run", "--isolation", "chroot", container, "--", ...words);
  assert.equal(
    await inside("stat", "--format", "%a %U:%G %n", PLUGIN, TOOL),
    `755 root:root ${PLUGIN}\n755 root:root ${TOOL}`,
  );
  assert.equal(await inside("ls", "-A", "/tmp"), "");
  assert.equal(await inside("rpm", "-q", "--qf", "%{VERSION} %{ARCH}", NAME), `${VERSION} x86_64`);
  const { settings } = JSON.parse(await inside(TOOL, "bind", "--show", PLUGIN));
  assert.equal(settings.apiserver, "https://api.example.com:6443");
  assert.match(await inside(PLUGIN, "--version"), /^version: +0\./m);
}
