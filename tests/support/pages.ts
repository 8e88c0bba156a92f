/** Reads the pages of the documentation, for the tests that hold them against the program. */

import assert from "node:assert/strict";

const PROJECT = new URL("../../", import.meta.url);

/** A fenced block of a page. */
export interface Block {
  /** The word behind the fence: `sh` for commands, anything else for what they print. */
  readonly language: string;
  readonly text: string;
  /** The line of the fence, counted from 1. */
  readonly line: number;
}

/** A page of the documentation. */
export interface Page {
  /** From the project's directory. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** Reads a page, by its path from the project's directory. */
export async function readPage(path: string): Promise<Page> {
  const text = await Deno.readTextFile(new URL(path, PROJECT));
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1] ?? "",
    text: match[2] ?? "",
    line: text.slice(0, match.index).split("\n").length,
  }));
  return { path, text, blocks };
}

/** The pages of the project: those at its root, that of the tests, and all below `docs/` by their paths. */
export async function allPages(): Promise<Page[]> {
  const others = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md"];
  const docs = [...filesBelow(new URL("docs/", PROJECT))]
    .map((file) => file.pathname.slice(PROJECT.pathname.length))
    .filter((path) => path.endsWith(".md"));
  return await Promise.all([...others, ...docs.sort()].map(readPage));
}

/** The tables of a page whose header begins with a word: their rows, cell by cell. */
export function tableRows({ text }: Page, header: string): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) inside = false;
    else if (inside) rows.push(line.split("|").slice(1, -1).map((cell) => cell.trim()));
    else inside = new RegExp(`^\\| ${header} +\\|`).test(line);
  }
  // The line of hyphens under each header.
  return rows.filter(([first = ""]) => !/^-+$/.test(first));
}

/**
 * The calls of a program in commands, continued lines joined: the arguments of each. Words with quotes
 * are for the shell and are not understood.
 */
export function callsOf(commands: string, program: string): string[][] {
  const call = new RegExp(`(?<![\\w/.-])${program}(?= +[a-z-])((?: +[^\\s|<>&;()]+)*)`, "g");
  return [...commands.replaceAll(/ *\\\n */g, " ").matchAll(call)].map(([, words = ""]) => {
    assert.doesNotMatch(words, /["'$]/);
    return words.trim().split(/ +/).filter((word) => word !== "");
  });
}

/** The links of a page: path and fragment, either of which may be empty. */
export function links({ text }: Page): [path: string, fragment: string][] {
  return [...text.matchAll(/\]\(([^)\s#]*)(?:#([^)\s]*))?\)/g)]
    .map(([, path = "", fragment = ""]) => [path, fragment]);
}

/** The fragments that a page's headings can be reached by. */
export function fragments(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

/**
 * Whether a block shows a part of an output, whole lines of it. An ellipsis in the block stands for a
 * part of a line, and a line that is an ellipsis alone for any lines, or none.
 */
export function shows(block: string, output: string): boolean {
  const lines = block.trimEnd().split("\n").map((line) =>
    line === "…"
      ? "(?:[^]*\\n)?"
      : `${line.split("…").map((part) => RegExp.escape(part)).join(".*")}\\n`
  );
  return new RegExp(`^${lines.join("")}`, "m").test(`${output}\n`);
}

/** What the program prints from: the sources without comments, texts that are broken over lines joined. */
export async function sourceTexts(): Promise<string> {
  const texts = await Promise.all(
    [...filesBelow(new URL("src/", PROJECT))].map((file) => Deno.readTextFile(file)),
  );
  return texts.join("\n")
    .replaceAll(/^\s*(?:\/\/|\/\*|\*).*$/gm, "")
    .replaceAll(/[`"] \+\s*[`"]/g, "");
}

/** The files below a directory, in any depth. */
export function* filesBelow(directory: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* filesBelow(new URL(`${name}/`, directory));
    else yield new URL(name, directory);
  }
}
