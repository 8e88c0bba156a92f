/**
 * What a program could pass its permissions by, found by parsing it. The compiled form's runtime reads
 * whatever module `import()` names without asking for permission (denoland/deno 2.9.6,
 * cli/rt/run.rs); so a program imports nothing but its own modules, by their literal names, and holds
 * nothing that could make an `import()` out of text.
 */

import { type AnyNode, type Node, parse, type Program } from "acorn";
import { ancestor, full, simple } from "acorn-walk";
import LOCK_DOWN from "./lock_down.js" with { type: "text" };
import type { Modules } from "./program.ts";

/**
 * Looks for what opens a program: a module that is not part of it, or code before the lock-down.
 *
 * @param program an ECMAScript module, as it follows the line of what the build fixed.
 * @returns a sentence each; empty: there is nothing.
 */
export function findOpenings(program: string): string[] {
  const parsed = parseModule(program);
  if (typeof parsed === "string") return [parsed];
  const openings = program.startsWith(LOCK_DOWN) ? [] : [
    "the program does not begin with the lock-down (src/executable/lock_down.js, word for word)",
  ];
  // A function's declaration counts before all statements, also those of the lock-down.
  const declared = declaredNames(parsed);
  for (const name of USED_BY_LOCK_DOWN) {
    if (declared.has(name)) {
      openings.push(`the program puts its own ${name} in the lock-down's way`);
    }
  }
  full(parsed, (node) => {
    const what = LOADING.get(node.type);
    if (what !== undefined) openings.push(`the program ${what} at ${place(program, node)}`);
  });
  return openings;
}

/** What a program in one module begins with: the lock-down, word for word, and which program it is. */
export function beginningOf(name: string): string {
  return `${LOCK_DOWN}// ${name}\n`;
}

/**
 * The program of an executable whose bundle is in modules: the lock-down, word for word, and the
 * import of the first module once it is done. The modules have what the build fixed under its name, for good.
 *
 * @param first name of the module's file.
 */
export function entryOf(first: string): string {
  const value = `{value:BUILD,writable:false,configurable:false}`;
  return `${LOCK_DOWN}Object.defineProperty(globalThis,"BUILD",${value});\n` +
    `await import("./${first}");\n`;
}

/** Whether a bundle is just what loads one of the modules. */
export function startsModules(bundle: string, modules: Modules): boolean {
  return [...modules.keys()].some((name) => bundle === entryOf(name));
}

/**
 * Looks for what opens a module of a program: the import of anything but another of its modules, by a
 * literal name.
 *
 * @param name of the module's file, for the sentences.
 * @param others names of the program's modules.
 * @returns a sentence each; empty: there is nothing.
 */
export function findModuleOpenings(
  name: string,
  text: string,
  others: readonly string[],
): string[] {
  const parsed = parseModule(text);
  if (typeof parsed === "string") return [`${name}: ${parsed}`];
  const openings: string[] = [];
  const own = new Set(others.map((other) => `./${other}`));
  // Attributes could make another kind of module of the same file.
  const look = (node: Node, source: AnyNode, attributes: readonly Node[] | Node | null) => {
    const isOwn = source.type === "Literal" && typeof source.value === "string" &&
      own.has(source.value);
    const isPlain = attributes === null || (Array.isArray(attributes) && attributes.length === 0);
    if (!isOwn || !isPlain) {
      openings.push(`${name} imports what is not in the program at ${place(text, node)}`);
    }
  };
  full(parsed, (node) => {
    if (isNode(node, "ImportExpression")) look(node, node.source, node.options ?? null);
    else if (isNode(node, "ImportDeclaration")) look(node, node.source, node.attributes);
    else if (isNode(node, "ExportAllDeclaration")) look(node, node.source, node.attributes);
    else if (isNode(node, "ExportNamedDeclaration") && node.source) {
      look(node, node.source, node.attributes);
    }
  });
  return openings;
}

function isNode<Type extends AnyNode["type"]>(
  node: Node,
  type: Type,
): node is Extract<AnyNode, { type: Type }> {
  return node.type === type;
}

/** The syntax that loads a module. A program has nothing to export either. */
const LOADING: ReadonlyMap<string, string> = new Map([
  ["ImportExpression", "calls import()"],
  ["ImportDeclaration", "imports a module"],
  ["ExportNamedDeclaration", "exports"],
  ["ExportAllDeclaration", "exports a module"],
]);

/** The names by which the lock-down reaches the runtime. */
const USED_BY_LOCK_DOWN = [
  "globalThis",
  "undefined",
  "Deno",
  "Error",
  "Object",
  "Reflect",
  "Set",
  "URL",
];

/**
 * Looks for parts of the runtime that a program uses and the lock-down takes away, so that whoever
 * begins to use one learns of it in the build, and not on a node.
 *
 * @param program an ECMAScript module, whose local names are shorter than those of the runtime.
 * @returns a sentence each; empty: there is nothing.
 */
export function findMissing(program: string): string[] {
  const parsed = parseModule(program);
  // deno-coverage-ignore -- what is built was parsed before
  if (typeof parsed === "string") return [parsed];
  const declared = declaredNames(parsed);
  const missing = new Map<string, string>();
  const use = (name: string, node: Node) => {
    if (declared.has(name) || KEPT.has(name)) return;
    const advice =
      `do without it, or add it to the lists of src/executable/lock_down.js, which takes it away`;
    missing.set(name, `the program uses ${name} at ${place(program, node)}: ${advice}`);
  };
  ancestor(parsed, {
    Identifier(node, _state, ancestors) {
      if (!isAskedFor(ancestors)) use(node.name, node);
    },
    MemberExpression({ object, property }) {
      if (
        object.type === "Identifier" && object.name === "Deno" && property.type === "Identifier"
      ) {
        use(property.name, property);
      }
    },
  });
  return [...missing.values()];
}

/** The names in the lists of the lock-down, and what the build puts in front of a program. */
const KEPT: ReadonlySet<string> = new Set([
  ...["Deno", "arguments", "BUILD"],
  ...[...LOCK_DOWN.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name),
]);

/** Whether an identifier is in `typeof name`, which does no harm where there is none. */
function isAskedFor(ancestors: readonly AnyNode[]): boolean {
  const parent = ancestors.at(-2);
  return parent?.type === "UnaryExpression" && parent.operator === "typeof";
}

function declaredNames(program: Program): ReadonlySet<string> {
  const names = new Set<string>();
  const add = ({ id }: { readonly id?: { readonly name: string } | null }) => {
    if (id) names.add(id.name);
  };
  simple(program, {
    Function: add,
    Class: add,
    ImportDeclaration({ specifiers }) {
      specifiers.forEach(({ local }) => names.add(local.name));
    },
    // Also what is assigned to, which cannot be a part of the runtime.
    Pattern(node) {
      if (node.type === "Identifier") names.add(node.name);
    },
  });
  return names;
}

function parseModule(program: string): Program | string {
  try {
    return parse(program, { ecmaVersion: "latest", sourceType: "module" });
  } catch (error) {
    // deno-coverage-ignore -- for the compiler: the parser throws errors alone
    const reason = error instanceof Error ? error.message : "";
    return `the program cannot be parsed, so that nothing is known of it: ${reason}`;
  }
}

/** Where something is, and how it begins: a bundle's lines are long. */
function place(program: string, { start }: Node): string {
  const line = program.slice(0, start).split("\n").length;
  const column = start - program.lastIndexOf("\n", start - 1);
  return `${line}:${column} (${JSON.stringify(program.slice(start, start + EXCERPT))})`;
}

const EXCERPT = 40;
