import assert from "node:assert/strict";
import { print } from "../../scripts/support/print.ts";

Deno.test("what is printed is written to its end, whatever one write takes", () => {
  let written = "";
  print("dist/script/crio-credential-ctl", {
    writeSync: (bytes) => {
      written += new TextDecoder().decode(bytes.subarray(0, 5));
      return Math.min(5, bytes.length);
    },
  });
  assert.equal(written, "dist/script/crio-credential-ctl\n");
});
