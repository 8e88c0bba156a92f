/**
 * The node's registries configuration, containers-registries.conf(5) version 2: files in, one
 * validated configuration out.
 */

import { parse, TomlError } from "smol-toml";
import { hideUserInfo, UserError } from "../../errors.ts";
import { fileError, readTextFile } from "../../process/files.ts";
import {
  checkTexts,
  foldName,
  isObject,
  memberError,
  type Members,
  membersOf,
  optionalFlag,
  optionalList,
  optionalObject,
  optionalObjects,
  optionalText,
  requiredText,
  trimSlashesAtEnd,
} from "../../text/parse.ts";
import type { Settings } from "../../settings/settings.ts";
import {
  findTableMistake,
  formatMistake,
  looksLikeJson,
  type Mistake,
  placeOfKey,
} from "./places.ts";
import { isHost, isShortName, parseAliasTarget } from "../reference.ts";

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
  /** The file the table stands in. */
  readonly file: string;
}

/** A short name's repository. */
export interface Alias {
  /** As written; empty where an earlier file's alias is taken back. */
  readonly target: string;
  readonly file: string;
}

/** The files merged: one table for each prefix. */
export interface RegistriesConfiguration {
  /** The files that were read, in the order in which they were applied. */
  readonly files: readonly string[];
  readonly registries: readonly Registry[];
  /** `credential-helpers` of the last file that has it. */
  readonly credentialHelpers: CredentialHelpers | undefined;
  /** By short name. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Keys that are written in more than one case. */
  readonly twins: readonly Mistake[];
}

/** What is asked for credentials, in this order: programs, and `containers-auth.json` for auth files. */
export interface CredentialHelpers {
  readonly helpers: readonly string[];
  readonly file: string;
}

