import assert from "node:assert/strict";
import {
  explain,
  findUncovered,
  parseReasons,
  parseTracefile,
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
  assert.deepEqual(findUncovered(a, SOURCE).map(({ line, code }) => [line, code]), [
    [2, "const a = b ?? c;"],
    [3, "throw a;"],
    [4, "} catch { // nothing"],
    [5, "// nothing"],
  ]);
  assert.deepEqual(findUncovered(b, SOURCE), []);
});

Deno.test("a place is explained by its file and its code, wherever the line is by now", () => {
  const place = (path: string, line: number, code: string) => ({ path, line, code });
  const uncovered = [
    place("a.ts", 7, "throw a;"),
    place("a.ts", 9, "throw b;"),
    place("b.ts", 7, "throw a;"),
    place("main.ts", 0, ""),
  ];
  const reasons = parseReasons(
    JSON.stringify([
      { reason: "cannot happen", places: { "a.ts": ["throw a;", "throw gone;"] } },
      { reason: "runs as a child", places: { "main.ts": "*", "other.ts": "*" } },
    ]),
    "reasons.json",
  );
  const { explained, unexplained, needless } = explain(uncovered, reasons);
  assert.deepEqual([...explained], [
    ["cannot happen", [place("a.ts", 7, "throw a;")]],
    ["runs as a child", [place("main.ts", 0, "")]],
  ]);
  assert.deepEqual(unexplained, [place("a.ts", 9, "throw b;"), place("b.ts", 7, "throw a;")]);
  assert.deepEqual(needless, ["a.ts: throw gone;", "other.ts: *"]);
});

Deno.test("a reason that says nothing is refused", () => {
  assert.throws(
    () => parseReasons(`[{"reason": "", "places": {}}]`, "reasons.json"),
    /reasons\.json: "\[0\]\.reason" says too little/,
  );
});
