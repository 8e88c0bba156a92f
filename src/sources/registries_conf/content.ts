/** What one registries file says, containers-registries.conf(5) version 2, or the old version 1. */

import { UserError } from "../../errors.ts";
import {
  checkTexts,
  foldName,
  isObject,
  type JsonObject,
  memberError,
  type Members,
  membersOf,
  optionalList,
  optionalObject,
  optionalText,
  requiredText,
} from "../../text/parse.ts";
import { parseToml, type TomlFault } from "../../text/toml.ts";
import { isHost, isShortName, parseAliasTarget } from "../reference.ts";
import type { RegistriesFile } from "./files.ts";
import {
  findTableMistake,
  formatMistake,
  looksLikeJson,
  type Mistake,
  placeOfKey,
} from "./places.ts";
import { spell } from "./spelling.ts";
import { checkLocation, readTables, type Registry } from "./tables.ts";

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

// The names of the library (`sysregistriesv2`, toml tags).

/** Keys of version 2, which version 1 does not have, and the one of version 1. */
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
  const document = spell(membersOf(parseDocument(file), file.path), FILE_KEYS, twins);
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

  const registries = readTables(document, file, twins);
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

function parseDocument(file: RegistriesFile): JsonObject {
  const toml = parseToml(file.text);
  if ("fault" in toml) throw notToml(file, toml.fault);
  // Keys that mean nothing here may hold any integer of TOML.
  if (isInRange(toml.document)) return toml.document;
  throw new UserError(
    "toml-invalid",
    file.path,
    "not valid TOML: an integer does not fit into 64 bits",
  );
}

function notToml(file: RegistriesFile, { line, column, reason }: TomlFault): UserError {
  const place = `${file.path}:${line}:${column}`;
  if (looksLikeJson(file.text)) {
    const advice = "a registries file is TOML; auth files belong elsewhere";
    return new UserError(
      "toml-invalid",
      place,
      "not valid TOML: this is JSON, as auth files are",
      advice,
    );
  }
  // deno-coverage-ignore -- for the compiler: the parser gives a reason
  const problem = reason === undefined ? "not valid TOML" : `not valid TOML: ${reason}`;
  const mistake = findTableMistake(file);
  const advice = mistake && `likely because of ${formatMistake(mistake)}`;
  return new UserError("toml-invalid", place, problem, advice);
}

/** Whether all integers of a document fit into 64 bits, as TOML wants it; the parser takes larger ones. */
function isInRange(value: unknown): boolean {
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value;
  if (Array.isArray(value)) return value.every(isInRange);
  return !isObject(value) || Object.values(value).every(isInRange);
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
  if (table === undefined) return aliases;
  for (const name of Object.keys(table.all)) {
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
