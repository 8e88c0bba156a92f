import assert from "node:assert/strict";
import { assertCleanAfterNextRun, assertWholeFiles, grow, LONG_AGO } from "../support/auth_dir.ts";
import { AUTH, Cluster, IMAGE, request } from "../support/cluster.ts";
import { authFileName } from "../support/crio_consumer.ts";
import { type PluginResult, runPlugin } from "../support/plugin.ts";
import { PrivateFileSystem } from "../support/private_file_system.ts";
import { share } from "../support/share.ts";

const FIRST = { auths: { "localhost:5000": { auth: AUTH } } };
const NAME = await authFileName("default", IMAGE);

/** Pulls by way of another command, which gets the executable as its last argument. */
function pullBy(cluster: Cluster, [command, ...args]: readonly [string, ...string[]]) {
  const stdin = request(IMAGE, cluster.token);
  return runPlugin(command, { args: [...args, cluster.executable], stdin });
}

/** Pulls from a shell that runs some commands first. */
function pullAfter(cluster: Cluster, commands: string): Promise<PluginResult> {
  return pullBy(cluster, ["/bin/sh", "-c", `${commands}; exec "$0"`]);
}

function assertFailed({ code, signal, stdout, stderr }: PluginResult, error: RegExp): void {
  assert.match(stderr.trimEnd().split("\n").at(-1) ?? "", error);
  assert.deepEqual([code, signal, stdout], [1, null, ""]);
  assert.ok(!stderr.includes(AUTH));
}

function assertDone({ code, stdout, stderr }: PluginResult): void {
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).cacheDuration, "0s");
}

/** A cluster whose auth file is larger than a page, with the file of an earlier pull in place. */
async function clusterWithFile(): Promise<Cluster> {
  const cluster = await Cluster.start();
  assertDone(await cluster.pull());
  const large = { auth: AUTH, email: "x".repeat(40_000) };
  await cluster.node.writeGlobalAuthFile({ auths: { "large.example.com": large } });
  return cluster;
}

Deno.test("a file that may grow no more, as on a full disk or over quota, is not put in place", async () => {
  await using cluster = await clusterWithFile();
  for (const blocks of [0, 1, 8, 78]) {
    assertFailed(
      await pullAfter(cluster, `trap '' XFSZ; ulimit -f ${blocks}`),
      /^error: \/.*\/auth\/\.auth-[0-9a-f]{16}\.tmp: cannot write the auth file: File too large \(os error 27\)$/,
    );
    assert.deepEqual(await cluster.node.authDirEntries(), [NAME]);
    assert.deepEqual(await cluster.authFile(), FIRST);
  }
  await assertCleanAfterNextRun(cluster);
});

Deno.test("a run that the kernel ends for the size of its file leaves what the next run removes", async () => {
  await using cluster = await clusterWithFile();
  const { signal, stdout } = await pullAfter(cluster, "ulimit -f 8");
  assert.deepEqual([signal, stdout], ["SIGXFSZ", ""]);
  // The runtime's own cache may have been the first to grow too large.
  assert.ok((await assertWholeFiles(cluster.node.settings.authDir)).length <= 1);
  assert.deepEqual(await cluster.authFile(), FIRST);
  await assertCleanAfterNextRun(cluster);
});

/** Root may write everywhere, unless it gives that up. */
const WITHOUT_OVERRIDE: readonly [string, ...string[]] = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
  : ["env"];

for (
  const { where, directory, error } of [
    {
      where: "the auth directory",
      directory: "etc/crio/auth",
      error: /auth\/\.auth-\w+\.tmp: cannot write the auth file: permission denied$/,
    },
    {
      where: "the directory above one that is missing",
      directory: "etc/crio",
      error: /auth: cannot create the directory: permission denied$/,
    },
  ]
) {
  Deno.test(`without permission to write to ${where} there is an error and no file`, async () => {
    await using cluster = await Cluster.start();
    const closed = cluster.node.path(directory);
    await Deno.mkdir(closed, { recursive: true });
    await Deno.chmod(closed, 0o500);
    assertFailed(await pullBy(cluster, WITHOUT_OVERRIDE), error);
    assert.deepEqual(await cluster.node.authDirEntries(), []);
    await Deno.chmod(closed, 0o700);
    await assertCleanAfterNextRun(cluster);
  });
}

