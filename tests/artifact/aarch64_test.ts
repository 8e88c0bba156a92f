/**
 * The compiled form for aarch64, run on x86_64 by an emulator. Only in the long run: an emulated pull takes
 * some five seconds. On an aarch64 machine all tests judge that form.
 */

import assert from "node:assert/strict";
import { compile, compileCtl } from "../../scripts/compile.ts";
import { BuildError } from "../../scripts/support/bundle.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { AUTH, Cluster, IMAGE, request } from "../support/cluster.ts";
import { runPlugin } from "../support/plugin.ts";
import { share } from "../support/share.ts";
import { siteFile } from "../support/site_file.ts";
import { report } from "../support/summary.ts";

const TARGET = "aarch64-unknown-linux-gnu";

/** The emulator, and the C library of the platform, where Debian puts them. */
const EMULATOR = "/usr/bin/qemu-aarch64";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const PACKAGES = "qemu-user libc6-arm64-cross libgcc-s1-arm64-cross";

const SUITE = "aarch64, emulated";

/** Milliseconds for an emulated run, also on a machine that is busy. */
const TIMEOUT = 240_000;

/** Why it cannot be run here; `undefined` where it can. */
async function obstacle(): Promise<string | undefined> {
  for (const path of [EMULATOR, LIBRARIES]) {
    try {
      await Deno.stat(path);
    } catch {
      return `${path} is missing: apt-get install ${PACKAGES}`;
    }
  }
  const out = await Deno.makeTempDir();
  try {
    await compile({ out, target: TARGET, program: "" });
    return undefined;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return `no runtime part for it: DENORT_BIN_AARCH64 names one (${error.message.split("\n")[0]})`;
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** Puts a command in front of an executable. */
async function emulated(executable: string): Promise<string> {
  const path = `${executable}.sh`;
  await Deno.writeTextFile(
    path,
    `#!/bin/sh\nexec ${EMULATOR} -L ${LIBRARIES} ${executable} "$@"\n`,
  );
  await Deno.chmod(path, 0o755);
  return path;
}

/** Without the output of a difference of 100 MB. */
async function assertSameFile(path: string, expected: string): Promise<void> {
  const [left = [], right = []] = await Promise.all(
    [path, expected].map((name) => Deno.readFile(name)),
  );
  assert.equal(left.length, right.length);
  assert.ok(left.every((byte, index) => byte === right[index]), `${path} differs`);
}

const wanted = share(0, 1) === 1 && Deno.build.arch === "x86_64";
const missing = wanted ? await obstacle() : undefined;
if (missing !== undefined) report({ suite: `${SUITE}: LEFT OUT, ${missing}`, cases: 0 });

if (wanted) {
  Deno.test({
    name: missing === undefined
      ? "the aarch64 executable answers, audits itself, pulls, fails and binds as this machine's own does"
      : `the aarch64 executable is not run: ${missing}`,
    ignore: missing !== undefined,
    fn: async (test) => {
      // A setting of containerd's is refused with --runtime crio.
      const { containerdHostsDir } = DEFAULT_SETTINGS;
      await using cluster = await Cluster.start({ settings: { containerdHostsDir } });
      const { settings } = cluster.node;
      const own = await compile({ settings, out: cluster.node.path("own") });
      const foreign = await compile({
        settings,
        out: cluster.node.path("other"),
        target: TARGET,
      });
      const other = await emulated(foreign);
      const run = (args: readonly string[], stdin = "") =>
        runPlugin(other, { args: ["--timeout=55s", ...args], stdin, timeout: TIMEOUT });

      await test.step("--version", async () => {
        const { code, stdout } = await runPlugin(other, { args: ["--version"], timeout: TIMEOUT });
        assert.equal(code, 0);
        assert.match(stdout, /^platform: +linux\/aarch64\nform: +compiled$/m);
      });
      await test.step("audit", async () => {
        const args = ["audit", "--json"];
        const result = await runPlugin(other, { args, timeout: TIMEOUT });
        const expected = await runPlugin(own, { args });
        assert.deepEqual([result.code, result.stderr], [expected.code, expected.stderr]);
        for (const member of ["allow", "deny", "tried", "findings", "settings"]) {
          assert.deepEqual(JSON.parse(result.stdout)[member], JSON.parse(expected.stdout)[member]);
        }
      });
      await test.step("a pull", async () => {
        const { code, stdout, stderr } = await run([], request(IMAGE, cluster.token));
        assert.equal(code, 0, stderr);
        assert.equal(JSON.parse(stdout).kind, "CredentialProviderResponse");
        assert.deepEqual(await cluster.authFile(), { auths: { "localhost:5000": { auth: AUTH } } });
      });
      await test.step("an error", async () => {
        const { code, stdout, stderr } = await run([], "{");
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /^error: .*stdin: not valid JSON/);
      });

      // Either kind of machine binds for either.
      const site = cluster.node.path("site.jsonc");
      await Deno.writeTextFile(site, siteFile(settings));
      const bind = async (tool: string, release: string) => {
        const out = `${release}.bound`;
        const args = ["bind", release, "--out", out, "--settings", site];
        const { code, stderr } = await runPlugin(tool, { args, timeout: TIMEOUT });
        assert.deepEqual([code, stderr], [0, ""]);
        return out;
      };
      await test.step("this machine's tool binds the other platform's plugin", async () => {
        const tool = await compileCtl({ out: cluster.node.path("own-tool") });
        const release = await compile({ out: cluster.node.path("other-release"), target: TARGET });
        await assertSameFile(await bind(tool, release), foreign);
      });
      await test.step("the other platform's tool shows and binds this machine's plugin", async () => {
        const tool = await emulated(
          await compileCtl({ out: cluster.node.path("other-tool"), target: TARGET }),
        );
        const release = await compile({ out: cluster.node.path("own-release") });
        const args = ["bind", "--show", release];
        const { code, stdout, stderr } = await runPlugin(tool, { args, timeout: TIMEOUT });
        assert.deepEqual([code, stderr], [0, ""]);
        assert.deepEqual(JSON.parse(stdout).settings, DEFAULT_SETTINGS);
        await assertSameFile(await bind(tool, release), own);
      });
      report({ suite: SUITE, cases: 6 });
    },
  });
}
