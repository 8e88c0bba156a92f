/** The `[[registry]]` tables of a registries file, checked and with their defaults filled in. */

import { hideUserInfo, UserError } from "../../errors.ts";
import {
  isObject,
  memberError,
  type Members,
  optionalFlag,
  optionalObjects,
  optionalText,
  trimSlashesAtEnd,
} from "../../text/parse.ts";
import type { RegistriesFile } from "./files.ts";
import { findTableMistake, type Mistake } from "./places.ts";
import { spell } from "./spelling.ts";

/** The pulls that a mirror is asked for. */
export type Pulls = "all" | "digest-only" | "tag-only";

/** A mirror of a registry. */
export interface Mirror {
  readonly location: string;
  /** By its own `pull-from-mirror`, or the `mirror-by-digest-only` of its registry. */
  readonly pulls: Pulls;
}

/** One `[[registry]]` table, checked and with its defaults filled in. */
export interface Registry {
  /** What a reference must begin with; `*.host` for all sub-domains. */
  readonly prefix: string;
  /** What the prefix is rewritten to; empty only with a wildcard prefix: no rewriting. */
  readonly location: string;
  /** Whether what this table applies to is not contacted. Its mirrors are another matter. */
  readonly blocked: boolean;
  /** In the order in which they are tried. */
  readonly mirrors: readonly Mirror[];
  /** The file the table is in. */
  readonly file: string;
}

// The names of the library (`sysregistriesv2`, toml tags).

const TABLE_KEYS: ReadonlySet<string> = new Set([
  "prefix",
  "location",
  "insecure",
  "blocked",
  "mirror",
  "mirror-by-digest-only",
  "pull-from-mirror",
]);
const MIRROR_KEYS: ReadonlySet<string> = new Set(["location", "insecure", "pull-from-mirror"]);

/**
 * Reads the tables of a file, in their order.
 *
 * @param twins takes up the keys that are written in more than one case.
 * @throws {UserError} when a table breaks a rule, or when two contradict each other.
 */
export function readTables(
  document: Members,
  file: RegistriesFile,
  twins: Mistake[],
): Registry[] {
  if (isObject(document.all["registry"])) {
    throw tableMistake(file, `"registry" must be an array of tables`);
  }
  const tables = optionalObjects(document, "registry")
    .map((table) => spell(table, TABLE_KEYS, twins));
  const registries = tables.map((table) => readTable(table, file, twins));
  refuseConflicts(tables, registries, file.path);
  return registries;
}

/** The error for a table in the place of several. */
function tableMistake(file: RegistriesFile, problem: string): UserError {
  const mistake = findTableMistake(file);
  return mistake === undefined ? new UserError("toml-invalid", file.path, problem) : new UserError(
    "registries-invalid",
    mistake.place,
    `${problem}: ${mistake.problem}`,
    mistake.advice,
  );
}

function readTable(table: Members, file: RegistriesFile, twins: Mistake[]): Registry {
  const prefixAsWritten = optionalText(table, "prefix") ?? "";
  const location = readLocation(table, "location");
  const blocked = optionalFlag(table, "blocked");
  optionalFlag(table, "insecure");
  const byDigestOnly = optionalFlag(table, "mirror-by-digest-only");
  const pull = optionalText(table, "pull-from-mirror") ?? "";
  if (isObject(table.all["mirror"])) {
    throw tableMistake(file, `"${table.key}.mirror" must be an array of tables`);
  }
  const mirrors = optionalObjects(table, "mirror").map((mirror) =>
    spell(mirror, MIRROR_KEYS, twins)
  );
  // A prefix of slashes alone applies to nothing, but is none that is missing.
  const prefix = prefixAsWritten === "" ? location : readLocation(table, "prefix");
  if (prefix === "" && location === "") {
    throw new UserError(
      "registries-invalid",
      file.path,
      `"${table.key}": both "prefix" and "location" are missing`,
    );
  }
  const wildcard = prefix.startsWith("*.");
  if (location === "" && !wildcard) {
    throw memberError(
      table,
      "location",
      "is missing",
      `only a prefix of the form *.example.com may be without it`,
    );
  }
  if (wildcard && /[/:@]/.test(prefix)) {
    throw memberError(
      table,
      "prefix",
      `${JSON.stringify(hideUserInfo(prefix))} is not of the form *.example.com`,
      "a wildcard covers whole hosts, without port or path",
    );
  }
  if (pull !== "") {
    throw memberError(table, "pull-from-mirror", "is set", "it belongs in a mirror's table");
  }
  const read = mirrors.map((mirror) => readMirror(mirror, byDigestOnly));
  return { prefix, location, blocked, mirrors: read, file: file.path };
}

function readMirror(mirror: Members, byDigestOnly: boolean): Mirror {
  const location = readLocation(mirror, "location");
  optionalFlag(mirror, "insecure");
  const pull = optionalText(mirror, "pull-from-mirror") ?? "";
  if (location === "") throw memberError(mirror, "location", "is missing");
  if (pull === "") return { location, pulls: byDigestOnly ? "digest-only" : "all" };
  if (byDigestOnly) {
    throw memberError(
      mirror,
      "pull-from-mirror",
      `is set together with "mirror-by-digest-only" of its registry`,
      "keep one of them",
    );
  }
  if (pull !== "all" && pull !== "digest-only" && pull !== "tag-only") {
    throw memberError(
      mirror,
      "pull-from-mirror",
      "has an unknown value",
      "it may be all, digest-only or tag-only",
    );
  }
  return { location, pulls: pull };
}

function readLocation(table: Members, key: string): string {
  return checkLocation(table, key, optionalText(table, key) ?? "");
}

/**
 * A location without the slashes at its end.
 *
 * @throws {UserError} when it begins with a URL scheme.
 */
export function checkLocation(table: Members, key: string, written: string): string {
  const location = trimSlashesAtEnd(written);
  if (location.startsWith("http://") || location.startsWith("https://")) {
    throw memberError(table, key, "begins with a URL scheme", "leave out http:// and https://");
  }
  return location;
}

/** The same location must be `insecure` and `blocked` alike wherever a file names it. */
function refuseConflicts(
  tables: readonly Members[],
  registries: readonly Registry[],
  file: string,
): void {
  const first = new Map<string, number>();
  for (const [index, registry] of registries.entries()) {
    const location = registry.location === "" ? registry.prefix : registry.location;
    const earlier = first.get(location);
    if (earlier === undefined) {
      first.set(location, index);
      continue;
    }
    for (const key of ["insecure", "blocked"] as const) {
      if (optionalFlag(tables[index], key) !== optionalFlag(tables[earlier], key)) {
        throw new UserError(
          "registries-invalid",
          file,
          `"registry[${index}].${key}" contradicts "registry[${earlier}].${key}"`,
          `both have the location ${JSON.stringify(hideUserInfo(location))}`,
        );
      }
    }
  }
}
