/** Lines that fit a width, broken at spaces. */

/** The width of help: that of the terminals that everything can be read on. */
export const HELP_COLUMNS = 80;

/** Narrower than this nothing can be read. */
const LEAST_COLUMNS = 40;

/**
 * Breaks a line at spaces. A word that is longer than the width stays whole, since paths and hosts are
 * copied from it.
 *
 * @param columns the width.
 * @param indent spaces in front of each line but the first.
 */
export function wrapLine(line: string, columns: number, indent: number): string[] {
  const lines: string[] = [];
  const margin = " ".repeat(Math.min(indent, Math.floor(columns / 2)));
  let rest = line;
  while (rest.length > columns) {
    // What is to the left of the indent in the first line is a label.
    const start = Math.max(margin.length, rest.length - rest.trimStart().length);
    const before = rest.lastIndexOf(" ", columns);
    const at = before > start ? before : rest.indexOf(" ", Math.max(columns, start));
    if (at === -1) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = margin + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/**
 * Breaks what a command reports for people: what belongs to a label or a bullet is indented as its
 * beginning is.
 *
 * @param columns of the terminal; `undefined`: none, so that lines are left as they are, for `grep`.
 */
export function wrapReport(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  const width = Math.max(columns, LEAST_COLUMNS);
  return text.split("\n").flatMap((line) => wrapLine(line, width, hangingIndent(line)))
    .join("\n");
}

/** `ok    registries   2 files` and `  - secret "a"`: where the text begins. */
function hangingIndent(line: string): number {
  const labelled = /^(?:\S+ {2,}){1,2}/.exec(line)?.[0].length;
  // deno-coverage-ignore -- for the compiler: the pattern matches any text
  return labelled ?? (/^ *(?:[-+] |-> )?/.exec(line)?.[0].length ?? 0);
}
