import assert from "node:assert/strict";
import { compile } from "../../scripts/compile.ts";
import { bundleFiles } from "../../scripts/support/bundle.ts";
import { Cluster, IMAGE, request } from "../support/cluster.ts";
import { buildExecutable, formUnderTest } from "../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";
import { tempNode } from "../support/temp_node.ts";

/** Where the runtime of a compiled executable would keep compiled code (Deno 2.9, cli/rt). */
function cacheFile(directory: string, executable: string): string {
  return `${directory}/deno-compile-${executable.split("/").at(-1)}.cache`;
}

/**
 * A cache as it comes from a build that has one, by running that until it is there: the runtime writes
 * it beside the program.
 */
async function realCache({ node, token }: Cluster): Promise<Uint8Array<ArrayBuffer>> {
  const executable = await compile({
    settings: node.settings,
    out: node.path("cached"),
    program: await bundleFiles("crio-credential-provider", node.settings),
    changeCall: (args) => args.filter((arg) => arg !== "--no-code-cache"),
    isLeftAsMade: true,
  });
  const directory = node.path("cached/tmp");
  await Deno.mkdir(directory, { recursive: true });
  const env = { ...PLUGIN_ENV, TMPDIR: directory };
  const file = cacheFile(directory, executable);
  for (let runs = 0; runs < 30 && await look(file) === undefined; runs++) {
    await runPlugin(executable, { stdin: request(IMAGE, token), env });
  }
  return await Deno.readFile(file);
}

/** What somebody planted under the name of the cache; each makes what must not be read. */
const PLANTED: readonly [name: string, plant: (path: string, cluster: Cluster) => Promise<void>][] =
  [
    ["nothing", () => Promise.resolve()],
    ["garbage", (path) => Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(4096)))],
    ["a cache of a build that has one", async (path, cluster) => {
      await Deno.writeFile(path, await realCache(cluster));
    }],
    // Who opens it waits for a writer.
    ["a pipe", async (path) => {
      const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
      assert.ok(success);
    }],
  ];

if (await formUnderTest() === "compiled") {
  for (const [name, plant] of PLANTED) {
    Deno.test(`a run has no use for ${name} under the name of a cache of compiled code`, async () => {
      await using cluster = await Cluster.start({ settings: {} });
      const { node } = cluster;
      const built = await buildExecutable(node.settings, node.path("bin"));
      // A name of its own, since the directory without TMPDIR is everybody's.
      const executable = `${built}-${crypto.randomUUID()}`;
      await Deno.rename(built, executable);
      const own = node.path("tmp");
      await Deno.mkdir(own);
      const run = { stdin: request(IMAGE, cluster.token), timeout: 20_000 };
      for (
        const [directory, env] of [
          [own, { ...PLUGIN_ENV, TMPDIR: own }],
          ["/tmp", PLUGIN_ENV],
        ] as const
      ) {
        const file = cacheFile(directory, executable);
        try {
          await plant(file, cluster);
          const before = await look(file);
          for (let runs = 0; runs < 3; runs++) {
            const { code, stdout, stderr } = await runPlugin(executable, { ...run, env });
            assert.equal(code, 0, stderr);
            assert.match(stdout, /"kind":"CredentialProviderResponse"/);
            assert.match(stderr, /wrote the auth file/);
          }
          assert.deepEqual(await look(file), before);
          const left = (await Array.fromAsync(Deno.readDir(own))).map(({ name }) => name);
          assert.deepEqual(left.filter((name) => !file.endsWith(`/${name}`)), []);
        } finally {
          await Deno.remove(file).catch(() => {});
        }
      }
    });
  }

  Deno.test("a run needs no directory for temporary files", async () => {
    await using node = await tempNode({ settings: {} });
    const executable = await buildExecutable(node.settings, node.path("bin"));
    for (const TMPDIR of ["/nonexistent", "/proc", "/dev/null"]) {
      const env = { ...PLUGIN_ENV, TMPDIR };
      const { code, stderr } = await runPlugin(executable, { args: ["--version"], env });
      assert.deepEqual([code, stderr], [0, ""]);
    }
  });
}

/** Size and times of what is there; `undefined`: nothing. */
async function look(path: string): Promise<unknown> {
  try {
    const { size, mtime, isFile } = await Deno.lstat(path);
    return { size, mtime, isFile };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
