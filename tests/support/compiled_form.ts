/** The compiled form, or what stands for it where none can be made. */

import { bundleProgram } from "../../scripts/support/bundle.ts";
import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "../../src/executable/runtime_environment.ts";
import { permissionFlags, policyOf } from "../../src/settings/sandbox.ts";
import type { Settings } from "../../src/settings/settings.ts";
import { buildExecutable, formUnderTest } from "./executable.ts";

/**
 * Makes the compiled form where that is the form under test. Elsewhere the script form's bundle is run by the
 * `deno` executable with the same permissions, and with the variables that the compiled form carries;
 * like that form, and unlike the script, it sees the environment it is started with. It obeys a few
 * variables more, which `runtime_environment.ts` names.
 */
export async function compiledForm(settings: Settings, out: string): Promise<string> {
  if (await formUnderTest() === "compiled") return await buildExecutable(settings, out);
  await Deno.mkdir(out, { recursive: true });
  const variables = Object.entries(RUNTIME_ENVIRONMENT);
  await Deno.writeTextFile(
    `${out}/environment`,
    variables.map(([name, value]) => `${name}="${value}"`).join("\n"),
  );
  await Deno.writeTextFile(
    `${out}/plugin.js`,
    await bundleProgram("crio-credential-provider", settings),
  );
  const command = [
    Deno.execPath(),
    "run --quiet --no-prompt --no-config --no-lock --no-remote --no-npm --deny-import",
    `--v8-flags=${V8_FLAGS.join()}`,
    `--env-file=${out}/environment`,
    ...permissionFlags(policyOf(settings)),
    `${out}/plugin.js`,
  ];
  const path = `${out}/stand-in`;
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${command.join(" ")} "$@"\n`);
  await Deno.chmod(path, 0o755);
  return path;
}
