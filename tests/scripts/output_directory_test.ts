import assert from "node:assert/strict";
import { BuildError } from "../../scripts/support/bundle.ts";
import { makeDirectory } from "../../scripts/support/output_directory.ts";

const isOwn = (name: string) => name.startsWith("own-");

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
}

async function inDirectory(action: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await action(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const writeTwo = async (out: string) => {
  await Deno.writeTextFile(`${out}/own-1`, "new");
  await Deno.writeTextFile(`${out}/own-2`, "new");
};

Deno.test("a directory gets the files of one run, in the place of those of an earlier one", async () => {
  await inDirectory(async (directory) => {
    const out = `${directory}/deep/out/`;
    assert.equal(await makeDirectory(out, isOwn, writeTwo), out);
    assert.deepEqual(await names(out), ["own-1", "own-2"]);
    await makeDirectory(out, isOwn, (work) => Deno.writeTextFile(`${work}/own-3`, "newer"));
    assert.deepEqual(await names(out), ["own-3"]);
    assert.deepEqual(await names(`${directory}/deep`), ["out"]);
  });
});

Deno.test("a directory with anything else in it is refused before a file is made, and keeps all", async () => {
  await inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/own-1`, "old");
    const before = ["own-1", "own-directory"];
    await Deno.mkdir(`${directory}/own-directory`);
    let isMade = false;
    const make = () => {
      isMade = true;
      return Promise.resolve();
    };
    await assert.rejects(makeDirectory(directory, isOwn, make), (error) => {
      assert.ok(error instanceof BuildError);
      assert.match(
        error.message,
        /has "own-directory" in it, which no earlier run made; name a dir/,
      );
      return true;
    });
    await assert.rejects(
      makeDirectory(`${directory}/own-1`, isOwn, make),
      /own-1: is not a directory; name one with --out/,
    );
    assert.equal(isMade, false);
    assert.deepEqual(await names(directory), before);
  });
});

Deno.test("a run that fails leaves the directory as it was", async () => {
  await inDirectory(async (directory) => {
    const out = `${directory}/out`;
    await makeDirectory(out, isOwn, writeTwo);
    const fail = async (work: string) => {
      await Deno.writeTextFile(`${work}/own-1`, "newer");
      throw new BuildError("no");
    };
    await assert.rejects(makeDirectory(out, isOwn, fail), /^BuildError: no$/);
    assert.deepEqual(await names(directory), ["out"]);
    assert.deepEqual(await names(out), ["own-1", "own-2"]);
    assert.equal(await Deno.readTextFile(`${out}/own-1`), "new");
  });
});

Deno.test("the working directory itself can be named", async () => {
  await inDirectory(async (directory) => {
    const before = Deno.cwd();
    Deno.chdir(directory);
    try {
      await makeDirectory(".", isOwn, writeTwo);
      await makeDirectory("./", isOwn, writeTwo);
      await makeDirectory("new", isOwn, writeTwo);
    } finally {
      Deno.chdir(before);
    }
    assert.deepEqual(await names(directory), ["new", "own-1", "own-2"]);
  });
});
