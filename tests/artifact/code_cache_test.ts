import assert from "node:assert/strict";
import { compile } from "../../scripts/compile.ts";
import { bundleFiles } from "../../scripts/support/bundle.ts";
import { Cluster, IMAGE, MIRROR, request } from "../support/cluster.ts";
import { buildExecutable, formUnderTest } from "../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";
import { PrivateFileSystem } from "../support/private_file_system.ts";
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

/** A directory for temporary files, as a run finds it and as it is seen from here. */
interface Place {
  readonly directory: string;
  readonly seen: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the run is started with. */
  readonly command: readonly string[];
}

if (await formUnderTest() === "compiled") {
  const isPrivate = await PrivateFileSystem.isPossible();
  for (const [name, plant] of PLANTED) {
    Deno.test(`a run has no use for ${name} under the name of a cache of compiled code, and leaves nothing there`, async (test) => {
      await using cluster = await Cluster.start({ settings: {} });
      // The node's files are elsewhere than in /tmp, in the place of which the run finds an empty one.
      const root = await Deno.makeTempDir({ dir: "/var/tmp" });
      await using node = await tempNode({ apiServer: cluster.api, root });
      await node.writeRegistriesConf(MIRROR);
      const executable = await buildExecutable(node.settings, node.path("bin"));
      const own = node.path("tmp");
      await Deno.mkdir(own);
      await test.step("in the directory that TMPDIR names", async () => {
        await roundIn({ directory: own, seen: own, env: { TMPDIR: own }, command: [] });
      });
      await test.step({
        name: "in a /tmp that is empty but for that, without TMPDIR",
        // Mounted in a namespace of its own, which not every machine allows.
        ignore: !isPrivate,
        async fn() {
          await using empty = await PrivateFileSystem.mount("/tmp", "mode=1777");
          const seen = empty.seen("/tmp");
          assert.deepEqual(await namesIn(seen), []);
          await roundIn({ directory: "/tmp", seen, env: {}, command: empty.command });
        },
      });

      async function roundIn({ directory, seen, env, command }: Place): Promise<void> {
        const file = cacheFile(directory, executable).replace(directory, seen);
        await plant(file, cluster);
        const before = await look(file);
        const planted = await namesIn(seen);
        const [program = "", ...args] = [...command, executable];
        for (let runs = 0; runs < 3; runs++) {
          const { code, stdout, stderr } = await runPlugin(program, {
            args,
            stdin: request(IMAGE, cluster.token),
            env: { ...PLUGIN_ENV, ...env },
            timeout: 20_000,
          });
          assert.equal(code, 0, stderr);
          assert.match(stdout, /"kind":"CredentialProviderResponse"/);
          assert.match(stderr, /wrote the auth file/);
        }
        assert.deepEqual(await look(file), before);
        assert.deepEqual(await namesIn(seen), planted);
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

async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).toSorted();
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
