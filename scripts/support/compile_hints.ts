/** Marks the functions of a bundle that are worth compiling when it is loaded. */

import { type Function as FunctionNode, type Node, parse } from "acorn";
import { simple } from "acorn-walk";
import { SourceMap } from "node:module";

/**
 * Puts functions in parentheses, which the engine takes as a hint to compile them with the program
 * and not at their first call ("possibly invoked function expressions"). What is compiled with the
 * program is kept in the runtime's cache of compiled code; what is compiled at a call is compiled
 * again in every run. The program does what it did.
 *
 * Declarations on the top level become variables at the beginning of the program: there they are
 * initialised before anything else is executed, as declarations are. Methods, and declarations inside
 * of functions, cannot stand in parentheses and stay as they are.
 *
 * @param program a bundle, which imports nothing.
 * @param sourceMap its source map, as JSON.
 * @param isWanted whether the functions of a source are worth it, by the source's name in the map;
 * the bundler's own functions have an empty one.
 */
export function addCompileHints(
  program: string,
  sourceMap: string,
  isWanted: (source: string) => boolean,
): string {
  const sourceAt = sourceFinder(program, sourceMap);
  const declarations: string[] = [];
  let rest = "";
  let position = 0;
  for (const statement of parse(program, { ecmaVersion: "latest", sourceType: "module" }).body) {
    const text = parenthesise(program, statement, (node) => isWanted(sourceAt(firstCode(node))));
    rest += program.slice(position, statement.start);
    position = statement.end;
    const hoisted = statement.type === "FunctionDeclaration" &&
      isWanted(sourceAt(firstCode(statement)));
    if (hoisted) declarations.push(`${statement.id.name}=(${text})`);
    else rest += text;
  }
  rest += program.slice(position);
  return declarations.length === 0 ? rest : `var ${declarations.join()};${rest}`;
}

/** The text of a statement with parentheses around the wanted function expressions in it. */
function parenthesise(
  program: string,
  statement: Node,
  isWanted: (node: FunctionNode) => boolean,
): string {
  const marks: (readonly [position: number, mark: "(" | ")"])[] = [];
  const visit = (node: FunctionNode) => {
    // A method's function begins with its parameters.
    const isMethod = node.type === "FunctionExpression" && program[node.start] === "(";
    if (isMethod || !isWanted(node)) return;
    marks.push([node.start, "("], [node.end, ")"]);
  };
  simple(statement, { ArrowFunctionExpression: visit, FunctionExpression: visit });
  let text = "";
  let position = statement.start;
  for (const [at, mark] of marks.sort(([a], [b]) => a - b)) {
    text += program.slice(position, at) + mark;
    position = at;
  }
  return text + program.slice(position, statement.end);
}

/** Where a function's code begins: wrappers that the bundler adds are no part of any source. */
function firstCode({ body }: FunctionNode): number {
  return body.type === "BlockStatement" ? body.body[0]?.start ?? body.start : body.start;
}

/** Finds the source of a position in a program. */
function sourceFinder(program: string, sourceMap: string): (position: number) => string {
  const map = new SourceMap(JSON.parse(sourceMap));
  const lineStarts = [0];
  for (const { index } of program.matchAll(/\n/g)) lineStarts.push(index + 1);
  return (position) => {
    const line = lineStarts.findLastIndex((start) => start <= position);
    const entry = map.findEntry(line, position - (lineStarts[line] ?? 0));
    return "originalSource" in entry ? entry.originalSource : "";
  };
}
