import assert from "node:assert/strict";
import { parseToml } from "../../src/text/toml.ts";

Deno.test("integers that a number cannot hold are bigints", () => {
  const toml = parseToml("a = 1\nb = 9223372036854775807\n");
  assert.ok("document" in toml);
  assert.deepEqual({ ...toml.document }, { a: 1, b: 9223372036854775807n });
});

Deno.test("a fault has its place and a reason that quotes nothing of the text", () => {
  const toml = parseToml('a = 1\npassword = "secret\n');
  assert.ok("fault" in toml);
  assert.deepEqual([toml.fault.line, toml.fault.column], [2, 19]);
  assert.match(toml.fault.reason ?? "", /^[a-z :,.-]+$/);
  assert.doesNotMatch(toml.fault.reason ?? "", /secret|password/);
});
