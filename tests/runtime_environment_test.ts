import assert from "node:assert/strict";
import {
  findRuntimeVariables,
  kubeletEnvironment,
  RUNTIME_VARIABLES,
} from "../src/runtime_environment.ts";

const ENVIRONMENTS: readonly [name: string, text: string, found: string[]][] = [
  ["nothing", "", []],
  ["variables of others", "HOME=/root\0PATH=/bin\0", []],
  ["a variable that the runtime obeys", "DENO_CERT=/ca.pem\0HOME=/root\0", ["DENO_CERT"]],
  ["lines in the place of NULs", "HOME=/root\nSSLKEYLOGFILE=/k\n", ["SSLKEYLOGFILE"]],
  ["a value with an equals sign", "DENO_LOG=a=b\0", ["DENO_LOG"]],
  ["a variable that is empty, where that is not neutral", "DENO_CERT=\0", ["DENO_CERT"]],
  ["a variable that is taken back", "DENO_CERT=/ca.pem\0DENO_CERT=/dev/null\0", []],
  ["a value with line breaks", "X=a\nDENO_LOG=trace\0HOME=/root\0", []],
];

for (const [name, text, found] of ENVIRONMENTS) {
  Deno.test(`an environment with ${name} has ${found.length} that reach through`, () => {
    assert.deepEqual(findRuntimeVariables(text).map(({ name }) => name), found);
  });
}

Deno.test("the kubelet's entries are neutral, and of those that the compiled form obeys", () => {
  const entries = kubeletEnvironment();
  const text = entries.map(({ name, value }) => `${name}=${value}\0`).join("");
  assert.deepEqual(findRuntimeVariables(text), []);
  const compiled = RUNTIME_VARIABLES.filter(({ compiled }) => compiled).map(({ name }) => name);
  assert.deepEqual(entries.map(({ name }) => name), compiled);
});