Deno.test("an auth directory that may not be listed is no reason to fail: only old files stay there", async () => {
  await using cluster = await clusterWithFile();
  const { authDir } = cluster.node.settings;
  await Deno.chmod(authDir, 0o300);
  const result = await pullBy(cluster, WITHOUT_OVERRIDE);
  assertDone(result);
  await Deno.chmod(authDir, 0o700);
  await assertCleanAfterNextRun(cluster);
});

Deno.test("an outdated file that may not be removed is an error", async () => {
  await using cluster = await clusterWithFile();
  const { node: { settings }, api } = cluster;
  await Deno.remove(settings.kubeletAuthFile);
  api.deleteSecret("default", "my-registry");
  await Deno.chmod(settings.authDir, 0o500);
  const error = /-[0-9a-f]{64}\.json: cannot remove the outdated auth file: permission denied$/;
  assertFailed(await pullBy(cluster, WITHOUT_OVERRIDE), error);
  await Deno.chmod(settings.authDir, 0o700);
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.node.authDirEntries(), []);
});

Deno.test("an auth directory that is removed while the API server answers is made anew", async () => {
  await using cluster = await clusterWithFile();
  const { authDir } = cluster.node.settings;
  cluster.api.respond = () => {
    Deno.removeSync(authDir, { recursive: true });
    return undefined;
  };
  assertDone(await cluster.pull());
  assert.equal(((await Deno.stat(authDir)).mode ?? 0) & 0o777, 0o700);
  assert.deepEqual(await assertWholeFiles(authDir), []);
});

Deno.test("an auth directory that is removed time and again fails a run at worst", async () => {
  await using cluster = await clusterWithFile();
  const { node: { settings: { authDir } }, api } = cluster;
  let removing = false;
  api.respond = () => {
    removing = true;
    return undefined;
  };
  for (let run = 0; run < share(6, 60); run++) {
    const remover = setInterval(() => {
      if (removing) removeIfThere(authDir);
    }, 1 + run % 5);
    const result = await cluster.pull().finally(() => clearInterval(remover));
    removing = false;
    if (result.code === 0) assertDone(result);
    else {
      const error =
        /^error: \/.*\/auth\b.*: cannot (?:create|write|put|flush) .*: No such file or dir/;
      assertFailed(result, error);
    }
    await assertWholeFiles(authDir);
  }
  await assertCleanAfterNextRun(cluster);
});

function removeIfThere(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch {
    // It is not there, or filled again while it was emptied.
  }
}

for (
  const { what, replace, error } of [
    {
      what: "a file",
      replace: (path: string) => Deno.writeTextFileSync(path, "x"),
      error:
        /^error: \/.*\/auth: cannot create the directory: something other than a directory is there; remove it/,
    },
    {
      what: "a link to nowhere",
      replace: (path: string) => Deno.symlinkSync(`${path}-no`, path),
      error:
        /\/auth: cannot create the directory: a symbolic link to \/.*\/auth-no, which is not a dir/,
    },
    {
      what: "a link to another directory",
      replace: (path: string) => {
        Deno.mkdirSync(`${path}-real`, { mode: 0o700 });
        Deno.symlinkSync("auth-real", path);
      },
      error:
        /\/auth: leads through a symbolic link to (\/.*\/auth-real), outside .*; bind or build it with --auth-dir \1, /,
    },
    {
      what: "a link to shared memory",
      replace: (path: string) => Deno.symlinkSync("/dev/shm", path),
      error:
        /\/auth: leads through a symbolic link to \/dev\/shm, .* no build can write below \/dev$/,
    },
  ]
) {
  Deno.test(`${what} that takes the auth directory's place during a run is named`, async () => {
    await using cluster = await clusterWithFile();
    const { authDir } = cluster.node.settings;
    cluster.api.respond = () => {
      Deno.removeSync(authDir, { recursive: true });
      replace(authDir);
      return undefined;
    };
    assertFailed(await cluster.pull(), error);
    const left = await Array.fromAsync(Deno.readDir(`${authDir}-real`)).catch(() => []);
    assert.deepEqual(left, []);
    cluster.api.respond = undefined;
    await Deno.remove(authDir);
    await assertCleanAfterNextRun(cluster);
  });
}

