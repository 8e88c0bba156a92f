import assert from "node:assert/strict";
import { OutsideSandboxError } from "../../src/process/files.ts";
import { howToReach } from "../../src/ctl/tool_sandbox.ts";

Deno.test("what the tool's sandbox leaves out, a flag lets in; in the compiled form, a build with it", () => {
  const error = new OutsideSandboxError("a.io:6443", "connect", "apiserver");
  assert.equal(howToReach(error, "script"), "pass --apiserver a.io:6443 to allow that");
  assert.equal(howToReach(error, "compiled"), "build it with --apiserver a.io:6443 to allow that");
});

Deno.test("a path with a comma, which no list of paths can hold, wants another name", () => {
  const error = new OutsideSandboxError("/tmp/a,b.json", "read", "secrets-file");
  for (const form of ["script", "compiled"] as const) {
    assert.equal(howToReach(error, form), "give the file a name without a comma");
  }
});
