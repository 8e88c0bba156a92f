/** What a coverage run (lcov's tracefile format) leaves open, held against the reasons on file. */

import * as v from "valibot";
import { parseJson } from "../../src/text/parse.ts";
import { check } from "../../src/text/schema.ts";

/** How often the lines and branches of one file were run. */
export interface FileCoverage {
  readonly path: string;
  /** Runs by line number, from 1. */
  readonly lines: ReadonlyMap<number, number>;
  /** A line number and whether it was taken, for each branch. */
  readonly branches: readonly (readonly [line: number, taken: boolean])[];
}

/** Something that no test ran. */
export interface Uncovered {
  readonly path: string;
  /** 0: no test loads the file. */
  readonly line: number;
  /** The line without its indentation, by which a reason finds it; empty for a whole file. */
  readonly code: string;
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
 * The lines that were not run, and those of which a branch was not taken. What only closes a block
 * is left out.
 */
export function findUncovered(
  { path, lines, branches }: FileCoverage,
  source: string,
): Uncovered[] {
  const text = source.split("\n");
  const numbers = new Set<number>();
  for (const [line, count] of lines) if (count === 0) numbers.add(line);
  for (const [line, taken] of branches) if (!taken) numbers.add(line);
  return [...numbers].sort((a, b) => a - b)
    .map((line) => ({ path, line, code: codeOf(text, line) }))
    .filter(({ code }) => code !== "");
}

/** A line that goes on after a closing brace is told from its like by the line that follows. */
function codeOf(text: readonly string[], line: number): string {
  const code = (text[line - 1] ?? "").trim();
  if (/^[)}\];,]*$/.test(code)) return "";
  return code.startsWith("}") ? `${code} ${(text[line] ?? "").trim()}` : code;
}

const Reasons = v.array(v.strictObject({
  reason: v.pipe(v.string(), v.minLength(10, "says too little")),
  /** By file: the lines, or `*` for all of it. */
  places: v.record(v.string(), v.union([v.literal("*"), v.array(v.string())])),
}));

/** Why something is not covered, with the lines by file or `*` for a whole file. */
export type Reasons = v.InferOutput<typeof Reasons>;

/**
 * Parses the file of reasons.
 *
 * @throws {UserError} when it is of another form.
 */
export function parseReasons(text: string, path: string): Reasons {
  return check(Reasons, parseJson(text, path), path);
}

/** Uncovered places by their reason, those without one, and reasons that nothing needs. */
export interface Explained {
  readonly explained: ReadonlyMap<string, readonly Uncovered[]>;
  readonly unexplained: readonly Uncovered[];
  /** `file: code` that is covered now, or gone. */
  readonly needless: readonly string[];
}

/** Finds the reason of each place. */
export function explain(uncovered: readonly Uncovered[], reasons: Reasons): Explained {
  const explained = new Map<string, Uncovered[]>();
  const unexplained: Uncovered[] = [];
  const needed = new Set<string>();
  for (const place of uncovered) {
    const found = reasons.find(({ places }) => {
      const codes = places[place.path];
      return codes === "*" || codes?.includes(place.code);
    });
    if (found === undefined) {
      unexplained.push(place);
      continue;
    }
    const whole = found.places[place.path] === "*";
    needed.add(`${place.path}: ${whole ? "*" : place.code}`);
    explained.set(found.reason, [...explained.get(found.reason) ?? [], place]);
  }
  const needless = reasons.flatMap(({ places }) =>
    Object.entries(places).flatMap(([path, codes]) =>
      [codes].flat().map((code) => `${path}: ${code}`)
    )
  ).filter((entry) => !needed.has(entry));
  return { explained, unexplained, needless };
}
