import assert from "node:assert/strict";
import { requiredPermissions } from "../../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

/** Runs a build of the compiled form as a command, with variables of its own. */
async function compileCommand(env: Readonly<Record<string, string>>, out: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "scripts/compile.ts", "--out", out],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1", DENORT_BIN_X86_64: "", DENORT_BIN_AARCH64: "", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("the compiled form carries the same sandbox, and lets nothing be imported", async () => {
  const out = await Deno.makeTempDir();
  try {
    // Any file does as the runtime, since the executable is read and not run.
    const { code, stderr } = await compileCommand({ DENORT_BIN: "/bin/true" }, out);
    assert.equal(code, 0, stderr);
    const binary = new TextDecoder("latin1").decode(
      await Deno.readFile(`${out}/crio-credential-provider`),
    );
    const permissions = JSON.parse(/"permissions":(\{[^}]*\})/.exec(binary)?.[1] ?? "{}");
    const required = requiredPermissions(DEFAULT_SETTINGS);
    for (const kind of ["read", "write", "net"] as const) {
      const targets = new Set(required.filter((p) => p.kind === kind).map(({ target }) => target));
      assert.deepEqual(permissions[`allow_${kind}`], [...targets]);
    }
    for (const kind of ["env", "run", "ffi", "sys"]) {
      assert.equal(permissions[`allow_${kind}`], null);
    }
    // The runtime bakes a list of hosts in; an empty list of what is denied means all of them.
    assert.deepEqual([permissions.deny_import, permissions.prompt], [[], false]);
    assert.match(
      binary,
      /"env_vars_from_env_file":\{"DENO_TLS_CA_STORE":"","DENO_NO_UPDATE_CHECK":"1"\}/,
    );
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("where the runtime part is not to be had, the error names the two ways to supply it", async () => {
  const out = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await compileCommand({ DENORT_BIN: `${out}/none` }, out);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /DENORT_BIN=<path[\s\S]*\$DENO_DIR\/dl\/release\/v2/);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
