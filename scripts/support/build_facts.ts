/** What a build knows of itself: version, commit, and the packages in the executable. */

import * as v from "valibot";
import type { BuildFacts } from "../../src/executable/version.ts";
import { PROJECT } from "./project.ts";

const ProjectFile = v.object({ version: v.string() });
const LockFile = v.object({ npm: v.record(v.string(), v.object({ integrity: v.string() })) });
const ModuleGraph = v.object({
  modules: v.array(v.object({ npmPackage: v.optional(v.string()) })),
  npmPackages: v.record(v.string(), v.object({ dependencies: v.array(v.string()) })),
});

/**
 * Reads the facts of the project as it is on disk. Outside of a git checkout the commit is unknown.
 *
 * @param entry the module that the executable begins with.
 * @param bundleSha256 of the bundle made of it.
 */
export async function readBuildFacts(
  entry: string,
  bundleSha256: string,
): Promise<BuildFacts> {
  const [version, lock, graph, gitCommit, gitCommitDate, changes] = await Promise.all(
    [
      readJson("deno.json").then((value) => v.parse(ProjectFile, value).version),
      readJson("deno.lock").then((value) => v.parse(LockFile, value)),
      run(Deno.execPath(), ["info", "--json", entry]),
      run("git", ["rev-parse", "HEAD"]),
      run("git", ["show", "--no-patch", "--format=%cI", "HEAD"]),
      run("git", ["status", "--porcelain"]),
    ],
  );
  const packages = usedPackages(v.parse(v.pipe(v.string(), v.parseJson(), ModuleGraph), graph));
  return {
    version,
    gitCommit: gitCommit === undefined ? "unknown" : `${gitCommit}${changes ? "-dirty" : ""}`,
    gitCommitDate: gitCommitDate ?? "unknown",
    bundleSha256,
    dependencies: packages.sort().map((name) =>
      `${name} ${lock.npm[name]?.integrity ?? "unknown"}`
    ),
  };
}

/** The packages that the entry's modules import, and those they depend on. */
function usedPackages(graph: v.InferOutput<typeof ModuleGraph>): string[] {
  const used = new Set<string>();
  const add = (name: string) => {
    if (used.has(name)) return;
    used.add(name);
    graph.npmPackages[name]?.dependencies.forEach(add);
  };
  for (const { npmPackage } of graph.modules) if (npmPackage !== undefined) add(npmPackage);
  return [...used];
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await Deno.readTextFile(`${PROJECT}/${path}`));
}

/** The trimmed output of a command; `undefined` when it failed or is not there. */
async function run(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args,
      cwd: PROJECT,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
