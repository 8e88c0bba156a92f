/** The program as JavaScript: one module in the script form, several in the compiled form. */

import type { Settings } from "../../src/settings/settings.ts";
import {
  formatProgram,
  hashOfBundle,
  type Modules,
  type ProgramFiles,
} from "../../src/executable/program.ts";
import { FIRST_MODULES, type ProgramName } from "../../src/executable/programs.ts";
import {
  beginningOf,
  entryOf,
  findMissing,
  findModuleOpenings,
  findOpenings,
} from "../../src/executable/openings.ts";
import { readBuildFacts } from "./build_facts.ts";
import { PROJECT } from "./project.ts";

/** A failure of a build, meant for the person who started it. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/**
 * Bundles a program into one module. The result does not depend on settings, time or place, so that the
 * same commit gives the same bytes.
 *
 * In front of all is the lock-down, and behind it the program's name.
 *
 * @throws {BuildError} with the bundler's words when it fails, and when the program holds what no
 * permission confines: `import()`, or a part of the runtime that the lock-down takes away.
 */
export async function bundle(name: ProgramName): Promise<string> {
  const program = beginningOf(name) + await whileAlone(() => runBundler(entryPath(name)));
  refuse(name, [...findOpenings(program), ...findMissing(program)]);
  return program;
}

/**
 * Bundles a program into modules: what a program begins with, what it loads with `import()`
 * when it needs it, and what these share. A pull compiles none of what it does not load; in one module
 * the engine goes through all of it in every run, which cost a pull without mirrors 2 ms
 * (`docs/develop/start-up.md`).
 *
 * @returns by the name of the file, in the order of names.
 * @throws {BuildError} as {@link bundle} does.
 */
async function bundleModules(name: ProgramName): Promise<Modules> {
  const directory = await Deno.makeTempDir();
  try {
    await whileAlone(() =>
      runBundler(entryPath(name), ["--code-splitting", "--outdir", directory])
    );
    const names = (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();
    const made = new Map<string, string>();
    for (const name of names) {
      made.set(name, await Deno.readTextFile(`${directory}/${name}`));
    }
    const modules = nameModules(FIRST_MODULES[name], made);
    for (const [name, text] of modules) {
      refuse(name, [...findModuleOpenings(name, text, [...modules.keys()]), ...findMissing(text)]);
    }
    return modules;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Names modules in the order in which they are found from the first on: `chunk-1.js`, `provider-2.js`. The
 * bundler's names hold a hash of paths, those of packages among them: they would be others in another
 * directory, and with them the program's bytes.
 *
 * @param first the name of the module that the program begins with; it is kept.
 * @param made by the bundler's names, `BASE-HASH.js`.
 * @returns by the name of the file, in the order of names.
 */
export function nameModules(first: string, made: Modules): Modules {
  const names = new Map([[first, first]]);
  const importsOf = (text: string) => [...text.matchAll(/"\.\/([^"]+)"/g)];
  // What is added on the way is gone through, too.
  for (const name of names.keys()) {
    for (const [, other = ""] of importsOf(made.get(name) ?? "")) {
      if (!made.has(other) || names.has(other)) continue;
      names.set(other, other.replace(/-[A-Z0-9]{8}\.js$/, `-${names.size}.js`));
    }
  }
  const modules = Array.from(names, ([name, newName]): [string, string] => [
    newName,
    (made.get(name) ?? "").replaceAll(
      /"\.\/([^"]+)"/g,
      (quoted, other: string) => names.has(other) ? `"./${names.get(other)}"` : quoted,
    ),
  ]);
  return new Map(modules.toSorted(([a], [b]) => a < b ? -1 : 1));
}

function refuse(name: string, openings: readonly string[]): void {
  if (openings.length > 0) throw new BuildError([name, ...openings].join("\n  "));
}

/** The module of `src/` that a program is made of. */
function entryPath(name: ProgramName): string {
  return `src/${FIRST_MODULES[name].replace(/js$/, "ts")}`;
}

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

/** A program in one module, with what its build fixes put in front, on a line of its own. */
export async function bundleProgram(name: ProgramName, settings: Settings): Promise<string> {
  const program = await bundle(name);
  const facts = await readBuildFacts(entryPath(name), await hashOfBundle(program, new Map()));
  return formatProgram({ settings, facts }, program);
}

/** A program in the files of a compiled executable. */
export async function bundleFiles(name: ProgramName, settings: Settings): Promise<ProgramFiles> {
  const modules = await bundleModules(name);
  const program = entryOf(FIRST_MODULES[name]);
  const facts = await readBuildFacts(entryPath(name), await hashOfBundle(program, modules));
  return { entry: formatProgram({ settings, facts }, program), modules };
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
