import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import { placeFile } from "../../src/executable/executable_file.ts";

const CHUNKS = [new Uint8Array([1, 2]), new Uint8Array([3])];

Deno.test("a file is put in place whole, with its mode, and nothing is put in the place of what is no file", async (test) => {
  const directory = await Deno.makeTempDir();
  const refused = (path: string, problem: RegExp) =>
    assert.throws(() => placeFile(path, CHUNKS, 0o755), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.match(thrown.message, problem);
      return true;
    });
  const names = () => Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
  try {
    await test.step("where nothing is, and where a file is", () => {
      for (let times = 0; times < 2; times++) placeFile(`${directory}/file`, CHUNKS, 0o751);
      assert.deepEqual(Deno.readFileSync(`${directory}/file`), new Uint8Array([1, 2, 3]));
      assert.equal((Deno.statSync(`${directory}/file`).mode ?? 0) & 0o777, 0o751);
    });
    await test.step("a directory", () => {
      Deno.mkdirSync(`${directory}/directory`);
      refused(`${directory}/directory`, /directory: is there and is not a file/);
    });
    await test.step("a file in the place of its directory", () => {
      refused(`${directory}/file/below`, /file\/below: cannot write/);
    });
    assert.deepEqual(names(), ["directory", "file"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
