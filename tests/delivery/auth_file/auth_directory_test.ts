import assert from "node:assert/strict";
import {
  makeAuthDirectory,
  otherWriters,
  refuseLinkedDirectory,
  refuseUnsafeDirectory,
} from "../../../src/delivery/auth_file/auth_directory.ts";

async function withDirectory(check: (directory: string) => void | Promise<void>) {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await check(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a directory that is reached by a link is refused with where it leads and how to build", async () => {
  await withDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/real/auth`, { recursive: true });
    await Deno.symlink("real", `${directory}/link`);
    await Deno.symlink("real/auth", `${directory}/auth`);
    for (const path of [`${directory}/auth`, `${directory}/link/auth`]) {
      assert.throws(() => refuseLinkedDirectory(path), {
        message:
          `${path}: leads through a symbolic link to ${directory}/real/auth, outside of the ` +
          `plugin's sandbox; bind or build it with --auth-dir ${directory}/real/auth, or make ${path} ` +
          "a directory",
      });
    }
  });
});

Deno.test("a link to where no build can write has another advice", async () => {
  await withDirectory(async (directory) => {
    await Deno.symlink("/dev/shm", `${directory}/auth`);
    assert.throws(
      () => refuseLinkedDirectory(`${directory}/auth`),
      /link to \/dev\/shm, .*; make \/.*\/auth a directory: no build can write below \/dev$/,
    );
  });
});

Deno.test("a directory that is no link is none, and so is one that is not there", async () => {
  await withDirectory((directory) => {
    refuseLinkedDirectory(directory);
    refuseLinkedDirectory(`${directory}/none`);
  });
});

Deno.test("a directory that cannot be made is an error that says so", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/file`, "");
    assert.throws(
      () => makeAuthDirectory(`${directory}/file/auth`),
      /\/file\/auth: cannot create the directory: Not a directory \(os error 20\)$/,
    );
    makeAuthDirectory(`${directory}/auth`);
    makeAuthDirectory(`${directory}/auth`);
    assert.equal(((await Deno.stat(`${directory}/auth`)).mode ?? 0) & 0o777, 0o700);
  });
});

const NO_DIRECTORY: readonly [what: string, make: (path: string) => Promise<void>, said: RegExp][] =
  [
    [
      "a file",
      (path) => Deno.writeTextFile(path, ""),
      /something other than a directory is there; remove it, and /,
    ],
    [
      "a link to nothing",
      (path) => Deno.symlink("none", path),
      /a symbolic link to none, which is not a directory, is there; remove it/,
    ],
    [
      "a link to itself",
      (path) => Deno.symlink("auth", path),
      /a symbolic link to auth, which is no/,
    ],
  ];

for (const [what, make, said] of NO_DIRECTORY) {
  Deno.test(`${what} in the place of the directory is named`, async () => {
    await withDirectory(async (directory) => {
      await make(`${directory}/auth`);
      assert.throws(() => makeAuthDirectory(`${directory}/auth`), (thrown: Error) => {
        assert.match(thrown.message, /\/auth: cannot create the directory: /);
        assert.match(thrown.message, said);
        return true;
      });
    });
  });
}

const OPEN: readonly [who: string, mode: number, group: number, error: RegExp][] = [
  ["everyone", 0o777, 0, /can be written to by everyone; make it private: chmod 0700 \//],
  ["everyone, though sticky", 0o1777, 0, /can be written to by everyone; make it private/],
  [
    "another group",
    0o770,
    65534,
    /can be written to by group 65534, or users whom an access control/,
  ],
  // An access control list shows so, too: its mask stands where the group's bits do.
  [
    "root's group, or a list",
    0o770,
    0,
    /can be written to by root's group, or users whom an access/,
  ],
];

for (const [who, mode, group, error] of OPEN) {
  Deno.test({
    name: `a directory that is open to ${who} is refused`,
    // Only root may give a directory to another group.
    ignore: Deno.uid() !== 0,
    fn: async () => {
      await withDirectory(async (directory) => {
        await Deno.chown(directory, 0, group);
        await Deno.chmod(directory, mode);
        assert.throws(() => refuseUnsafeDirectory(directory, 0), error);
      });
    },
  });
}

Deno.test({
  name: "a directory that others may read is none of these",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await withDirectory(async (directory) => {
      await Deno.chown(directory, 0, 65534);
      await Deno.chmod(directory, 0o755);
      refuseUnsafeDirectory(directory, 0);
    });
  },
});

const WRITERS: readonly [mode: number, group: number, writers: RegExp | undefined][] = [
  [0o700, 0, undefined],
  [0o755, 5, undefined],
  [0o775, 5, /^group 5, or users whom an access control list names$/],
  // With a list the bits of the group are its mask: acl(5).
  [0o770, 0, /^root's group, or users whom an access control list names$/],
  [0o702, 0, /^everyone$/],
  [0o777, 5, /^everyone$/],
];

for (const [mode, group, writers] of WRITERS) {
  const name = `who but its owner can write to a directory of mode ${mode.toString(8)}`;
  Deno.test(`${name} and group ${group} is known`, () => {
    const found = otherWriters(mode, group);
    if (writers === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", writers);
  });
}
