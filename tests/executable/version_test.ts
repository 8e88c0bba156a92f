import assert from "node:assert/strict";
import { formatVersion, formatVersionJson } from "../../src/executable/version.ts";

const FACTS = {
  version: "1.2.3",
  gitCommit: "0123456789abcdef",
  gitCommitDate: "2026-01-01T00:00:00Z",
  bundleSha256: "00ff",
  dependencies: ["a@1.0.0 sha512-x", "b@2.0.0 sha512-y"],
};
const RUNTIME = {
  denoVersion: Deno.version.deno,
  v8Version: Deno.version.v8,
  platform: `${Deno.build.os}/${Deno.build.arch}`,
  form: "script",
};

Deno.test("--version-json tells what the executable is made of and what runs it", () => {
  assert.deepEqual(JSON.parse(formatVersionJson(FACTS)), { ...FACTS, ...RUNTIME });
});

Deno.test("--version-json of the compiled form has the hash of its runtime", () => {
  const facts = { ...FACTS, runtimeSha256: "11ee" };
  assert.equal(JSON.parse(formatVersionJson(facts)).runtimeSha256, "11ee");
});

Deno.test("--version is a table of the same, with the values in one column", () => {
  const { dependencies, ...texts } = JSON.parse(formatVersionJson(FACTS));
  const lines = Object.entries(texts).map(([name, text]) => `${name}:`.padEnd(15) + text);
  assert.equal(
    formatVersion(FACTS),
    [...lines, "dependencies:", ...dependencies.map((name: string) => `  ${name}`), ""].join("\n"),
  );
});
