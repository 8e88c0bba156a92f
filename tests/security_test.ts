import assert from "node:assert/strict";

const PROJECT = new URL("../", import.meta.url);
const SECURITY = await Deno.readTextFile(new URL("SECURITY.md", PROJECT));

Deno.test("each promise of SECURITY.md points to tests that are there", async () => {
  const promises = SECURITY.slice(SECURITY.indexOf("## What is promised"));
  const lines = promises.split("\n").filter((line) => /^ {3,4}- /.test(line));
  assert.ok(lines.length >= 10);
  for (const line of lines) {
    // A line names files, and tests of the last one.
    const files = [...line.matchAll(/`(tests\/[\w/.]+)`/g)].map((match) => match[1] ?? "");
    assert.notEqual(files.length, 0, line);
    for (const file of files) await Deno.stat(new URL(file, PROJECT));
    const text = await Deno.readTextFile(new URL(files.at(-1) ?? "", PROJECT));
    for (const [, name = ""] of line.matchAll(/"([^"]+)"/g)) {
      const found = [`"${name}"`, `\`${name}\``, `\`${name}\${`].some((quoted) =>
        text.includes(quoted)
      );
      assert.ok(found, `${files.at(-1)} has no test ${JSON.stringify(name)}`);
    }
  }
});

Deno.test("each promise of SECURITY.md has a test, and the table names no other", () => {
  const numbers = [...SECURITY.matchAll(/^(\d+)\. \*\*/gm)].map((match) => match[1]);
  assert.deepEqual(numbers, numbers.map((_, index) => String(index + 1)));
  const sections = SECURITY.split(/^\d+\. \*\*/m).slice(1);
  for (const section of sections) assert.match(section, /^ {3,4}- `tests\//m);
  const table = SECURITY.slice(0, SECURITY.indexOf("## What is promised"));
  for (const [, list = ""] of table.matchAll(/\((\d+(?:, \d+)*)\)/g)) {
    for (const number of list.split(", ")) assert.ok(numbers.includes(number), number);
  }
});
