/** `bind` as people run it: the built tool, with its own sandbox, on a plugin that the build made. */

import assert from "node:assert/strict";
import { compile } from "../../scripts/compile.ts";
import { formatProgram, parseProgram } from "../../src/executable/program.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { bundleFiles } from "../../scripts/support/bundle.ts";
import { AUTH, Cluster } from "../support/cluster.ts";
import { buildTool, formUnderTest } from "../support/executable.ts";
import { runPlugin } from "../support/plugin.ts";
import { PrivateFileSystem } from "../support/private_file_system.ts";
import { siteFile } from "../support/site_file.ts";

const COMPILED = await formUnderTest() === "compiled";

/** A directory with the tool and a release of the plugin, whose runtime part may be any file. */
async function makePlace(runtime?: string) {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  const tool = await buildTool(DEFAULT_SETTINGS, `${directory}/tool`);
  const made = await compile({ out: `${directory}/release`, ...(runtime && { runtime }) });
  return {
    tool,
    release: made,
    path: (name: string) => `${directory}/${name}`,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test("the built tool binds a release, byte for byte as a build with the same settings makes it", async () => {
  await using place = await makePlace("/bin/true");
  const settings = {
    ...DEFAULT_SETTINGS,
    apiserver: "https://api.example.com:6443",
    timeout: 20_000,
  };
  await Deno.writeTextFile(place.path("site.jsonc"), siteFile(settings));
  // Also by names that are relative to the working directory.
  for (const [index, at] of ["", `${place.path("")}`].entries()) {
    const { code, stderr } = await runPlugin(place.tool, {
      args: [
        ...["bind", `${at}release/crio-credential-provider`, "--out", `${at}bound-${index}`],
        ...["--settings", `${at}site.jsonc`],
      ],
      cwd: place.path(""),
    });
    assert.deepEqual([code, stderr], [0, ""]);
    const built = await compile({ out: place.path("built"), runtime: "/bin/true", settings });
    const [bound, expected] = [place.path(`bound-${index}`), built].map((p) =>
      Deno.readFileSync(p)
    );
    assert.deepEqual(bound, expected);
  }
  const inPlace = await runPlugin(place.tool, {
    args: ["bind", place.path("bound-0"), "--in-place"],
  });
  assert.equal(inPlace.code, 0, inPlace.stderr);
  assert.deepEqual(await Deno.readFile(place.path("bound-0")), await Deno.readFile(place.release));
  const audit = await runPlugin(place.tool, { args: ["audit", place.path("bound-1")] });
  assert.deepEqual([audit.code, audit.stderr], [0, ""]);
});

Deno.test("two builds of the compiled form give the same bytes, whenever and wherever they are made", async () => {
  await using first = await makePlace("/bin/true");
  await using second = await makePlace("/bin/true");
  assert.deepEqual(await Deno.readFile(first.release), await Deno.readFile(second.release));
});

Deno.test("the executables carry the hash of the runtime they were built with", async () => {
  await using place = await makePlace("/bin/true");
  const { stdout } = await runPlugin(place.tool, { args: ["audit", "--json", place.release] });
  const { executable } = JSON.parse(stdout);
  assert.match(executable.runtimeSha256, /^[0-9a-f]{64}$/);
  // The program is the same in both forms, but for what the build says of the runtime.
  const { entry } = await bundleFiles("crio-credential-provider", DEFAULT_SETTINGS);
  const { build, bundle } = parseProgram(entry);
  assert.equal(executable.bundleSha256, build.facts.bundleSha256);
  assert.equal(formatProgram(build, bundle), entry);
});

Deno.test({
  name: "a full disk is an error, after which nothing new is left and what was there is there",
  ignore: !await PrivateFileSystem.isPossible(),
  fn: async (test) => {
    await using place = await makePlace("/bin/true");
    const release = await Deno.readFile(place.release);
    const small = place.path("small");
    await Deno.mkdir(small);
    const plugin = `${small}/crio-credential-provider`;
    const mirror = ["--mirror", "docker.io=mirror.example.com/hub", "--audience", "a"];
    const cases: readonly {
      readonly name: string;
      /** Of the file system, in bytes. */
      readonly size: number;
      readonly args: readonly string[];
      /** What is at the plugin's place. */
      readonly old?: Uint8Array;
    }[] = [
      {
        name: "bind --out",
        size: 65_536,
        args: ["bind", place.release, "--out", plugin],
        old: new TextEncoder().encode("the old one"),
      },
      {
        // There is no room for a second one.
        name: "bind --in-place",
        size: release.length * 1.5,
        args: ["bind", plugin, "--in-place", "--apiserver", "api.example.com:6443"],
        old: release,
      },
      {
        name: "generate install",
        size: 65_536,
        args: [
          ...["generate", "install", "--release", place.release, "--out", `${small}/site`],
          ...mirror,
        ],
      },
    ];
    for (const { name, size, args, old } of cases) {
      await test.step(name, async () => {
        await using disk = await PrivateFileSystem.mount(small, `size=${Math.ceil(size)}`);
        if (old !== undefined) await Deno.writeFile(disk.seen(plugin), old);
        const [command, ...words] = disk.command;
        const { code, stdout, stderr } = await runPlugin(command, {
          args: [...words, place.tool, ...args],
        });
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /crio-credential-provider: cannot write: No space left on device/);
        const left = await Array.fromAsync(Deno.readDir(disk.seen(small)));
        const names = left.map(({ name }) => name);
        assert.deepEqual(names, old === undefined ? [] : ["crio-credential-provider"]);
        if (old !== undefined) assert.deepEqual(await Deno.readFile(disk.seen(plugin)), old);
      });
    }
  },
});

if (COMPILED) {
  Deno.test("a bound release pulls, and is what was compiled for that node", async () => {
    // A setting of containerd's is refused with --runtime crio.
    const { containerdHostsDir } = DEFAULT_SETTINGS;
    await using cluster = await Cluster.start({ settings: { containerdHostsDir } });
    await using place = await makePlace();
    const { node } = cluster;
    await Deno.writeTextFile(place.path("site.jsonc"), siteFile(node.settings));
    const { code, stderr } = await runPlugin(place.tool, {
      args: [
        ...["bind", place.release, "--out", place.path("bound")],
        ...["--settings", place.path("site.jsonc")],
      ],
    });
    assert.equal(code, 0, stderr);
    const [bound, built] = await Promise.all(
      [place.path("bound"), cluster.executable].map((path) => Deno.readFile(path)),
    );
    assert.equal(bound?.length, built?.length);
    assert.ok(bound?.every((byte, index) => byte === built?.[index]));
    const audit = await runPlugin(place.path("bound"), { args: ["audit", "--json"] });
    assert.equal(audit.code, 0, audit.stderr);
    assert.deepEqual(JSON.parse(audit.stdout).settings, node.settings);
    await Deno.copyFile(place.path("bound"), `${cluster.executable}.bound`);
    await Deno.rename(`${cluster.executable}.bound`, cluster.executable);
    const pull = await cluster.pull();
    assert.equal(pull.code, 0, pull.stderr);
    const [file] = await node.authDirEntries();
    assert.ok((await Deno.readTextFile(`${node.settings.authDir}/${file}`)).includes(AUTH));
  });
}