/** Opens a directory to another user by an access control list (acl(5)), in the kernel's own form. */
const OPEN_BY_LIST = `
import os, struct, sys
owner, user, group, mask, other = 1, 2, 4, 16, 32
entries = [(owner, 7, -1), (user, 7, 65534), (group, 0, -1), (mask, 7, -1), (other, 0, -1)]
packed = b"".join(struct.pack("<HHi", *entry) for entry in entries)
os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + packed)
`;

/** Whether the file system for temporary files knows access control lists. */
async function hasLists(): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  const { code } = await runPlugin("/usr/bin/python3", { args: ["-c", OPEN_BY_LIST, directory] });
  await Deno.remove(directory);
  return code === 0;
}

Deno.test({
  name: "an auth directory that a list opens to another user is refused, until its mode is private",
  ignore: !await hasLists(),
  fn: async () => {
    await using cluster = await clusterWithFile();
    const { authDir } = cluster.node.settings;
    await runPlugin("/usr/bin/python3", { args: ["-c", OPEN_BY_LIST, authDir] });
    assertFailed(
      await cluster.pull(),
      /\/auth: can be written to by .*an access control list names; make it private: chmod 0700 \//,
    );
    assert.deepEqual(await cluster.node.authDirEntries(), [NAME]);
    // As the message says.
    await Deno.chmod(authDir, 0o700);
    assertDone(await cluster.pull());
  },
});

/** Ways to hold a reader for ever, or at least to be no file. */
const NO_FILES: readonly [what: string, make: (path: string) => Promise<unknown>, said: RegExp][] =
  [
    ["a FIFO", (path) => runPlugin("/usr/bin/mkfifo", { args: [path] }), /a named pipe \(FIFO\)/],
    ["a socket", (path) => leaveSocket(path), /a socket/],
    ["a directory", (path) => Deno.mkdir(path), /a directory/],
    ["a link to a device that never ends", (path) => Deno.symlink("/dev/zero", path), /a device/],
    ["a link to a terminal", (path) => Deno.symlink("/dev/ptmx", path), /a device/],
  ];

/** Binds a socket and ends: its name stays. */
async function leaveSocket(path: string): Promise<void> {
  const code = "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
  const { code: status, stderr } = await runPlugin("/usr/bin/python3", {
    args: ["-c", code, path],
  });
  assert.equal(status, 0, stderr);
}

/** The files that a pull reads; two more are looked at below. */
const READ: readonly [what: string, path: (cluster: Cluster) => string][] = [
  ["the registries file", ({ node }) => node.settings.registriesConf[0] ?? ""],
  ["a drop-in", ({ node }) => `${node.settings.registriesConfDir[0]}/a.conf`],
  ["the global auth file", ({ node }) => node.settings.kubeletAuthFile],
  ["the CA file", ({ node }) => node.settings.caFile],
];

