/** Which modules an entry is made of, as the runtime sees them. */

import * as v from "valibot";
import { PROJECT } from "./project.ts";

const Dependency = v.object({
  specifier: v.string(),
  isDynamic: v.optional(v.boolean(), false),
  code: v.optional(v.object({ specifier: v.string() })),
});
const Graph = v.object({
  roots: v.array(v.string()),
  redirects: v.record(v.string(), v.string()),
  modules: v.array(v.object({
    specifier: v.string(),
    npmPackage: v.optional(v.string()),
    dependencies: v.optional(v.array(Dependency), []),
  })),
});

/** The modules that are evaluated when a program starts. */
export interface StartModules {
  /** Modules of the project, as paths from its root. */
  readonly own: readonly string[];
  /** Packages, as `name@version`. */
  readonly packages: readonly string[];
  /** What they load with `import()` when it is needed. */
  readonly later: readonly LaterModule[];
}

/** A module behind an `import()`. */
export interface LaterModule {
  /** As it is written there. */
  readonly specifier: string;
  /** The module's path from the project's root. */
  readonly path: string;
}

/** Finds the modules of an entry that no `import()` stands before. */
export async function modulesAtStart(entry: string): Promise<StartModules> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: PROJECT,
  }).output();
  const graph = v.parse(Graph, JSON.parse(new TextDecoder().decode(stdout)));
  const resolve = (specifier: string) => graph.redirects[specifier] ?? specifier;
  const seen = new Set<string>();
  const own: string[] = [];
  const packages = new Set<string>();
  const later: LaterModule[] = [];
  const pathOf = (specifier: string) => specifier.replace(`file://${PROJECT}/`, "");
  const visit = (specifier: string) => {
    if (seen.has(specifier)) return;
    seen.add(specifier);
    const module = graph.modules.find((module) => module.specifier === specifier);
    if (module?.npmPackage !== undefined) packages.add(module.npmPackage);
    else own.push(pathOf(specifier));
    for (const { specifier, isDynamic, code } of module?.dependencies ?? []) {
      if (code === undefined) continue;
      const target = resolve(code.specifier);
      if (isDynamic) later.push({ specifier, path: pathOf(target) });
      else visit(target);
    }
  };
  graph.roots.map(resolve).forEach(visit);
  return { own, packages: [...packages], later };
}
