/** Where the `[[registry]]` tables are in their files: for people to find, and no part of a pull. */

import { UserError } from "../../errors.ts";
import { parseRegistriesFile } from "./content.ts";
import type { RegistriesFile } from "./files.ts";
import type { Registry } from "./tables.ts";

/** A table and its place. */
export interface LocatedTable {
  readonly registry: Registry;
  /** The line of its `[[registry]]`, from 1. */
  readonly line: number;
}

/** In any case, as the loader takes it. */
const HEADER = /^\s*\[\[\s*(?:registry|"registry"|'registry')\s*\]\]/i;

/**
 * Finds the tables of a file, one after the other.
 *
 * The TOML parser gives no places, so the file is cut at the lines that look like headers. A line
 * within a text of several lines may look like one: there the part in front does not parse, and no
 * cut is made. Tables written as `registry = [{…}]` have no line of their own and are left out.
 *
 * @param file one that `parseRegistriesFile` accepts.
 */
export function locateTables(file: RegistriesFile): LocatedTable[] {
  const lines = file.text.split("\n");
  const tables: LocatedTable[] = [];
  let start = 0;
  for (let end = 0; end <= lines.length; end++) {
    // deno-coverage-ignore -- for the compiler: the index is in range
    if (end < lines.length && !HEADER.test(lines[end] ?? "")) continue;
    const text = lines.slice(start, end).map((line) => `${line}\n`).join("");
    const registries = tryParse({ path: file.path, text });
    if (registries === undefined) continue;
    const [registry] = registries;
    // deno-coverage-ignore -- for the compiler: the index is in range
    if (registry !== undefined && HEADER.test(lines[start] ?? "")) {
      tables.push({ registry, line: start + 1 });
    }
    start = end;
  }
  return tables;
}

function tryParse(part: RegistriesFile): Registry[] | undefined {
  try {
    return [...parseRegistriesFile(part, { v1: true }).registries];
  } catch (error) {
    // deno-coverage-ignore-start -- an error of another kind would be a bug
    if (error instanceof UserError) return undefined;
    throw error;
    // deno-coverage-ignore-stop
  }
}
