import assert from "node:assert/strict";
import { removeStaleFiles } from "../../../src/delivery/auth_file/stale_files.ts";

const HASH = "7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5";
const NOW = Date.now();
const HOUR = 3_600_000;

const CASES: readonly [name: string, file: string, age: number, stays: boolean][] = [
  ["an auth file older than the limit is removed", `default-${HASH}.json`, 2 * HOUR, false],
  ["a temporary file of a killed run is removed", ".auth-0123456789abcdef.tmp", 2 * HOUR, false],
  ["an auth file that a pull may still wait for stays", `default-${HASH}.json`, HOUR / 2, true],
  [
    "a file from before the clock was set back is removed",
    `default-${HASH}.json`,
    -2 * HOUR,
    false,
  ],
  ["a file dated a little ahead stays", `default-${HASH}.json`, -HOUR / 2, true],
  ["a file of another name stays", "config.json", 2 * HOUR, true],
  ["a file whose hash is too short stays", `default-${HASH.slice(1)}.json`, 2 * HOUR, true],
  ["a file whose namespace is none stays", `Default-${HASH}.json`, 2 * HOUR, true],
  ["a file that CRI-O has in use stays", `in-use/default-${HASH}.json`, 2 * HOUR, true],
];

for (const [name, file, age, stays] of CASES) {
  Deno.test(name, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${directory}/in-use`);
      await Deno.writeTextFile(`${directory}/${file}`, "{}");
      await Deno.utime(`${directory}/${file}`, new Date(NOW - age), new Date(NOW - age));
      assert.equal(removeStaleFiles(directory, HOUR, NOW), stays ? 0 : 1);
      const left = await Deno.lstat(`${directory}/${file}`).then(() => true, () => false);
      assert.equal(left, stays);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("a link under the name of an auth file is left alone, and so is what it points to", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const target = `${directory}/elsewhere`;
    await Deno.writeTextFile(target, "{}");
    await Deno.utime(target, new Date(0), new Date(0));
    await Deno.symlink(target, `${directory}/default-${HASH}.json`);
    assert.equal(removeStaleFiles(directory, HOUR, NOW), 0);
    await Deno.lstat(target);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a directory that is not there holds no stale files", () => {
  assert.equal(removeStaleFiles("/nonexistent/auth", HOUR, NOW), 0);
});

Deno.test("an age of 0 keeps every file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/default-${HASH}.json`;
    await Deno.writeTextFile(path, "{}");
    await Deno.utime(path, new Date(0), new Date(0));
    assert.equal(removeStaleFiles(directory, 0, NOW), 0);
    await Deno.lstat(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
