import assert from "node:assert/strict";
import { formatTable } from "../../src/text/table.ts";

Deno.test("the cells of a table stand below one another, whatever is missing at a row's end", () => {
  assert.deepEqual(
    formatTable([["a", "bbb", "c"], ["aaaa", "b"], ["aa", "", "ccc"]]),
    ["  a     bbb  c", "  aaaa  b", "  aa         ccc"],
  );
  assert.deepEqual(formatTable([]), []);
});
