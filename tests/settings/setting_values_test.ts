import assert from "node:assert/strict";
import { parseLocalPath, parsePath } from "../../src/settings/setting_values.ts";

const PATHS: readonly [text: string, path: string][] = [
  ["/mnt/node", "/mnt/node"],
  ["/mnt//node/", "/mnt/node"],
  ["node", "./node"],
  ["./node/", "./node"],
  ["../node", "../node"],
  [".", "."],
  ["..", ".."],
  [".hidden", "./.hidden"],
];

for (const [text, path] of PATHS) {
  Deno.test(`${text} on this machine is ${path}`, () => assert.equal(parseLocalPath(text), path));
}

for (
  const [text, problem] of [["", /is empty/], ["/", /too wide/], ["//", /too wide/], [
    "a,b",
    /a comma/,
  ], ["a\nb", /control/]] as const
) {
  Deno.test(`${JSON.stringify(text)} is no path of this machine`, () => {
    assert.throws(() => parseLocalPath(text), problem);
  });
}

Deno.test("of what is below /dev a setting may name /dev/null alone", () => {
  assert.equal(parsePath("/dev/null"), "/dev/null");
  assert.throws(() => parsePath("/dev/zero"), /below \/dev, which no sandbox can be opened to/);
});
