/** Marks the functions of a program to be compiled when it is loaded. */

import { type Function as FunctionNode, type Node, parse } from "acorn";
import { simple } from "acorn-walk";

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
 * @param program an ECMAScript module without import declarations.
 */
export function addCompileHints(program: string): string {
  const declarations: string[] = [];
  let rest = "";
  let position = 0;
  for (const statement of parse(program, { ecmaVersion: "latest", sourceType: "module" }).body) {
    const text = parenthesise(program, statement);
    rest += program.slice(position, statement.start);
    position = statement.end;
    if (statement.type === "FunctionDeclaration") {
      declarations.push(`${statement.id.name}=(${text})`);
    } else rest += text;
  }
  rest += program.slice(position);
  return declarations.length === 0 ? rest : `var ${declarations.join()};${rest}`;
}

/** The text of a statement with parentheses around the function expressions in it. */
function parenthesise(program: string, statement: Node): string {
  const marks: (readonly [position: number, mark: "(" | ")"])[] = [];
  const visit = (node: FunctionNode) => {
    // A method's function begins with its parameters.
    const isMethod = node.type === "FunctionExpression" && program[node.start] === "(";
    if (!isMethod) marks.push([node.start, "("], [node.end, ")"]);
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