/** What one file says. */
export interface RegistriesContent {
  /** One for each prefix. */
  readonly registries: readonly Registry[];
  /** `undefined` where the file does not have them. */
  readonly credentialHelpers: readonly string[] | undefined;
  readonly aliases: ReadonlyMap<string, string>;
  readonly twins: readonly Mistake[];
  /** Whether the file is in the old form, version 1. */
  readonly isVersion1: boolean;
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
 * prefix from an earlier file, its alias the one of the same name, and its list of credential helpers the
 * earlier list.
 *
 * @throws {UserError} that names the file and the key, and for broken TOML line and column.
 */
export function mergeRegistries(files: RegistriesFiles): RegistriesConfiguration {
  const byPrefix = new Map<string, Registry>();
  const aliases = new Map<string, Alias>();
  const twins: Mistake[] = [];
  const read: string[] = [];
  let credentialHelpers: CredentialHelpers | undefined;
  const merge = (file: RegistriesFile, accepts: { readonly v1: boolean }) => {
    const { path } = file;
    const content = parseRegistriesFile(file, accepts);
    for (const registry of content.registries) byPrefix.set(registry.prefix, registry);
    for (const [name, target] of content.aliases) aliases.set(name, { target, file: path });
    const helpers = content.credentialHelpers;
    if (helpers !== undefined) credentialHelpers = { helpers, file: path };
    twins.push(...content.twins);
    read.push(path);
  };
  if (files.main !== undefined) merge(files.main, { v1: true });
  for (const dropIn of files.dropIns) merge(dropIn, { v1: false });
  return { files: read, registries: [...byPrefix.values()], credentialHelpers, aliases, twins };
}

// The library's names, which are matched without regard to case (`sysregistriesv2`, toml tags).

/** Keys of version 2, by which it is told from version 1, and the one of version 1. */
const FILE_KEYS: ReadonlySet<string> = new Set([
  "registry",
  "unqualified-search-registries",
  "credential-helpers",
  "short-name-mode",
  "additional-layer-store-auth-helper",
  "aliases",
  "registries",
]);
const VERSION_1_TABLES = ["search", "insecure", "block"] as const;
const VERSION_1_KEYS: ReadonlySet<string> = new Set(VERSION_1_TABLES);
const LIST_KEYS: ReadonlySet<string> = new Set(["registries"]);
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
 * A table with its keys in the library's spelling. Where a key stands in two spellings, the library's
 * choice is left to chance; here the exact one counts, or else the first.
 */
function spell(table: Members, names: ReadonlySet<string>, twins: Mistake[]): Members {
  let renamed: Map<string, unknown> | undefined;
  for (const [key, value] of Object.entries(table.all)) {
    if (names.has(key)) continue;
    const name = foldName(key);
    if (!names.has(name)) continue;
    renamed ??= new Map(Object.entries(table.all));
    if (renamed.has(name)) {
      const place = table.key === "" ? `"${name}"` : `"${name}" in "${table.key}"`;
      twins.push({
        place: table.where,
        problem: `${place} is written in more than one case, and which one CRI-O reads is left ` +
          "to chance",
        advice: "keep one of them",
      });
    } else renamed.set(name, value);
  }
  return renamed === undefined ? table : { ...table, all: Object.fromEntries(renamed) };
}

/**
 * Parses one file; of two tables with the same prefix the first wins.
 *
 * @param accepts whether the old form without mirrors (`[registries.search]`) is accepted, as it is
 * in the main file by the older library.
 * @throws {UserError} when it breaks a rule of containers-registries.conf(5), or one that the image
 * library has beside (go.podman.io/image, `sysregistriesv2`): CRI-O then refuses every pull.
 */
export function parseRegistriesFile(
  file: RegistriesFile,
  accepts: { readonly v1: boolean },
): RegistriesContent {
  const twins: Mistake[] = [];
  const document = spell(membersOf(parseToml(file), file.path), FILE_KEYS, twins);
  const lists = readVersion1(document, twins);
  if (lists.size > 0) {
    if (!accepts.v1) {
      throw new UserError(
        "registries-invalid",
        file.path,
        `"registries": a drop-in must be in version 2`,
      );
    }
    const mixed = [...FILE_KEYS].find((key) => key !== "registries" && isSet(document, key));
    if (mixed !== undefined) {
      throw new UserError(
        "registries-invalid",
        file.path,
        `"registries" (version 1) and "${mixed}" (version 2) are mixed`,
      );
    }
    const registries = tablesOfVersion1(document, lists, file.path);
    checkSearchRegistries(document, "registries.search.registries", lists.get("search") ?? []);
    const none = { credentialHelpers: undefined, aliases: new Map() };
    return { registries, ...none, twins, isVersion1: true };
  }

  const tables = readTables(document, file, twins);
  const registries = tables.map((table) => readTable(table, file, twins));
  refuseConflicts(tables, registries, file.path);
  const helpers = readTexts(document, "credential-helpers");
  const aliases = checkOtherKeys(document, file);
  const byPrefix = new Map<string, Registry>();
  for (const registry of registries) {
    if (!byPrefix.has(registry.prefix)) byPrefix.set(registry.prefix, registry);
  }
  return {
    registries: [...byPrefix.values()],
    credentialHelpers: helpers,
    aliases,
    twins,
    isVersion1: false,
  };
}

/** Whether the library's decoder has set a field: empty lists and tables are set, empty texts are not. */
function isSet({ all }: Members, key: string): boolean {
  return all[key] !== undefined && all[key] !== "";
}

/**
 * The lists of version 1 by table. A table without its list counts for nothing, an empty list does count
 * (`V1RegistriesConf.hasSetField`).
 */
function readVersion1(document: Members, twins: Mistake[]): Map<string, readonly string[]> {
  const lists = new Map<string, readonly string[]>();
  const written = optionalObject(document, "registries");
  if (written === undefined) return lists;
  const version1 = spell(written, VERSION_1_KEYS, twins);
  for (const key of VERSION_1_TABLES) {
    const table = optionalObject(version1, key);
    const list = table && readTexts(spell(table, LIST_KEYS, twins), "registries");
    if (list !== undefined) lists.set(key, list);
  }
  return lists;
}

/** Version 1 knows no mirrors and no rewriting; what it blocks is blocked (`ConvertToV2`). */
function tablesOfVersion1(
  document: Members,
  lists: ReadonlyMap<string, readonly string[]>,
  file: string,
): Registry[] {
  const registries = new Map<string, Registry>();
  for (const key of ["block", "insecure"]) {
    for (const [index, written] of (lists.get(key) ?? []).entries()) {
      const place = `registries.${key}.registries[${index}]`;
      const location = checkLocation(document, place, written);
      if (location === "") throw memberError(document, place, "is empty", NAME_A_REGISTRY);
      if (registries.has(location)) continue;
      const blocked = key === "block";
      registries.set(location, { prefix: location, location, blocked, mirrors: [], file });
    }
  }
  return [...registries.values()];
}

/** `undefined` when the list is missing. */
function readTexts(object: Members, key: string): readonly string[] | undefined {
  if (object.all[key] === undefined) return undefined;
  checkTexts(object, key);
  return optionalList(object, key).filter((value) => typeof value === "string");
}

function parseToml(file: RegistriesFile): Record<string, unknown> {
  try {
    // Keys that mean nothing here may hold any integer of TOML.
    const document = parse(file.text, { integersAsBigInt: "asNeeded" });
    if (!isInRange(document)) {
      throw new UserError(
        "toml-invalid",
        file.path,
        "not valid TOML: an integer does not fit into 64 bits",
      );
    }
    return document;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const place = `${file.path}:${error.line}:${error.column}`;
    if (looksLikeJson(file.text)) {
      const advice = "a registries file is TOML; auth files belong elsewhere";
      throw new UserError(
        "toml-invalid",
        place,
        "not valid TOML: this is JSON, as auth files are",
        advice,
      );
    }
    // The first line of the message is the reason, in the parser's own words; the rest quotes the file,
    // which may be another one by mistake.
    const [, reason] = /^Invalid TOML document: ([a-z :,.-]+)\n/.exec(error.message) ?? [];
    const problem = reason === undefined ? "not valid TOML" : `not valid TOML: ${reason}`;
    const mistake = findTableMistake(file);
    const advice = mistake && `likely because of ${formatMistake(mistake)}`;
    throw new UserError("toml-invalid", place, problem, advice);
  }
}

/** Whether all integers of a document fit into 64 bits, as TOML wants it; the parser takes larger ones. */
function isInRange(value: unknown): boolean {
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value;
  if (Array.isArray(value)) return value.every(isInRange);
  return !isObject(value) || Object.values(value).every(isInRange);
}

/** The `[[registry]]` tables. */
function readTables(document: Members, file: RegistriesFile, twins: Mistake[]): Members[] {
  const { all } = document;
  if (isObject(all["registry"])) throw tableMistake(file, `"registry" must be an array of tables`);
  return optionalObjects(document, "registry").map((table) => spell(table, TABLE_KEYS, twins));
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

const NAME_A_REGISTRY = "name a registry: a host with a port if needed, without path and scheme";
const SHORT_NAME_MODES = ["enforcing", "permissive", "disabled"];

/**
 * Keys that mean nothing for pull sources, and for which the library refuses the file all the same.
 *
 * @returns the aliases.
 */
function checkOtherKeys(document: Members, file: RegistriesFile): Map<string, string> {
  const search = readTexts(document, "unqualified-search-registries") ?? [];
  checkSearchRegistries(document, "unqualified-search-registries", search);
  const mode = optionalText(document, "short-name-mode") ?? "";
  if (mode !== "" && !SHORT_NAME_MODES.includes(mode)) {
    const advice = `it may be ${SHORT_NAME_MODES.join(", ").replace(/, (?=\w+$)/, " or ")}`;
    throw memberError(document, "short-name-mode", "has an unknown value", advice);
  }
  optionalText(document, "additional-layer-store-auth-helper");
  const aliases = new Map<string, string>();
  const table = optionalObject(document, "aliases");
  for (const name of Object.keys(table?.all ?? {})) {
    if (table === undefined) continue;
    aliases.set(name, readAlias(table, name, file));
  }
  return aliases;
}

function readAlias(aliases: Members, name: string, file: RegistriesFile): string {
  if (FILE_KEYS.has(foldName(name)) && typeof aliases.all[name] !== "string") {
    throw new UserError(
      "registries-invalid",
      placeOfKey(file, name),
      `${JSON.stringify(name)} is below [aliases] and is read as an alias`,
      "put it above the first table",
    );
  }
  const target = requiredText(aliases, name);
  if (!isShortName(name)) {
    throw memberError(
      aliases,
      name,
      "is not a short name",
      "an alias is named like nginx or team/app: without registry, tag and digest",
    );
  }
  if (target !== "" && parseAliasTarget(target) === undefined) {
    throw memberError(
      aliases,
      name,
      "does not name a repository",
      "write it with its registry, as in docker.io/library/nginx, without tag and digest",
    );
  }
  return target;
}

function checkSearchRegistries(document: Members, key: string, list: readonly string[]): void {
  for (const [index, written] of list.entries()) {
    const place = `${key}[${index}]`;
    if (isHost(checkLocation(document, place, written))) continue;
    throw memberError(document, place, "names no registry", NAME_A_REGISTRY);
  }
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

/** A location without the slashes at its end. */
function checkLocation(table: Members, key: string, written: string): string {
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
