/**
 * Where things are in a registries file, and what its writer probably meant. The TOML parser reports the
 * places of its own errors alone. Nothing here quotes the file: it may be another one by mistake, with
 * credentials in it.
 */

import type { RegistriesFile } from "./files.ts";

/** Both from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where a pattern first matches a line of a text, at its first character that is no space. */
function findLine(text: string, pattern: RegExp): Place | undefined {
  for (const [index, line] of text.split("\n").entries()) {
    if (pattern.test(line)) return { line: index + 1, column: line.search(/\S/) + 1 };
  }
  return undefined;
}

/** `FILE:LINE:COLUMN`, or the file alone when the place is not known. */
function formatPlace({ path }: RegistriesFile, place: Place | undefined): string {
  // deno-coverage-ignore -- no test has a place that is not known
  return place === undefined ? path : `${path}:${place.line}:${place.column}`;
}

/** What a file says that its writer hardly meant, where, and what to do. */
export interface Mistake {
  /** `FILE:LINE:COLUMN`, or the file alone. */
  readonly place: string;
  readonly problem: string;
  readonly advice: string;
}

/** A mistake in one line, as errors are written. */
export function formatMistake({ place, problem, advice }: Mistake): string {
  return `${place}: ${problem}; ${advice}`;
}

/** Lines that make one table of what is a list of tables. */
const SINGLE_TABLES: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["registry", /^\s*\[\s*["']?registry["']?\s*\]\s*(?:#|$)/i],
  ["registry.mirror", /^\s*\[\s*["']?registry["']?\s*\.\s*["']?mirror["']?\s*\]\s*(?:#|$)/i],
];

/** The mistake by which tables are most likely not what they look like, if there is one. */
export function findTableMistake(file: RegistriesFile): Mistake | undefined {
  for (const [name, pattern] of SINGLE_TABLES) {
    const found = findLine(file.text, pattern);
    if (found === undefined) continue;
    return {
      place: formatPlace(file, found),
      problem: `[${name}] is a single table, expected several`,
      advice: `write [[${name}]], with two brackets`,
    };
  }
  const mirror = findLine(
    file.text,
    /^\s*\[\[\s*["']?registry["']?\s*\.\s*["']?mirror["']?\s*\]\]/i,
  );
  const registry = findLine(file.text, /^\s*\[\[\s*["']?registry["']?\s*\]\]/i);
  if (mirror !== undefined && (registry === undefined || registry.line > mirror.line)) {
    return {
      place: formatPlace(file, mirror),
      problem: "[[registry.mirror]] comes before any [[registry]]",
      advice: "put the [[registry]] that it is a mirror of above it",
    };
  }
  return undefined;
}

/** Whether a text looks like JSON, as auth files are. */
export function looksLikeJson(text: string): boolean {
  return text.trimStart().startsWith("{");
}

/** `FILE:LINE:COLUMN` of a key at the beginning of a line, or the file alone. */
export function placeOfKey(file: RegistriesFile, key: string): string {
  const pattern = new RegExp(`^\\s*["']?${RegExp.escape(key)}["']?\\s*=`, "i");
  return formatPlace(file, findLine(file.text, pattern));
}

/** The line on which a location first is in a file; `undefined` when it is not found. */
export function lineOfLocation({ text }: RegistriesFile, location: string): number | undefined {
  const value = RegExp.escape(location);
  const pattern = new RegExp(`(?:^|[{,\\s"'])location["']?\\s*=\\s*["']${value}/*["']`, "i");
  return findLine(text, pattern)?.line;
}

/**
 * Keys of the whole file that are below a table, and so are keys of that table, which nobody reads. Below
 * the aliases they are aliases, which the loader refuses.
 */
export function findMisplacedKeys(file: RegistriesFile): Mistake[] {
  const mistakes: Mistake[] = [];
  let table = "";
  for (const [index, line] of file.text.split("\n").entries()) {
    const [header] = /^\s*\[\[?[\w\s.'"-]+\]\]?/.exec(line) ?? [];
    if (header !== undefined) table = header.trim();
    const [, key] =
      /^\s*["']?(unqualified-search-registries|short-name-mode|credential-helpers|additional-layer-store-auth-helper)["']?\s*=/i
        .exec(line) ?? [];
    if (key === undefined || table === "" || /^\[\W*aliases\b/i.test(table)) continue;
    mistakes.push({
      place: formatPlace(file, { line: index + 1, column: line.search(/\S/) + 1 }),
      problem: `"${key}" is below ${table}: it is a key of that table, and is not read`,
      advice: "put it above the first table",
    });
  }
  return mistakes;
}
