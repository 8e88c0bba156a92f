/**
 * The executable that the tests judge, and its form.
 *
 * `FORM=compiled` or `FORM=script` says which form is built; without it that is the compiled form where
 * `DENORT_BIN` names the runtime part, else the script form. `deno task test` sets it. `PLUGIN=<path>`
 * names an executable to judge as it is, built with `test_node.jsonc`; where a test needs other settings
 * than it has, one is built for it in the same form.
 */

import { compileProgram } from "../../scripts/compile.ts";
import { buildScriptForm } from "../../scripts/support/script_form.ts";
import { sha256 } from "../../src/executable/program.ts";
import { policyOfProgram, type ProgramName } from "../../src/executable/programs.ts";
import type { BuildFacts } from "../../src/executable/version.ts";
import { applySettingsFile } from "../../src/settings/settings_file.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { Builds } from "./builds.ts";
import { runPlugin } from "./plugin.ts";
import type { Form } from "./form.ts";
import { bindBundle, bindRelease } from "./releases.ts";

/** An executable as it was handed in. */
export interface GivenExecutable {
  readonly path: string;
  readonly settings: Settings;
}

const TEST_NODE = new URL("test_node.jsonc", import.meta.url);

/** The directory that stands for `/` in `test_node.jsonc`. */
export const TEST_NODE_ROOT = "/tmp/crio-credential-provider-node";

/**
 * The executable that `PLUGIN` names, if it names one.
 *
 * @throws {Error} when it was not built with `test_node.jsonc`.
 */
export async function givenExecutable(): Promise<GivenExecutable | undefined> {
  const name = Deno.env.get("PLUGIN") ?? "";
  if (name === "") return undefined;
  const path = await Deno.realPath(name);
  const settings = applySettingsFile(
    DEFAULT_SETTINGS,
    await Deno.readTextFile(TEST_NODE),
    TEST_NODE.pathname,
  );
  const { stdout } = await runPlugin(path, { args: ["audit", "--json"] });
  const built: unknown = JSON.parse(stdout).settings;
  if (JSON.stringify(built) !== JSON.stringify(settings)) {
    throw new Error(`${name}: not built with --settings tests/support/test_node.jsonc`);
  }
  return { path, settings };
}

/**
 * The form of the executables that are built: that of the given one, or what `FORM` says.
 *
 * @throws {Error} when `FORM` names none.
 */
export async function formUnderTest(): Promise<Form> {
  const given = await givenExecutable();
  if (given !== undefined) {
    const { stdout } = await runPlugin(given.path, { args: ["--version-json"] });
    return JSON.parse(stdout).form === "compiled" ? "compiled" : "script";
  }
  const form = Deno.env.get("FORM") ?? "";
  if (form === "compiled" || form === "script") return form;
  if (form !== "") throw new Error(`FORM: must be compiled or script, not ${JSON.stringify(form)}`);
  return (Deno.env.get("DENORT_BIN") ?? "") === "" ? "script" : "compiled";
}

const builds = new Builds();

/**
 * Builds an executable in the form under test. With the same settings and program it is built once in
 * a file of tests, as long as it is among the last few.
 *
 * @param program another program to put behind the same sandbox. @default the plugin
 */
export async function buildExecutable(
  settings: Settings,
  out: string,
  program?: string,
): Promise<string> {
  return await buildProgram("crio-credential-provider", settings, out, program);
}

/**
 * Builds the operator's tool, as {@link buildExecutable} does.
 *
 * @param program another program to put behind the same sandbox. @default the tool
 * @returns the path of the executable.
 */
export async function buildTool(
  settings: Settings,
  out: string,
  program?: string,
): Promise<string> {
  return await buildProgram("crio-credential-ctl", settings, out, program);
}

async function buildProgram(
  name: ProgramName,
  settings: Settings,
  out: string,
  program: string | undefined,
): Promise<string> {
  const form = await formUnderTest();
  const key = `${name} ${form} ${JSON.stringify(settings)} ${await sha256(program ?? "its own")}`;
  const path = `${out}/${name}`;
  await builds.put(key, path, async (where) => {
    if (form === "script") {
      return await buildScriptForm(name, {
        settings,
        out: where,
        program: program ?? await bindBundle(name, settings),
      });
    }
    if (program !== undefined) return await compileProgram(name, { settings, out: where, program });
    return await bindRelease(name, settings, {
      path: `${where}/${name}`,
      policy: policyOfProgram(name, settings),
    });
  });
  return path;
}

/**
 * Makes the operator's tool. It may connect to this machine, where the tests' API servers are.
 *
 * @param facts what the tool is to say of its build.
 * @returns the path of the executable, which is not to be removed.
 */
export async function compiledCtl(settings: Settings, facts: BuildFacts): Promise<string> {
  const name = "crio-credential-ctl";
  const { allow, deny } = policyOfProgram(name, settings);
  const hosts = ["127.0.0.1", "localhost"].map((target) => (
    { kind: "net", target, flag: "", step: "reach the API servers of tests" } as const
  ));
  const policy = { allow: [...allow.filter(({ kind }) => kind !== "net"), ...hosts], deny };
  const key = `ctl ${JSON.stringify([settings, facts])}`;
  return await builds.get(
    key,
    (out) => bindRelease(name, settings, { path: `${out}/${name}`, policy, facts }),
  );
}
