/** Parsing at the edge: text or `unknown` in, an exact type or a {@link UserError} out. */

import { UserError } from "../errors.ts";

/**
 * Parses JSON.
 *
 * V8's own message quotes the text around the fault, which may be a password, so only the position
 * is taken from it.
 *
 * @throws {UserError} when the text is not JSON.
 */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // deno-coverage-ignore -- for the compiler: the runtime throws errors alone
    const message = error instanceof Error ? error.message : "";
    const position = /\(line (\d+) column (\d+)\)$/.exec(message);
    const at = position === null ? "" : ` (line ${position[1]}, column ${position[2]})`;
    throw new UserError(
      "json-invalid",
      where,
      text.trim() === "" ? "is empty, expected JSON" : `not valid JSON${at}`,
    );
  }
}

/** What keeps a text from being YAML. */
export interface YamlFault {
  /** Where it begins; `undefined` when it is the whole text. */
  readonly place: { readonly line: number; readonly column: number } | undefined;
  /** In plain words, where they are known. */
  readonly reason: string | undefined;
}

/** The error for a text that is not YAML. */
export function yamlError(path: string, { place, reason }: YamlFault): UserError {
  return new UserError(
    "yaml-invalid",
    // deno-coverage-ignore -- for the compiler: the parser gives a place
    place === undefined ? path : `${path}:${place.line}:${place.column}`,
    reason === undefined ? "not valid YAML" : `not valid YAML: ${reason}`,
  );
}

/**
 * Most commas, `[` and `{` in one long JSON text that strangers have written. A page of 500 secrets
 * has about 20,000. Parsing makes up to a hundred bytes of each, and takes microseconds over it.
 */
export const MAX_JSON_PARTS = 200_000;

/** Up to this many characters JSON is parsed without counting: the worst takes a tenth of a second. */
const SHORT_JSON = 1024 * 1024;

/**
 * Parses JSON that strangers could have made as costly as its length allows: 64 MiB of `{},` take
 * 30 seconds and 2 GiB.
 *
 * @throws {UserError} when the text is not JSON, or is longer than 1 MiB and has more than
 * {@link MAX_JSON_PARTS} parts.
 */
export function parseForeignJson(text: string, where: string): unknown {
  if (text.length > SHORT_JSON && countParts(text) > MAX_JSON_PARTS) {
    throw new UserError("json-too-large", where, `has more than ${MAX_JSON_PARTS} JSON values`);
  }
  return parseJson(text, where);
}

/** Counts parts in strings, too: to leave them out would take a parser of its own. */
function countParts(text: string): number {
  let count = 0;
  for (const part of [",", "[", "{"]) {
    let at = text.indexOf(part);
    while (at !== -1 && count <= MAX_JSON_PARTS) {
      count++;
      at = text.indexOf(part, at + 1);
    }
  }
  return count;
}

/** Members by name, as JSON has them. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object with members: no array, and no date of TOML. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/**
 * A name as Go's decoders of JSON and TOML compare it where no exact name is met: without regard to
 * case (`encoding/json`, `foldName`; `strings.EqualFold`), to which the long s and the Kelvin sign belong.
 */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll("\u017f", "s");
}

/** Whether Go's decoders take a key for a name. */
export function isNamed(key: string, name: string): boolean {
  // Letters of one name are of one length in both cases, so the length rules most keys out.
  return key === name || (key.length === name.length && foldName(key) === foldName(name));
}

/**
 * The value that Go's JSON decoder finds under a name (`encoding/json`): keys are matched without regard
 * to case, and of several the last in the document counts, `null` leaving things as they are.
 */
export function namedValue(object: JsonObject, name: string): unknown {
  let found: unknown;
  for (const key in object) if (isNamed(key, name)) found = object[key] ?? found;
  return found;
}

/**
 * The values under the spellings of a name, in the order of the document: objects, or `null`.
 *
 * @throws {UserError} when it is anything else.
 */
export function namedObjects(document: Members, name: string): (JsonObject | null)[] {
  return Object.entries(document.all).filter(([key]) => isNamed(key, name)).map(([key, value]) =>
    value === null ? null : membersOf(value, document.where, key).all
  );
}

/**
 * The map that Go's JSON decoder finds under a name: the values under several spellings are put together,
 * later members over earlier ones, and a `null` empties it. `undefined` when it is missing or `null`.
 *
 * @throws {UserError} when something under the name is no object.
 */
