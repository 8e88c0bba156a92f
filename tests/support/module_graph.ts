/** Which modules an entry is made of, as the runtime sees them. */

import * as v from "valibot";
import { PROJECT } from "../../scripts/support/project.ts";

const Dependency = v.object({
  isDynamic: v.optional(v.boolean(), false),
  code: v.optional(v.object({ specifier: v.string() })),
  type: v.optional(v.object({ specifier: v.string() })),
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
  const graph = await readGraph(entry);
  const resolve = (specifier: string) => graph.redirects[specifier] ?? specifier;
  const seen = new Set<string>();
  const own: string[] = [];
  const packages = new Set<string>();
  const visit = (specifier: string) => {
    if (seen.has(specifier)) return;
    seen.add(specifier);
    const module = graph.modules.find((module) => module.specifier === specifier);
    if (module?.npmPackage !== undefined) packages.add(module.npmPackage);
    else own.push(pathOf(specifier));
    for (const { isDynamic, code } of module?.dependencies ?? []) {
      if (code !== undefined && !isDynamic) visit(resolve(code.specifier));
    }
  };
  graph.roots.map(resolve).forEach(visit);
  return { own, packages: [...packages] };
}

async function readGraph(entry: string): Promise<v.InferOutput<typeof Graph>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: PROJECT,
  }).output();
  return v.parse(Graph, JSON.parse(new TextDecoder().decode(stdout)));
}

function pathOf(specifier: string): string {
  return specifier.replace(`file://${PROJECT}/`, "");
}

/** An import of one module of the project by another. */
export interface Import {
  /** Paths from the project's root. */
  readonly from: string;
  readonly to: string;
  /** Whether it is of types alone, so that nothing is loaded by it. */
  readonly isType: boolean;
}

/** Every import among the modules of `src/`, of types and by `import()` as well. */
export async function importsOfSource(): Promise<Import[]> {
  const files: string[] = [];
  for await (const path of sourceFiles("src")) files.push(path);
  const imports = new Map<string, readonly Import[]>();
  for (const entry of ["src/main.ts", "src/ctl.ts", ...files]) {
    if (imports.has(entry)) continue;
    const { modules, redirects } = await readGraph(entry);
    for (const { specifier, dependencies } of modules) {
      const from = pathOf(specifier);
      imports.set(
        from,
        dependencies.flatMap(({ code, type }) => {
          const target = code?.specifier ?? type?.specifier;
          const to = target === undefined ? "" : pathOf(redirects[target] ?? target);
          return to.startsWith("src/") ? [{ from, to, isType: code === undefined }] : [];
        }),
      );
    }
  }
  return [...imports.values()].flat();
}

async function* sourceFiles(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${PROJECT}/${directory}`)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* sourceFiles(path);
    else if (name.endsWith(".ts")) yield path;
  }
}
