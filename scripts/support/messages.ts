/** Every sentence that the programs may print, collected from their code, to be read as a list. */

import { type AnyNode, parse } from "acorn";
import { fullAncestor } from "acorn-walk";
import { PROJECT } from "./project.ts";

/** A text of the program. */
export interface Message {
  /** The module that it is written in, from the project's root. */
  readonly module: string;
  /** The text, with `{…}` for what is put in at run time. */
  readonly text: string;
}

/** The entries whose texts people read. */
const ENTRIES = ["src/main.ts", "src/ctl.ts"];

/** Collects the texts of both programs that have words in them, in the order of their modules. */
export async function collectMessages(): Promise<Message[]> {
  const found = new Map<string, Message>();
  for (const entry of ENTRIES) {
    for (const message of messagesOf(await bundleReadable(entry))) {
      found.set(`${message.module}\n${message.text}`, message);
    }
  }
  return [...found.values()].sort((a, b) => a.module < b.module ? -1 : a.module > b.module ? 1 : 0);
}

/**
 * The texts of a program.
 *
 * @param program a bundle that is not minified: a comment in front of each module names it.
 */
export function messagesOf(program: string): Message[] {
  const modules: { start: number; name: string }[] = [];
  const parsed = parse(program, {
    ecmaVersion: "latest",
    sourceType: "module",
    onComment: (isBlock, text, start) => {
      if (!isBlock && /^ \S+\.(?:[mc]?[jt]s)$/.test(text)) {
        modules.push({ start, name: text.trim() });
      }
    },
  });
  const messages: Message[] = [];
  fullAncestor(parsed, (node, _state, ancestors) => {
    const parent = ancestors.at(-2);
    if (!isText(node) || (parent !== undefined && isText(parent)) || isWithinText(ancestors)) {
      return;
    }
    const text = render(node, program);
    // A sentence has at least two words.
    if (!/[a-z]{2,}[^a-z\n]* [^\n]*[a-z]{2,}/i.test(text.replaceAll(/\{[^}]*\}/g, "{xx}"))) return;
    const module = modules.findLast(({ start }) => start < node.start)?.name ?? "";
    if (module.startsWith("src/")) messages.push({ module, text });
  });
  return messages;
}

/** A text as written: a literal, a template, or several joined. */
function isText(node: AnyNode): boolean {
  if (node.type === "Literal") return typeof node.value === "string";
  if (node.type === "BinaryExpression") {
    return node.operator === "+" && (isText(node.left) || isText(node.right));
  }
  return node.type === "TemplateLiteral";
}

/** Whether a part of a joined text is shown with the whole already. */
function isWithinText(ancestors: readonly AnyNode[]): boolean {
  return ancestors.slice(0, -1).some((node) =>
    node.type === "BinaryExpression" && isText(node) && ancestors.at(-1)?.type !== "TemplateLiteral"
  );
}

function render(node: AnyNode, program: string): string {
  if (node.type === "Literal") return String(node.value);
  if (node.type === "TemplateLiteral") {
    return node.quasis.map((part, index) => {
      const value = node.expressions[index];
      return (part.value.cooked ?? "") + (value === undefined ? "" : hole(value, program));
    }).join("");
  }
  if (node.type === "BinaryExpression") {
    return `${render(node.left, program)}${render(node.right, program)}`;
  }
  return hole(node, program);
}

/** The placeholder of a value: its name, where it has a short one. */
function hole(node: AnyNode, program: string): string {
  const code = program.slice(node.start, node.end);
  const name = /^(?:JSON\.stringify|quote|hideUserInfo)\(([\w.]+)\)$/.exec(code)?.[1] ?? code;
  return /^[\w.]{1,30}$/.test(name) ? `{${name}}` : "{…}";
}

async function bundleReadable(entry: string): Promise<string> {
  // The runtime fetches its bundler at the first use, and fails where another is about to do the same.
  using file = await Deno.open(`${PROJECT}/deno.json`);
  await file.lock(true);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", entry],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`deno bundle failed: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
