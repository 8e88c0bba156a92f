/**
 * The node's registries configuration, containers-registries.conf(5) version 2: files in, one
 * validated configuration out.
 */

import { parse, TomlError } from "smol-toml";
import { UserError } from "../errors.ts";
import { fileError, readTextFile } from "../files.ts";
import {
  checkTexts,
  memberError,
  type Members,
  membersOf,
  optionalFlag,
  optionalObject,
  optionalObjects,
  optionalText,
  requiredText,
  trimSlashesAtEnd,
} from "../parse.ts";
import type { Settings } from "../settings.ts";

/** One `[[registry]]` table, checked and with its defaults filled in. */
export interface Registry {
  /** What a reference must begin with; `*.host` for all sub-domains. */
  readonly prefix: string;
  /** What the prefix is rewritten to; empty only with a wildcard prefix: no rewriting. */
  readonly location: string;
  /** Whether pulls are refused. */
  readonly blocked: boolean;
  /** Locations of the mirrors, in the order in which they are tried. */
  readonly mirrors: readonly string[];
  /** The file the table stands in. */
  readonly file: string;
}

/** The tables of all files, merged: one for each prefix. */
export interface RegistriesConfiguration {
  /** The files that were read, in the order in which they were applied. */
  readonly files: readonly string[];
  readonly registries: readonly Registry[];
}

/** A configuration file as read. */
export interface RegistriesFile {
  readonly path: string;
  readonly text: string;
}

/** The main file, if there is one, and the drop-ins in the order in which they apply. */
export interface RegistriesFiles {
  readonly main: RegistriesFile | undefined;
  readonly dropIns: readonly RegistriesFile[];
}

/**
 * Reads the main file and the drop-ins.
 *
 * Of several main files the first that exists counts. Drop-ins apply in lexical order of their file
 * names across directories; of two with the same name only the one in the later directory is read.
 * A directory that does not exist is fine, and so is a file that vanishes after it was listed.
 *
 * @throws {UserError} when something that exists cannot be read.
 */
export function readRegistriesFiles(
  settings: Pick<Settings, "registriesConf" | "registriesConfDir">,
): RegistriesFiles {
  let main: RegistriesFile | undefined;
  for (const path of settings.registriesConf) {
    const text = readTextFile(path, { flag: "registries-conf" });
    if (text === undefined) continue;
    main = { path, text };
    break;
  }

  const paths = new Map<string, string>();
  for (const directory of settings.registriesConfDir) {
    for (const name of listDropIns(directory)) paths.set(name, `${directory}/${name}`);
  }
  const dropIns: RegistriesFile[] = [];
  for (const name of [...paths.keys()].sort(compareBytes)) {
    const path = paths.get(name) ?? "";
    const text = readTextFile(path, { flag: "registries-conf-dir" });
    if (text !== undefined) dropIns.push({ path, text });
  }
  return { main, dropIns };
}