export function namedObject(document: Members, name: string): JsonObject | undefined {
  let found: JsonObject | null = null;
  for (const object of namedObjects(document, name)) {
    found = found === null || object === null
      ? object
      : Object.fromEntries([...Object.entries(found), ...Object.entries(object)]);
  }
  return found ?? undefined;
}

/**
 * An object that came from outside, and its place, for errors. Its members are looked at with the
 * functions below, each when it is asked for; one that is missing and one that is `null` are the same.
 * Errors name the key and what was expected there, never the value found:
 * `"registry[0].insecure" must be a boolean`.
 */
export interface Members {
  /** All of them, unchecked. */
  readonly all: JsonObject;
  /** The file or place. */
  readonly where: string;
  /** The key of the object there; empty for the whole document. */
  readonly key: string;
}

/**
 * The members of a value.
 *
 * @throws {UserError} when the value is no object.
 */
export function membersOf(value: unknown, where: string, key = ""): Members {
  if (isObject(value)) return { all: value, where, key };
  throw new UserError(
    "content-invalid",
    where,
    `${key === "" ? "it" : JSON.stringify(key)} must be an object`,
  );
}

/** The key of a member in the whole document. */
function pathOf(object: Members, key: string): string {
  return object.key === "" ? key : `${object.key}.${key}`;
}

/** The error for a member, in words that follow its key. */
export function memberError(
  object: Members,
  key: string,
  problem: string,
  advice?: string,
): UserError {
  return new UserError(
    "content-invalid",
    object.where,
    `${JSON.stringify(pathOf(object, key))} ${problem}`,
    advice,
  );
}

function mustBe(object: Members, key: string, expected: string): UserError {
  return memberError(object, key, `must be ${expected}`);
}

/** @throws {UserError} when the member is missing or no text. */
export function requiredText(object: Members, key: string): string {
  const text = optionalText(object, key);
  if (text === undefined) throw memberError(object, key, "is missing");
  return text;
}

/**
 * `undefined` when the member is missing, or the object.
 *
 * @throws {UserError} when it is no text.
 */
export function optionalText(object: Members | undefined, key: string): string | undefined {
  const value = object?.all[key] ?? undefined;
  if (object === undefined || value === undefined) return undefined;
  if (typeof value !== "string") throw mustBe(object, key, "a string");
  return value;
}

/** @throws {UserError} when the member is not just this text. */
export function checkLiteral(object: Members, key: string, text: string): void {
  const value = object.all[key] ?? undefined;
  if (value === undefined) throw memberError(object, key, "is missing");
  if (value !== text) throw mustBe(object, key, JSON.stringify(text));
}

/**
 * `false` when the member is missing, or the object.
 *
 * @throws {UserError} when it is no boolean.
 */
export function optionalFlag(object: Members | undefined, key: string): boolean {
  // deno-coverage-ignore -- for the compiler: no caller gives nothing
  if (object === undefined) return false;
  const value = object.all[key] ?? false;
  if (typeof value !== "boolean") throw mustBe(object, key, "a boolean");
  return value;
}

/**
 * `undefined` when the member is missing, or the object.
 *
 * @throws {UserError} when it is no object.
 */
export function optionalObject(object: Members | undefined, key: string): Members | undefined {
  const value = object?.all[key] ?? undefined;
  if (object === undefined || value === undefined) return undefined;
  return membersOf(value, object.where, pathOf(object, key));
}

/**
 * Empty when the member is missing.
 *
 * @throws {UserError} when it is no list.
 */
export function optionalList(object: Members, key: string): readonly unknown[] {
  const value = object.all[key] ?? [];
  if (!Array.isArray(value)) throw mustBe(object, key, "an array");
  return value;
}

/**
 * Objects in a list; empty when the member is missing.
 *
 * @throws {UserError} when it is anything else.
 */
export function optionalObjects(object: Members, key: string): Members[] {
  return optionalList(object, key).map((value, index) =>
    membersOf(value, object.where, `${pathOf(object, key)}[${index}]`)
  );
}

/** @throws {UserError} when the member is there and no list of texts. */
export function checkTexts(object: Members, key: string): void {
  for (const [index, value] of optionalList(object, key).entries()) {
    if (typeof value !== "string") throw mustBe(object, `${key}[${index}]`, "a string");
  }
}

/** Text without the slashes at its end. By hand: a pattern's time is quadratic in their number. */
export function trimSlashesAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end--;
  return text.slice(0, end);
}
