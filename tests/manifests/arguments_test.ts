import assert from "node:assert/strict";
import { findArgument, setArgument } from "../../src/manifests/arguments.ts";

const ARGUMENTS: readonly [
  args: string[],
  value: string | undefined,
  set: string[],
][] = [
  [[], undefined, ["--mode=new"]],
  [["--other=x"], undefined, ["--other=x", "--mode=new"]],
  [["--mode=old", "--other=x"], "old", ["--other=x", "--mode=new"]],
  [["--mode", "old", "--other", "x"], "old", ["--other", "x", "--mode=new"]],
  [["-mode=old"], "old", ["--mode=new"]],
  [["-mode", "old"], "old", ["--mode=new"]],
  [["--mode="], "", ["--mode=new"]],
  [["--mode"], "", ["--mode=new"]],
  [["--mode=a=b"], "a=b", ["--mode=new"]],
  [["--mode=1", "--mode", "2"], "2", ["--mode=new"]],
  [["--mode-x=1", "mode=2"], undefined, ["--mode-x=1", "mode=2", "--mode=new"]],
];

for (const [args, value, set] of ARGUMENTS) {
  Deno.test(`among the arguments ${JSON.stringify(args)} the flag is ${JSON.stringify(value)}`, () => {
    assert.equal(findArgument(args, "mode"), value);
    assert.deepEqual(setArgument(args, "mode", "new"), set);
  });
}
