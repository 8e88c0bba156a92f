import assert from "node:assert/strict";
import { findMisplacedKeys } from "../../../src/sources/registries_conf/places.ts";

Deno.test("keys of the whole file below a table are found with their places", () => {
  const text = `short-name-mode = "disabled"\n# x\n[[registry]]\nlocation = "a.io"\n` +
    `  Credential-Helpers = ["pass"]\n[aliases]\n"short-name-mode" = "a.io/x"\n`;
  assert.deepEqual(
    findMisplacedKeys({ path: "f", text }).map(({ place, problem }) => `${place} ${problem}`),
    [
      `f:5:3 "Credential-Helpers" is below [[registry]]: it is a key of that table, and is not read`,
    ],
  );
});