for (const [what, make, said] of NO_FILES) {
  Deno.test(`${what} in the place of any file that a pull reads is named, and holds up no run`, async (test) => {
    await using cluster = await Cluster.start();
    for (const [name, pathOf] of READ) {
      const path = pathOf(cluster);
      // A directory among the drop-ins is none of them, whatever its name (containers-registries.conf.d(5)).
      if (name === "a drop-in" && what === "a directory") continue;
      await test.step(name, async () => {
        const kept = await Deno.readTextFile(path).catch(() => undefined);
        if (kept !== undefined) await Deno.remove(path);
        await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
        await make(path);
        const begun = performance.now();
        const result = await cluster.pull({ args: ["--timeout", "20s"] });
        assert.ok(performance.now() - begun < 10_000, "the run was held up");
        assertFailed(result, new RegExp(`^error: ${path}: is ${said.source}, expected a file$`));
        await Deno.remove(path);
        if (kept !== undefined) await Deno.writeTextFile(path, kept);
      });
    }
  });
}

Deno.test("a FIFO in the place of the kubeconfig or of OpenShift's address holds up no run", async () => {
  await using cluster = await Cluster.start({ settings: { apiserver: "", caFile: "" } });
  const { node: { settings } } = cluster;
  for (const path of [settings.apiserverEnvFile, settings.kubeconfig[0] ?? ""]) {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await runPlugin("/usr/bin/mkfifo", { args: [path] });
    assertFailed(await cluster.pull(), new RegExp(`^error: ${path}: is a named pipe`));
    await Deno.remove(path);
  }
});

Deno.test("a drop-in that is masked by a link to /dev/null is an empty one", async () => {
  await using cluster = await Cluster.start();
  await Deno.symlink("/dev/null", `${cluster.node.settings.registriesConfDir[0]}/masked.conf`);
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.authFile(), FIRST);
});

Deno.test("without a mask files and directories are still for their owner alone", async () => {
  await using cluster = await Cluster.start();
  const { authDir } = cluster.node.settings;
  assertDone(await pullAfter(cluster, "umask 0"));
  for (const path of [authDir, cluster.node.path("etc/crio")]) {
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o700, path);
  }
  assert.deepEqual(await assertWholeFiles(authDir), []);
  assertFailed(
    await pullAfter(cluster, "umask 0; trap '' XFSZ; ulimit -f 0"),
    /cannot write the auth file: File too large/,
  );
  assert.deepEqual(await cluster.node.authDirEntries(), [NAME]);
});

Deno.test("a clock that was set back or ahead neither stops a pull nor keeps files for ever", async () => {
  await using cluster = await Cluster.start();
  const { authDir } = cluster.node.settings;
  const year = 365 * 24 * 3_600_000;
  const ages = { past: LONG_AGO, future: -LONG_AGO, farPast: 40 * year, farFuture: -10 * year };
  await Deno.mkdir(authDir, { recursive: true, mode: 0o700 });
  const stale = Object.values(ages).flatMap((age, index) => [
    [`.auth-${String(index).repeat(16)}.tmp`, age] as const,
    [`team-${String(index).repeat(64)}.json`, age] as const,
  ]);
  const fresh = [[`team-${"a".repeat(64)}.json`, -60_000], [
    ".auth-aaaaaaaaaaaaaaaa.tmp",
    60_000,
  ]] as const;
  for (const [name, age] of [...stale, ...fresh]) {
    await Deno.writeTextFile(`${authDir}/${name}`, "{}", { mode: 0o600 });
    await grow(`${authDir}/${name}`, age);
  }
  // The file that the pull replaces and those that the pull reads may be dated ahead, too.
  await Deno.writeTextFile(`${authDir}/${NAME}`, "{}");
  for (const path of [`${authDir}/${NAME}`, cluster.node.settings.caFile]) await grow(path, -year);
  assertDone(await cluster.pull());
  assert.deepEqual(await cluster.authFile(), FIRST);
  const left = [NAME, ...fresh.map(([name]) => name)];
  assert.deepEqual(await cluster.node.authDirEntries(), left.sort());
});

const mountable = await PrivateFileSystem.isPossible();

