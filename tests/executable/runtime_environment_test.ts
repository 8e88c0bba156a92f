import assert from "node:assert/strict";
import {
  findRuntimeVariables,
  isObeyed,
  kubeletEnvironment,
  RUNTIME_VARIABLES,
} from "../../src/executable/runtime_environment.ts";

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

Deno.test("of a variable that has no neutral value, any is found", () => {
  for (const value of ["", "0"]) {
    const [found] = findRuntimeVariables(`NODE_CHANNEL_FD=${value}\0`);
    assert.equal(found?.name, "NODE_CHANNEL_FD");
  }
});

for (const form of ["script", "compiled", undefined] as const) {
  Deno.test(`the kubelet's entries for ${form ?? "both"} are neutral, and of those that are obeyed`, () => {
    const entries = kubeletEnvironment(form);
    const text = entries.map(({ name, value }) => `${name}=${value}\0`).join("");
    assert.deepEqual(findRuntimeVariables(text), []);
    const forms = form === undefined ? ["script", "compiled"] as const : [form];
    const obeyed = RUNTIME_VARIABLES.filter((variable) =>
      variable.neutral !== undefined && forms.some((form) => isObeyed(variable, form))
    );
    assert.deepEqual(entries.map(({ name }) => name), obeyed.map(({ name }) => name));
  });
}

Deno.test("what starts the runtime is obeyed in both forms, what the runtime obeys in the compiled alone", () => {
  const forms = (name: string) => {
    const variable = RUNTIME_VARIABLES.find((variable) => variable.name === name);
    assert.ok(variable !== undefined, name);
    return (["script", "compiled"] as const).filter((form) => isObeyed(variable, form));
  };
  assert.deepEqual(forms("LD_PRELOAD"), ["script", "compiled"]);
  assert.deepEqual(forms("DENO_CERT"), ["compiled"]);
  assert.deepEqual(forms("SHELLOPTS"), ["script"]);
  assert.deepEqual(forms("DENO_V8_FLAGS"), []);
});
