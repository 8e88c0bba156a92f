import assert from "node:assert/strict";
import {
  findStale,
  findUncovered,
  parseTracefile,
  readExceptions,
  withoutExceptions,
} from "../../scripts/support/coverage_report.ts";

const TRACEFILE = `SF:/p/src/a.ts
FN:1,f
BRDA:2,0,0,5
BRDA:2,0,1,0
BRDA:4,1,0,-
DA:1,5
DA:2,5
DA:3,0
DA:5,0
DA:6,0
end_of_record
SF:/p/src/b.ts
DA:1,1
end_of_record
`;
const SOURCE = `function f() {
  const a = b ?? c;
  throw a;
} catch {
  // nothing
}
`;

Deno.test("lines and branches that were not run are found, but not what only closes a block", () => {
  const [a, b] = parseTracefile(TRACEFILE);
  assert.ok(a && b);
  assert.deepEqual([a.path, b.path], ["/p/src/a.ts", "/p/src/b.ts"]);
  assert.deepEqual(findUncovered(a, SOURCE), [2, 3, 4, 5]);
  assert.deepEqual(findUncovered(b, SOURCE), []);
});

const EXPLAINED = `// deno-coverage-ignore-file -- only types
function f() {
  // deno-coverage-ignore -- for the compiler
  const a = b ?? c;
  // deno-coverage-ignore-start -- not in every run: a race
  if (a) {
    throw a;
  }
  // deno-coverage-ignore-stop
}
`;

Deno.test("a comment is for its whole file, for the next line, or up to its stop", () => {
  assert.deepEqual(readExceptions(EXPLAINED), {
    exceptions: [
      { line: 1, lines: undefined, reason: "only types" },
      { line: 3, lines: [4, 4], reason: "for the compiler" },
      { line: 5, lines: [5, 9], reason: "not in every run: a race" },
    ],
    faults: [],
  });
});

const FAULTS: readonly [name: string, source: string, line: number, problem: RegExp][] = [
  ["no reason", "// deno-coverage-ignore\nf();\n", 1, /^expected .* a reason/],
  ["dashes alone", "// deno-coverage-ignore --\nf();\n", 1, /^expected/],
  ["a reason behind a colon", "// deno-coverage-ignore: never\nf();\n", 1, /^expected/],
  ["a reason without dashes", "// deno-coverage-ignore never\nf();\n", 1, /^expected/],
  ["no reason for a file", "// deno-coverage-ignore-file\n", 1, /^expected/],
  ["an unknown word", "// deno-coverage-ignore-next -- never\n", 1, /^expected/],
  ["a comment behind code", "f(); // deno-coverage-ignore -- never\n", 1, /alone on its line/],
  ["a comment between stars", "/* deno-coverage-ignore -- never */\n", 1, /^expected/],
  ["a file's comment below", "/** A. */\n// deno-coverage-ignore-file -- never\n", 2, /first line/],
  ["a start without a stop", "\n// deno-coverage-ignore-start -- a\nf();\n", 2, /without a -stop/],
  ["a stop without a start", "f();\n// deno-coverage-ignore-stop\n", 2, /without a -start/],
  [
    "a start within another",
    "// deno-coverage-ignore-start -- a\n// deno-coverage-ignore-start -- b\n" +
    "// deno-coverage-ignore-stop\n",
    2,
    /-start of line 1 has no -stop yet/,
  ],
];

for (const [name, source, line, problem] of FAULTS) {
  Deno.test(`of the comments of a source, ${name} is reported with the line`, () => {
    const { faults } = readExceptions(source);
    assert.deepEqual(faults.map((fault) => fault.line), [line]);
    assert.match(faults[0]?.problem ?? "", problem);
  });
}

Deno.test("a comment for lines that tests run is reported, unless they do not in every run", () => {
  const { exceptions } = readExceptions(EXPLAINED);
  const stale = (uncovered?: readonly number[]) =>
    findStale(exceptions, uncovered).map(({ line, problem }) => `${line} ${problem.split(":")[0]}`);
  assert.deepEqual(stale([4, 7]), ["1 tests load this file"]);
  assert.deepEqual(stale([7]), ["1 tests load this file", "3 tests run what this comment is for"]);
  assert.deepEqual(stale([]), ["1 tests load this file", "3 tests run what this comment is for"]);
  const strict = readExceptions(EXPLAINED.replace("not in every run: ", "")).exceptions;
  assert.deepEqual(findStale(strict, [4]).map(({ line }) => line), [1, 5]);
  // Nothing is known of a file that no test loads.
  assert.deepEqual(stale(undefined), []);
});

Deno.test("a source without its comments has each line and column where it was", () => {
  const without = withoutExceptions(EXPLAINED);
  assert.deepEqual(readExceptions(without).exceptions, []);
  assert.deepEqual(
    without.split("\n").map((line) => line.length),
    EXPLAINED.split("\n").map((line) => line.length),
  );
});
