/**
 * What a coverage run (lcov's tracefile format) leaves open, and the comments that say why.
 *
 * The comments are Deno's (`cli/tools/coverage/ignore_directives.rs` in denoland/deno): the word has to
 * be the first of a line comment; `-file` has to be the first comment of a file. Deno asks for no reason.
 */

/** How often the lines and branches of one file were run. */
export interface FileCoverage {
  readonly path: string;
  /** Runs by line number, from 1. */
  readonly lines: ReadonlyMap<number, number>;
  /** A line number and whether it was taken, for each branch. */
  readonly branches: readonly (readonly [line: number, taken: boolean])[];
}

/** Parses the records `SF`, `DA` and `BRDA` of a tracefile; other records are not looked at. */
export function parseTracefile(text: string): FileCoverage[] {
  return text.split("end_of_record").flatMap((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1];
    if (path === undefined) return [];
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)]
      .map(([, line, count]): [number, number] => [Number(line), Number(count)]);
    const branches = [...record.matchAll(/^BRDA:(\d+),\d+,\d+,(\d+|-)$/gm)]
      .map(([, line, count]): [number, boolean] => [Number(line), Number(count) > 0]);
    return [{ path, lines: new Map(lines), branches }];
  });
}

/**
 * The numbers of the lines that were not run, and of those of which a branch was not taken. What only
 * closes a block is left out.
 */
export function findUncovered({ lines, branches }: FileCoverage, source: string): number[] {
  const text = source.split("\n");
  const numbers = new Set<number>();
  for (const [line, count] of lines) if (count === 0) numbers.add(line);
  for (const [line, taken] of branches) if (!taken) numbers.add(line);
  return [...numbers]
    .filter((line) => !/^[)}\];,]*$/.test((text[line - 1] ?? "").trim()))
    .sort((a, b) => a - b);
}

/** What a reason begins with where some runs of the tests do run the lines, and others do not. */
const NOT_IN_EVERY_RUN = "not in every run:";

/** A comment that says why no test runs some lines. */
export interface Exception {
  /** Its own line, from 1. */
  readonly line: number;
  /** The first and the last line that it is for; `undefined` for the whole file. */
  readonly lines: readonly [first: number, last: number] | undefined;
  readonly reason: string;
}

/** Something to correct in a file. */
export interface Fault {
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

const FORM = "// deno-coverage-ignore, -start or -file, then -- and a reason, alone on its line";

/**
 * Reads the comments of a source, and finds those that Deno would not obey, or that give no reason.
 */
export function readExceptions(
  source: string,
): { readonly exceptions: readonly Exception[]; readonly faults: readonly Fault[] } {
  const exceptions: Exception[] = [];
  const faults: Fault[] = [];
  let open: { readonly line: number; readonly reason: string } | undefined;
  for (const [index, text] of source.split("\n").entries()) {
    if (!text.includes("deno-coverage-")) continue;
    const line = index + 1;
    if (/^ *\/\/ deno-coverage-ignore-stop$/.test(text)) {
      if (open === undefined) faults.push({ line, problem: "-stop without a -start" });
      else exceptions.push({ ...open, lines: [open.line, line] });
      open = undefined;
      continue;
    }
    const [, kind = "", reason] =
      /^ *\/\/ deno-coverage-ignore(-start|-file)? -- (\S.*)$/.exec(text) ?? [];
    if (reason === undefined) faults.push({ line, problem: `expected ${FORM}` });
    else if (kind === "-start" && open !== undefined) {
      faults.push({ line, problem: `the -start of line ${open.line} has no -stop yet` });
    } else if (kind === "-start") open = { line, reason };
    else if (kind === "-file" && line !== 1) {
      faults.push({ line, problem: "-file counts on the first line alone" });
    } else {
      exceptions.push({ line, lines: kind === "-file" ? undefined : [line + 1, line + 1], reason });
    }
  }
  if (open !== undefined) faults.push({ line: open.line, problem: "-start without a -stop" });
  return { exceptions, faults };
}

/**
 * The comments that are for nothing: every line that they are for is run. A comment for a whole file is
 * one where a test loads the file, for its lines can then be kept apart.
 *
 * @param uncovered the lines of the file that no test runs, comments or not; `undefined` where no test
 * loads it.
 */
export function findStale(
  exceptions: readonly Exception[],
  uncovered: readonly number[] | undefined,
): Fault[] {
  if (uncovered === undefined) return [];
  return exceptions.flatMap(({ line, lines, reason }) => {
    if (lines === undefined) {
      return [{
        line,
        problem: "tests load this file: give the reason at the lines they do not run",
      }];
    }
    const [first, last] = lines;
    if (reason.startsWith(NOT_IN_EVERY_RUN)) return [];
    if (uncovered.some((each) => each >= first && each <= last)) return [];
    return [{ line, problem: "tests run what this comment is for: remove it" }];
  });
}

/** A source whose comments Deno does not obey; its lines and columns are the same. */
export function withoutExceptions(source: string): string {
  return source.replaceAll("deno-coverage-ignore", "test-coverage-ignore");
}
