import assert from "node:assert/strict";
import {
  makeAuthDirectory,
  otherWriters,
  refuseLinkedDirectory,
} from "../../src/auth/auth_directory.ts";

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
          `${path}: leads by a symbolic link to ${directory}/real/auth, where the plugin's ` +
          `sandbox does not reach; build with --auth-dir ${directory}/real/auth, or make ${path} ` +
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
      /link to \/dev\/shm, .*; make \/.*\/auth a directory: no build can write below \/dev\/$/,
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

const WRITERS: readonly [mode: number, group: number, writers: RegExp | undefined][] = [
  [0o700, 0, undefined],
  [0o755, 5, undefined],
  [0o775, 5, /^group 5, or by whom an access control list names$/],
  // With a list the bits of the group are its mask: acl(5).
  [0o770, 0, /^root's group, or by whom an access control list names$/],
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
