/**
 * The executable that the tests judge. `PLUGIN=<path>` names one, built with `test_node.jsonc`; where
 * a test needs other settings than it has, one is built for it in the same form. Without `PLUGIN` the
 * script form is built each time.
 */

import { buildScript } from "../../scripts/build.ts";
import { compile } from "../../scripts/compile.ts";
import { bundlePlugin } from "../../scripts/support/bundle.ts";
import { applySettingsFile } from "../../scripts/support/settings_file.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings.ts";
import { runPlugin } from "./plugin.ts";

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

/** The form of the executables that are built: that of the given one. */
export async function formUnderTest(): Promise<"script" | "compiled"> {
  const given = await givenExecutable();
  if (given === undefined) return "script";
  const { stdout } = await runPlugin(given.path, { args: ["--version-json"] });
  return JSON.parse(stdout).form === "compiled" ? "compiled" : "script";
}

/**
 * Builds an executable in the form under test.
 *
 * @param program another program to put behind the same sandbox. @default the plugin
 */
export async function buildExecutable(
  settings: Settings,
  out: string,
  program?: string,
): Promise<string> {
  const build = await formUnderTest() === "compiled" ? compile : buildScript;
  return await build({ settings, out, program: program ?? await pluginProgram(settings) });
}

let bundled: Promise<string> | undefined;

/** What `bundlePlugin` gives, bundled once for all tests of a file: only its first line differs. */
async function pluginProgram(settings: Settings): Promise<string> {
  bundled ??= bundlePlugin(DEFAULT_SETTINGS);
  const [first = "", ...rest] = (await bundled).split("\n");
  const { facts } = JSON.parse(first.slice("const BUILD=".length, -1));
  return [`const BUILD=${JSON.stringify({ settings, facts })};`, ...rest].join("\n");
}
