import assert from "node:assert/strict";
import { buildCtl } from "../../scripts/build.ts";
import { compileCtl } from "../../scripts/compile.ts";
import { compareWithPolicy, readExecutable } from "../../src/executable/executable.ts";
import { policyOfProgram } from "../../src/executable/programs.ts";
import { formatJson } from "../../src/process/printed.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

const FILE = "fixtures/policy/crio-credential-ctl.json";

Deno.test("the operator's tool may touch, in either form, what the checked-in policy says", async () => {
  const policy = policyOfProgram("crio-credential-ctl", DEFAULT_SETTINGS);
  assert.equal(
    formatJson(policy),
    await Deno.readTextFile(new URL(`../../${FILE}`, import.meta.url)),
    `review the difference, then put what was found into ${FILE}`,
  );
  const out = await Deno.makeTempDir();
  try {
    // Any file does as the runtime, since the executable is read and not run.
    const compiled = await compileCtl({ out: `${out}/compiled`, runtime: "/bin/true" });
    for (const path of [await buildCtl({ out: `${out}/script` }), compiled]) {
      const executable = await readExecutable(await Deno.readFile(path));
      assert.equal(executable.name, "crio-credential-ctl");
      assert.deepEqual(compareWithPolicy(executable, policy), []);
    }
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
