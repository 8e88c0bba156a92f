/** Parsing at the edge: text or `unknown` in, an exact type or a {@link UserError} out. */

import { UserError } from "./errors.ts";

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
    const message = error instanceof Error ? error.message : "";
    const position = /\(line (\d+) column (\d+)\)$/.exec(message);
    const at = position === null ? "" : ` (line ${position[1]}, column ${position[2]})`;
    throw new UserError(where, text.trim() === "" ? "empty, expected JSON" : `not valid JSON${at}`);
  }
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
    throw new UserError(where, `holds more than ${MAX_JSON_PARTS} JSON values`);
  }
  return parseJson(text, where);
}

/** Counts parts in strings, too: telling them apart takes longer than parsing an ordinary page. */
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
 * The members of an object that came from outside, each looked at when it is asked for. A member that
 * is missing and one that is `null` are the same. Errors name the key and what was expected there,
 * never the value found: `"registry[0].insecure" must be a boolean`.
 */
export class Members {
  /** All of them, unchecked. */
  readonly all: JsonObject;
  readonly #where: string;
  readonly #path: string;

  /**
   * @param where the file or place, for errors.
   * @param path the key under which the object stands there; empty: the whole document.
   * @throws {UserError} when the value is no object.
   */
  constructor(value: unknown, where: string, path = "") {
    if (!isObject(value)) {
      const key = path === "" ? "it" : JSON.stringify(path);
      throw new UserError(where, `${key} must be an object`);
    }
    this.all = value;
    this.#where = where;
    this.#path = path;
  }

  /** The key of this object in the whole document; empty for the document itself. */
  get key(): string {
    return this.#path;
  }

  /** The key of a member in the whole document. */
  path(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  /** The error for a member, in words that follow its key. */
  error(key: string, problem: string, advice?: string): UserError {
    return new UserError(this.#where, `${JSON.stringify(this.path(key))} ${problem}`, advice);
  }

  /** @throws {UserError} when the member is missing or no text. */
  text(key: string): string {
    const text = this.optionalText(key);
    if (text === undefined) throw this.error(key, "is missing");
    return text;
  }

  /** @throws {UserError} when the member is there and no text. */
  optionalText(key: string): string | undefined {
    const value = this.all[key] ?? undefined;
    if (value !== undefined && typeof value !== "string") throw this.#mustBe(key, "a string");
    return value;
  }

  /** A member that must be just this text. */
  literal(key: string, text: string): void {
    const value = this.all[key] ?? undefined;
    if (value === undefined) throw this.error(key, "is missing");
    if (value !== text) throw this.#mustBe(key, JSON.stringify(text));
  }

  /** `false` when the member is missing. */
  flag(key: string): boolean {
    const value = this.all[key] ?? false;
    if (typeof value !== "boolean") throw this.#mustBe(key, "a boolean");
    return value;
  }

  /** `undefined` when the member is missing. */
  object(key: string): Members | undefined {
    const value = this.all[key] ?? undefined;
    return value === undefined ? undefined : new Members(value, this.#where, this.path(key));
  }

  /** Objects in a list; empty when the member is missing. */
  objects(key: string): Members[] {
    return this.list(key).map((value, index) =>
      new Members(value, this.#where, `${this.path(key)}[${index}]`)
    );
  }

  /** Sees to it that a member, if there is one, is a list of texts. */
  checkTexts(key: string): void {
    for (const [index, value] of this.list(key).entries()) {
      if (typeof value !== "string") throw this.#mustBe(`${key}[${index}]`, "a string");
    }
  }

  /** Empty when the member is missing. */
  list(key: string): readonly unknown[] {
    const value = this.all[key] ?? [];
    if (!Array.isArray(value)) throw this.#mustBe(key, "an array");
    return value;
  }

  #mustBe(key: string, expected: string): UserError {
    return this.error(key, `must be ${expected}`);
  }
}

/** Text without the slashes at its end. By hand: a pattern's time is quadratic in their number. */
export function trimSlashesAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end--;
  return text.slice(0, end);
}