function listDropIns(directory: string): string[] {
  const names: string[] = [];
  try {
    for (const entry of Deno.readDirSync(directory)) {
      if (!entry.isDirectory && entry.name.endsWith(".conf")) names.push(entry.name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError(directory, "list", "registries-conf-dir", error);
  }
  return names;
}

/** Go sorts strings by their bytes, JavaScript by UTF-16 units: they differ outside the BMP. */
function compareBytes(a: string, b: string): number {
  const left = [...a], right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * Parses the files and merges them: a drop-in's table replaces, as a whole, the one with the same
 * prefix from an earlier file.
 *
 * @throws {UserError} that names the file and the key, and for broken TOML line and column.
 */
export function mergeRegistries(files: RegistriesFiles): RegistriesConfiguration {
  const byPrefix = new Map<string, Registry>();
  const parsed = files.main === undefined ? [] : [parseRegistriesFile(files.main, { v1: true })];
  for (const dropIn of files.dropIns) parsed.push(parseRegistriesFile(dropIn, { v1: false }));
  for (const registries of parsed) {
    for (const registry of registries) byPrefix.set(registry.prefix, registry);
  }
  const read = [...(files.main === undefined ? [] : [files.main]), ...files.dropIns];
  return { files: read.map((file) => file.path), registries: [...byPrefix.values()] };
}

/** Keys of version 2, by which it is told from version 1. */
const VERSION_2_KEYS = [
  "registry",
  "unqualified-search-registries",
  "credential-helpers",
  "short-name-mode",
  "additional-layer-store-auth-helper",
  "aliases",
] as const;

const VERSION_1_TABLES = ["search", "insecure", "block"] as const;

/**
 * Parses one file into its tables; of two with the same prefix the first wins.
 *
 * @param accepts whether the old form without mirrors (`[registries.search]`) is accepted, as it is
 * in the main file.
 * @throws {UserError} when it breaks a rule of containers-registries.conf(5).
 */
export function parseRegistriesFile(file: RegistriesFile, accepts: { v1: boolean }): Registry[] {
  const document = membersOf(parseToml(file), file.path);
  const version1 = optionalObject(document, "registries");
  if (version1 !== undefined && VERSION_1_TABLES.some((key) => key in version1.all)) {
    if (!accepts.v1) throw new UserError(file.path, `"registries": a drop-in must be in version 2`);
    const mixed = VERSION_2_KEYS.find((key) => key in document.all);
    if (mixed !== undefined) {
      throw new UserError(
        file.path,
        `"registries" (version 1) and "${mixed}" (version 2) are mixed`,
      );
    }
    // Version 1 knows no mirrors and no rewriting.
    for (const key of VERSION_1_TABLES) {
      const table = optionalObject(version1, key);
      if (table !== undefined) checkTexts(table, "registries");
    }
    return [];
  }

  const tables = optionalObjects(document, "registry");
  const registries = tables.map((table) => readTable(table, file.path));
  checkOtherKeys(document);
  refuseConflicts(tables, registries, file.path);
  const byPrefix = new Map<string, Registry>();
  for (const registry of registries) {
    if (!byPrefix.has(registry.prefix)) byPrefix.set(registry.prefix, registry);
  }
  return [...byPrefix.values()];
}

function parseToml(file: RegistriesFile): Record<string, unknown> {
  try {
    // Keys that mean nothing here may hold any integer of TOML.
    return parse(file.text, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line of the message is the reason; the rest shows the place with a caret.
    const [reason = "", ...excerpt] = error.message.trimEnd().split("\n");
    const problem = reason.replace(/^Invalid TOML document: /, "");
    const place = `${file.path}:${error.line}:${error.column}`;
    throw new UserError(place, `not valid TOML: ${problem}${lineUnderCaret(excerpt)}`);
  }
}

/** The offending line alone, so that the error stays on one line. */
function lineUnderCaret(excerpt: readonly string[]): string {
  const caret = excerpt.findIndex((line) => /^\s*\^\s*$/.test(line));
  const line = excerpt[caret - 1]?.replace(/^\d+:\s*/, "").trim();
  return line === undefined || line === "" ? "" : `: ${line.slice(0, 120)}`;
}

/** Keys that mean nothing here, and are errors all the same where they are of another type. */
function checkOtherKeys(document: Members): void {
  checkTexts(document, "unqualified-search-registries");
  checkTexts(document, "credential-helpers");
  optionalText(document, "short-name-mode");
  optionalText(document, "additional-layer-store-auth-helper");
  const aliases = optionalObject(document, "aliases");
  if (aliases !== undefined) {
    for (const name of Object.keys(aliases.all)) requiredText(aliases, name);
  }
}

function readTable(table: Members, file: string): Registry {
  const prefixAsWritten = optionalText(table, "prefix") ?? "";
  const location = readLocation(table, "location");
  const blocked = optionalFlag(table, "blocked");
  optionalFlag(table, "insecure");
  const byDigestOnly = optionalFlag(table, "mirror-by-digest-only");
  const pull = optionalText(table, "pull-from-mirror") ?? "";
  const mirrors = optionalObjects(table, "mirror");
  const prefix = prefixAsWritten === "" ? location : readLocation(table, "prefix");
  if (prefix === "") {
    throw new UserError(file, `"${table.key}": both "prefix" and "location" are missing`);
  }
  const wildcard = prefix.startsWith("*.");
  if (location === "" && !wildcard) {
    throw memberError(
      table,
      "location",
      "is missing",
      `only a prefix of the form *.example.com may stand without it`,
    );
  }
  if (wildcard && /[/:@]/.test(prefix)) {
    throw memberError(
      table,
      "prefix",
      `${JSON.stringify(prefix)} is not of the form *.example.com`,
      "a wildcard covers whole hosts, without port or path",
    );
  }
  if (pull !== "") {
    throw memberError(table, "pull-from-mirror", "is set", "it belongs in a mirror's table");
  }
  const locations = mirrors.map((mirror) => readMirror(mirror, byDigestOnly));
  return { prefix, location, blocked, mirrors: locations, file };
}

function readMirror(mirror: Members, byDigestOnly: boolean): string {
  const location = readLocation(mirror, "location");
  optionalFlag(mirror, "insecure");
  const pull = optionalText(mirror, "pull-from-mirror") ?? "";
  if (location === "") throw memberError(mirror, "location", "is missing");
  if (pull === "") return location;
  if (byDigestOnly) {
    throw memberError(
      mirror,
      "pull-from-mirror",
      `is set together with "mirror-by-digest-only" of its registry`,
      "keep one of them",
    );
  }
  if (!["all", "digest-only", "tag-only"].includes(pull)) {
    throw memberError(
      mirror,
      "pull-from-mirror",
      `is ${JSON.stringify(pull)}`,
      "it may be all, digest-only or tag-only",
    );
  }
  return location;
}

function readLocation(table: Members, key: string): string {
  const location = trimSlashesAtEnd(optionalText(table, key) ?? "");
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
          file,
          `"registry[${index}].${key}" contradicts "registry[${earlier}].${key}"`,
          `both have the location ${JSON.stringify(location)}`,
        );
      }
    }
  }
}
