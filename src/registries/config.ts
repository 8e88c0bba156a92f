/**
 * The node's registries configuration, containers-registries.conf(5) version 2: files in, one
 * validated configuration out.
 */

import { parse, TomlError } from "smol-toml";
import * as v from "valibot";
import { UserError } from "../errors.ts";
import { fileError, readTextFile } from "../files.ts";
import { check, JsonObject, object, trimSlashesAtEnd } from "../parse.ts";
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

const Location = v.optional(v.string());
const Flag = v.optional(v.boolean(), false);

const Mirror = object({
  location: Location,
  insecure: Flag,
  "pull-from-mirror": v.optional(v.string()),
});

const RegistryTable = object({
  prefix: Location,
  location: Location,
  insecure: Flag,
  blocked: Flag,
  "mirror-by-digest-only": Flag,
  "pull-from-mirror": v.optional(v.string()),
  mirror: v.optional(v.array(Mirror), []),
});

const Version2 = v.object({
  registry: v.optional(v.array(RegistryTable), []),
  "unqualified-search-registries": v.optional(v.array(v.string())),
  "credential-helpers": v.optional(v.array(v.string())),
  "short-name-mode": v.optional(v.string()),
  "additional-layer-store-auth-helper": v.optional(v.string()),
  aliases: v.optional(v.pipe(JsonObject, v.record(v.string(), v.string()))),
});

const Registries = v.object({ registries: v.optional(JsonObject) });
const V1List = v.optional(object({ registries: v.optional(v.array(v.string())) }));
const Version1 = object({
  registries: object({ search: V1List, insecure: V1List, block: V1List }),
});

/**
 * Parses one file into its tables; of two with the same prefix the first wins.
 *
 * @param accepts whether the old form without mirrors (`[registries.search]`) is accepted, as it is
 * in the main file.
 * @throws {UserError} when it breaks a rule of containers-registries.conf(5).
 */
export function parseRegistriesFile(file: RegistriesFile, accepts: { v1: boolean }): Registry[] {
  const document = parseToml(file);
  if (isVersion1(document, file.path)) {
    if (!accepts.v1) throw new UserError(file.path, `"registries": a drop-in must be in version 2`);
    const mixed = Object.keys(Version2.entries).find((key) => key in document);
    if (mixed !== undefined) {
      throw new UserError(
        file.path,
        `"registries" (version 1) and "${mixed}" (version 2) are mixed`,
      );
    }
    // Version 1 knows no mirrors and no rewriting.
    check(Version1, document, file.path);
    return [];
  }

  const tables = check(Version2, document, file.path).registry;
  const registries = tables.map((table, index) =>
    readTable(table, `registry[${index}]`, file.path)
  );
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

/** Whether one of version 1's tables is there; `registries` without them means nothing. */
function isVersion1(document: Record<string, unknown>, path: string): boolean {
  const { registries = {} } = check(Registries, document, path);
  return ["search", "insecure", "block"].some((key) => key in registries);
}

function readTable(
  table: v.InferOutput<typeof RegistryTable>,
  key: string,
  file: string,
): Registry {
  const location = readLocation(table.location, `${key}.location`, file);
  const prefix = table.prefix === undefined || table.prefix === ""
    ? location
    : readLocation(table.prefix, `${key}.prefix`, file);
  if (prefix === "") {
    throw new UserError(file, `"${key}": both "prefix" and "location" are missing`);
  }
  const wildcard = prefix.startsWith("*.");
  if (location === "" && !wildcard) {
    throw new UserError(
      file,
      `"${key}.location" is missing`,
      `only a prefix of the form *.example.com may stand without it`,
    );
  }
  if (wildcard && /[/:@]/.test(prefix)) {
    throw new UserError(
      file,
      `"${key}.prefix" ${JSON.stringify(prefix)} is not of the form *.example.com`,
      "a wildcard covers whole hosts, without port or path",
    );
  }
  if (table["pull-from-mirror"] !== undefined && table["pull-from-mirror"] !== "") {
    throw new UserError(file, `"${key}.pull-from-mirror" is set`, "it belongs in a mirror's table");
  }
  const mirrors = table.mirror.map((mirror, index) =>
    readMirror(mirror, `${key}.mirror[${index}]`, file, table["mirror-by-digest-only"])
  );
  return { prefix, location, blocked: table.blocked, mirrors, file };
}

function readMirror(
  mirror: v.InferOutput<typeof Mirror>,
  key: string,
  file: string,
  byDigestOnly: boolean,
): string {
  const location = readLocation(mirror.location, `${key}.location`, file);
  if (location === "") throw new UserError(file, `"${key}.location" is missing`);
  const pull = mirror["pull-from-mirror"];
  if (pull === undefined || pull === "") return location;
  if (byDigestOnly) {
    throw new UserError(
      file,
      `"${key}.pull-from-mirror" is set together with "mirror-by-digest-only" of its registry`,
      "keep one of them",
    );
  }
  if (!["all", "digest-only", "tag-only"].includes(pull)) {
    throw new UserError(
      file,
      `"${key}.pull-from-mirror" is ${JSON.stringify(pull)}`,
      "it may be all, digest-only or tag-only",
    );
  }
  return location;
}

function readLocation(text: string | undefined, key: string, file: string): string {
  const location = trimSlashesAtEnd(text ?? "");
  if (/^https?:\/\//.test(location)) {
    throw new UserError(
      file,
      `"${key}" begins with a URL scheme`,
      "leave out http:// and https://",
    );
  }
  return location;
}

/** The same location must be `insecure` and `blocked` alike wherever a file names it. */
function refuseConflicts(
  tables: readonly v.InferOutput<typeof RegistryTable>[],
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
      if (tables[index]?.[key] !== tables[earlier]?.[key]) {
        throw new UserError(
          file,
          `"registry[${index}].${key}" contradicts "registry[${earlier}].${key}"`,
          `both have the location ${JSON.stringify(location)}`,
        );
      }
    }
  }
}
