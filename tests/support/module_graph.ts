/** Which modules an entry is made of, as the runtime sees them. */

import * as v from "valibot";
import { PROJECT } from "../../scripts/support/project.ts";

const Dependency = v.object({
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
  const visit = (specifier: string) => {
    if (seen.has(specifier)) return;
    seen.add(specifier);
    const module = graph.modules.find((module) => module.specifier === specifier);
    if (module?.npmPackage !== undefined) packages.add(module.npmPackage);
    else own.push(specifier.replace(`file://${PROJECT}/`, ""));
    for (const { isDynamic, code } of module?.dependencies ?? []) {
      if (code !== undefined && !isDynamic) visit(resolve(code.specifier));
    }
  };
  graph.roots.map(resolve).forEach(visit);
  return { own, packages: [...packages] };
}
