/** Parsing at the edge: text or `unknown` in, an exact type or a {@link UserError} out. */

import * as v from "valibot";
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
 * Most commas, `[` and `{` in one JSON text that strangers have written. A page of 500 secrets has
 * about 20,000. Parsing makes up to a hundred bytes of each, and takes microseconds over it.
 */
export const MAX_JSON_PARTS = 200_000;

/**
 * Parses JSON that strangers could have made as costly as its length allows: 64 MiB of `{},` take
 * 30 seconds and 2 GiB.
 *
 * @throws {UserError} when the text is not JSON, or has more than {@link MAX_JSON_PARTS} parts.
 */
export function parseForeignJson(text: string, where: string): unknown {
  if (text.length > MAX_JSON_PARTS && countParts(text) > MAX_JSON_PARTS) {
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

/**
 * Checks a value against a schema.
 *
 * @throws {UserError} that names the key and what was expected there, never the value found.
 */
export function check<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  where: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new UserError(where, describeIssue(result.issues[0]));
}

/**
 * An object of any members, as JSON has it; no array, and no date of TOML. Its members are not
 * looked at.
 */
export const JsonObject = v.custom<Readonly<Record<string, unknown>>>(
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date),
  "must be an object",
);

/**
 * An object with these members. Valibot's own takes an array, or a TOML date, for an object: where
 * no member is mandatory they would pass as an empty one.
 */
export function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(JsonObject, v.object(entries));
}

/** `"image" is missing`, `"registry[0].insecure" must be a boolean`. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = formatPath(issue.path?.map((item) => item.key) ?? []);
  const key = path === "" ? "it" : JSON.stringify(path);
  // A strict object expects nothing under a key that it does not have.
  if (issue.type === "strict_object" && issue.expected === "never") {
    return `${key} is no key of this kind of file`;
  }
  if (issue.input === undefined) return `${key} is missing`;
  if (issue.kind === "validation" || issue.type === "custom") return `${key} ${issue.message}`;
  return `${key} must be ${describeExpected(issue.expected)}`;
}

function formatPath(keys: readonly unknown[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    return path === "" ? String(key) : `${path}.${String(key)}`;
  }, "");
}

function describeExpected(expected: string | null): string {
  switch (expected) {
    case "Object":
      return "an object";
    case "Array":
      return "an array";
    case null:
      return "of another form";
    default:
      return /^[a-z]/.test(expected) ? `a ${expected}` : expected;
  }
}

/** Text without the slashes at its end. By hand: a pattern's time is quadratic in their number. */
export function trimSlashesAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end--;
  return text.slice(0, end);
}
