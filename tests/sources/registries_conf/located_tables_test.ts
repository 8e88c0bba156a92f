import assert from "node:assert/strict";
import { locateTables } from "../../../src/sources/registries_conf/located_tables.ts";

function locate(text: string) {
  return locateTables({ path: "registries.conf", text })
    .map(({ registry, line }) => `${registry.prefix}:${line}`);
}

const CASES: readonly [name: string, text: string, tables: string[]][] = [
  ["a file without tables has none", `unqualified-search-registries = ["docker.io"]`, []],
  ["an empty file has none", "", []],
  [
    "a file in the old form has none",
    `[registries.search]\nregistries = ["docker.io"]`,
    [],
  ],
  ["a table on the first line is on line 1", `[[registry]]\nlocation = "a.io"`, ["a.io:1"]],
  [
    "comments, other tables and mirrors are counted as lines",
    `# first\n\n[aliases]\na = "a.io/a"\n\n[[registry]]\nlocation = "a.io"\n` +
    `[[registry.mirror]]\nlocation = "b.io"\n\n  [[ registry ]] # c\n  prefix = "c.io"\n  location = "d.io"\n`,
    ["a.io:6", "c.io:11"],
  ],
  [
    "lines may end with carriage return and newline",
    `[[registry]]\r\nlocation = "a.io"\r\n\r\n[[registry]]\r\nlocation = "b.io"\r\n`,
    ["a.io:1", "b.io:4"],
  ],
  [
    "a quoted header is a header",
    `[["registry"]]\nlocation = "a.io"\n[['registry']]\nlocation = "b.io"`,
    ["a.io:1", "b.io:3"],
  ],
  [
    "what looks like a header in a text of several lines is none",
    `note = """\n[[registry]]\nlocation = "x.io"\n"""\n[[registry]]\nlocation = "a.io"\n` +
    `note = '''\n[[registry]]\n'''\n[[registry]]\nlocation = "b.io"`,
    ["a.io:5", "b.io:10"],
  ],
  [
    "what looks like a header in a comment is none",
    `# [[registry]]\n[[registry]]\nlocation = "a.io"\n# [[registry]]`,
    ["a.io:2"],
  ],
  [
    "of two tables with the same prefix both are told",
    `[[registry]]\nlocation = "a.io"\n[[registry]]\nprefix = "a.io"\nlocation = "b.io"`,
    ["a.io:1", "a.io:3"],
  ],
  ["tables in an array have no line of their own", `registry = [{ location = "a.io" }]`, []],
];

for (const [name, text, tables] of CASES) {
  Deno.test(name, () => assert.deepEqual(locate(text), tables));
}
