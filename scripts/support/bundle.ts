/** The program as one JavaScript module: what both forms of the artifact carry. */

import type { Settings } from "../../src/settings.ts";
import type { BuildFacts } from "../../src/version.ts";
import { readBuildFacts } from "./build_facts.ts";
import { addCompileHints } from "./compile_hints.ts";
import { modulesAtStart } from "./module_graph.ts";
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
 * program is loaded: that is what every pull calls.
 *
 * @throws {BuildError} with the bundler's words when it fails.
 */
export async function bundle(entry: string): Promise<string> {
  if (entry !== PLUGIN) return (await runBundler(entry)).program;
  const [{ program, sourceMap }, start] = await Promise.all([
    runBundler(entry),
    modulesAtStart(`src/${entry}`),
  ]);
  const endings = [
    ...start.own.map((path) => `/${path}`),
    // Packages lie in the runtime's cache as `name/version/`.
    ...start.packages.map((name) => `/${name.replace(/@(?=[^@]+$)/, "/")}/`),
  ];
  const isAtStart = (source: string) =>
    source === "" ||
    endings.some((ending) =>
      ending.endsWith("/") ? source.includes(ending) : source.endsWith(ending)
    );
  return addCompileHints(program, sourceMap, isAtStart);
}

/** The entry whose start-up time counts. */
const PLUGIN = "main.ts";

async function runBundler(entry: string): Promise<{ program: string; sourceMap: string }> {
  const directory = await Deno.makeTempDir();
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--minify", "--platform", "deno", "--sourcemap=external"],
        ...["--output", `${directory}/bundle.js`, `src/${entry}`],
      ],
      cwd: PROJECT,
      env: { NO_COLOR: "1" },
    }).output();
    if (code !== 0) {
      throw new BuildError(`deno bundle failed:\n${new TextDecoder().decode(stderr)}`);
    }
    return {
      program: await Deno.readTextFile(`${directory}/bundle.js`),
      sourceMap: await Deno.readTextFile(`${directory}/bundle.js.map`),
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The bundle of the plugin with what its build fixes put in front, on a line of its own. */
export function bundlePlugin(settings: Settings): Promise<string> {
  return bundleProgram(PLUGIN, settings);
}

/** The bundle of an entry of `src/` with what its build fixes put in front, on a line of its own. */
export async function bundleProgram(entry: string, settings: Settings): Promise<string> {
  const program = await bundle(entry);
  const facts = await readBuildFacts(`src/${entry}`, program);
  const build: { settings: Settings; facts: BuildFacts } = { settings, facts };
  return `const BUILD=${JSON.stringify(build)};\n${program}`;
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
