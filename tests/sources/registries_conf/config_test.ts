import assert from "node:assert/strict";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";

Deno.test("a drop-in's table replaces the one with the same prefix as a whole", () => {
  const main = {
    path: "main",
    text: `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io"`,
  };
  const dropIn = { path: "drop-in", text: `[[registry]]\nlocation = "a.io"` };
  const { registries, files } = mergeRegistries({ main, dropIns: [dropIn] });
  assert.deepEqual(registries.map(({ mirrors, file }) => [mirrors, file]), [[[], "drop-in"]]);
  assert.deepEqual(files, ["main", "drop-in"]);
});

Deno.test("a drop-in's error names the drop-in, and tables of other prefixes are added", () => {
  const main = { path: "main", text: `[[registry]]\nlocation = "a.io"` };
  const good = { path: "10.conf", text: `[[registry]]\nlocation = "b.io"` };
  const { registries } = mergeRegistries({ main, dropIns: [good] });
  assert.deepEqual(registries.map(({ prefix, file }) => [prefix, file]), [
    ["a.io", "main"],
    ["b.io", "10.conf"],
  ]);
  const bad = { path: "20.conf", text: "[[registry]]" };
  assert.throws(
    () => mergeRegistries({ main, dropIns: [good, bad] }),
    /^UserError: 20\.conf: "registry\[0\]": both/,
  );
});

Deno.test("drop-ins add to a main file of version 1", () => {
  const main = { path: "main", text: `[registries.search]\nregistries = ["a.io"]` };
  const dropIn = { path: "10.conf", text: `[[registry]]\nlocation = "b.io"` };
  assert.equal(mergeRegistries({ main, dropIns: [dropIn] }).registries.length, 1);
});

Deno.test("the last file with credential helpers counts, and aliases are put together", () => {
  const file = (path: string, text: string) => ({ path, text });
  const { credentialHelpers, aliases } = mergeRegistries({
    main: file("main", `credential-helpers = ["a"]\n[aliases]\nx = "a.io/x"\ny = "a.io/y"`),
    dropIns: [
      file("10.conf", `credential-helpers = []`),
      file("20.conf", `[aliases]\nx = "b.io/x"`),
    ],
  });
  assert.deepEqual(credentialHelpers, { helpers: [], file: "10.conf" });
  assert.deepEqual([...aliases], [
    ["x", { target: "b.io/x", file: "20.conf" }],
    ["y", { target: "a.io/y", file: "main" }],
  ]);
});
