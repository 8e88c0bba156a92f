import assert from "node:assert/strict";
import { OutsideSandboxError } from "../src/files.ts";
import { howToReach } from "../src/tool_sandbox.ts";

Deno.test("what the tool's sandbox leaves out, a flag lets in; in the compiled form, a build with it", () => {
  const error = new OutsideSandboxError("a.io:6443", "connect", "apiserver");
  assert.equal(howToReach(error, "script"), "pass --apiserver a.io:6443 to allow that");
  assert.equal(howToReach(error, "compiled"), "build it with --apiserver a.io:6443 to allow that");
});
