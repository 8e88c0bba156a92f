/** The program as one JavaScript module: what both forms of the artifact carry. */

import LOCK_DOWN from "../../src/executable/lock_down.js" with { type: "text" };
import type { Settings } from "../../src/settings/settings.ts";
import { formatProgram } from "../../src/executable/program.ts";
import { readBuildFacts } from "./build_facts.ts";
import { addCompileHints } from "./compile_hints.ts";
import { embedLaterModules } from "./later_modules.ts";
import { modulesAtStart } from "./module_graph.ts";
import { findMissing, findOpenings } from "../../src/executable/openings.ts";
import { PROJECT } from "./project.ts";

/** A failure of a build, meant for the person who started it. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/**
 * Bundles an entry of `src/`. The result does not depend on settings, time or place, so that the
 * same commit gives the same bytes.
 *
 * In the plugin, what is called without an `import()` before it is marked to be compiled when the
 * program is loaded: that is what every pull calls. What is behind an `import()` becomes a function, in
 * which the pulls that do not call it find nothing to do.
 *
 * In front of all stands the lock-down.
 *
 * @throws {BuildError} with the bundler's words when it fails, and when the program holds what no
 * permission confines: `import()`, or a part of the runtime that the lock-down takes away.
 */
export async function bundle(entry: string): Promise<string> {
  const program = LOCK_DOWN + await bundleModules(entry);
  const openings = [...findOpenings(program), ...findMissing(program)];
  if (openings.length > 0) throw new BuildError([`src/${entry}`, ...openings].join("\n  "));
  return program;
}

async function bundleModules(entry: string): Promise<string> {
  if (entry !== PLUGIN) return await whileAlone(() => runBundler(`src/${entry}`));
  const { later } = await modulesAtStart(`src/${entry}`);
  const external = later.map(({ specifier }) => `--external=${specifier}`);
  const program = await whileAlone(() => runBundler(`src/${entry}`, external));
  const modules = await Promise.all(later.map(async ({ specifier, path }) => ({
    specifier,
    program: await runBundler(path, ["--format=cjs"]),
  })));
  return embedLaterModules(addCompileHints(program), modules);
}

/** The entry whose start-up time counts. */
const PLUGIN = "main.ts";

/**
 * Does something while nobody else of this project does. `deno bundle` fetches the bundler at its first
 * use, and fails where another is about to do the same.
 */
async function whileAlone<Result>(action: () => Promise<Result>): Promise<Result> {
  // The lock ends with the file.
  using file = await Deno.open(`${PROJECT}/deno.json`);
  await file.lock(true);
  return await action();
}

/** Bundles a module, given as its path from the project's root. */
async function runBundler(path: string, flags: readonly string[] = []): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--platform", "deno", ...flags, path],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) {
    throw new BuildError(`deno bundle failed:\n${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

/** The bundle of the plugin with what its build fixes put in front, on a line of its own. */
export function bundlePlugin(settings: Settings): Promise<string> {
  return bundleProgram(PLUGIN, settings);
}

/** The bundle of an entry of `src/` with what its build fixes put in front, on a line of its own. */
export async function bundleProgram(entry: string, settings: Settings): Promise<string> {
  const program = await bundle(entry);
  const facts = await readBuildFacts(`src/${entry}`, program);
  return formatProgram({ settings, facts }, program);
}

/** Writes an executable file whole: a running copy of the old one keeps its own. */
export async function writeExecutable(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const temporary = await Deno.makeTempFile({ dir: path.slice(0, path.lastIndexOf("/")) });
  try {
    if (typeof content === "string") await Deno.writeTextFile(temporary, content);
    else await Deno.writeFile(temporary, content);
    await Deno.chmod(temporary, 0o755);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary);
    throw error;
  }
}