for (
  const { what, options, change, error } of [
    {
      what: "is full",
      options: "size=16k",
      change: undefined,
      error: /\.tmp: cannot write the auth file: No space left on device \(os error 28\)$/,
    },
    {
      what: "has no inode left for the directory",
      options: "nr_inodes=1",
      change: undefined,
      error: /auth: cannot create the directory: No space left on device \(os error 28\)$/,
    },
    {
      what: "has no inode left for the file",
      options: "nr_inodes=2",
      change: undefined,
      error: /\.tmp: cannot write the auth file: No space left on device \(os error 28\)$/,
    },
    {
      what: "is read-only",
      options: "size=1m",
      change: "ro",
      error: /auth: cannot create the directory: Read-only file system \(os error 30\)$/,
    },
  ]
) {
  Deno.test({
    name: `a file system that ${what} is an error that says so, until there is room again`,
    ignore: !mountable,
    fn: async () => {
      await using cluster = await clusterWithFile();
      const { authDir } = cluster.node.settings;
      await using fileSystem = await PrivateFileSystem.mount(
        cluster.node.path("etc/crio"),
        options,
      );
      if (change !== undefined) await fileSystem.remount(change);
      assertFailed(await pullBy(cluster, fileSystem.command), error);
      assert.deepEqual(await assertWholeFiles(fileSystem.seen(authDir)), []);
      await fileSystem.remount("rw,size=1m,nr_inodes=100");
      assertDone(await pullBy(cluster, fileSystem.command));
      assert.deepEqual(await assertWholeFiles(fileSystem.seen(authDir)), []);
      const text = await Deno.readTextFile(fileSystem.seen(`${authDir}/${NAME}`));
      assert.ok(text.length > 40_000);
    },
  });
}

/** Whether a tracer may make system calls fail here. */
async function isTraceable(): Promise<boolean> {
  try {
    const { code } = await runPlugin("/usr/bin/strace", { args: ["-o", "/dev/null", "/bin/true"] });
    return code === 0;
  } catch {
    return false;
  }
}

const traceable = await isTraceable();

for (
  const { call, failure, error } of [
    {
      call: "fsync",
      failure: "EDQUOT",
      error: /\.tmp: cannot write the auth file: Disk quota exceeded \(os error 122\)$/,
    },
    {
      call: "fsync",
      failure: "EIO",
      error: /\.tmp: cannot write the auth file: Input\/output error \(os error 5\)$/,
    },
    {
      call: "rename",
      failure: "EDQUOT",
      error: /\.json: cannot put the auth file in place: Disk quota exceeded \(os error 122\)$/,
    },
  ]
) {
  Deno.test({
    name:
      `${call} that fails with ${failure} is an error that says so, and nothing is put in place`,
    ignore: !traceable,
    fn: async () => {
      await using cluster = await clusterWithFile();
      const strace = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`];
      const inject = ["-e", `inject=${call}:error=${failure}`];
      assertFailed(await pullBy(cluster, ["/usr/bin/strace", ...strace, ...inject]), error);
      assert.deepEqual(await cluster.node.authDirEntries(), [NAME]);
      assert.deepEqual(await cluster.authFile(), FIRST);
      await assertCleanAfterNextRun(cluster);
    },
  });
}

for (const failure of ["EPERM", "EOPNOTSUPP", "EMLINK"]) {
  Deno.test({
    name: `where a hard link fails with ${failure} the file is renamed to its place`,
    ignore: !traceable,
    fn: async () => {
      await using cluster = await Cluster.start();
      const inject = `inject=linkat,link:error=${failure}`;
      const strace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=linkat,link", "-e", inject];
      assertDone(await pullBy(cluster, ["/usr/bin/strace", ...strace]));
      assert.deepEqual(await cluster.node.authDirEntries(), [NAME]);
      assert.ok(await cluster.authFile());
      await assertCleanAfterNextRun(cluster);
    },
  });
}
