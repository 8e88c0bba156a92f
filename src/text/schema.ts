/**
 * Checking values against schemas. The path of a pull checks by hand (`parse.ts`), so that its errors
 * name the field and what to do.
 */

import * as v from "valibot";
import { UserError } from "../errors.ts";
import { isObject } from "./parse.ts";

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
  throw new UserError("content-invalid", where, describeIssue(result.issues[0]));
}

/**
 * An object of any members, as JSON has it; no array, and no date of TOML. Its members are not
 * looked at.
 */
export const JsonObject = v.custom<Readonly<Record<string, unknown>>>(
  isObject,
  "must be an object",
);

/** `"image" is missing`, `"registry[0].insecure" must be a boolean`. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = formatPath(issue.path?.map((item) => item.key) ?? []);
  const key = path === "" ? "it" : JSON.stringify(path);
  // A strict object expects nothing under a key that it does not have.
  if (issue.type === "strict_object" && issue.expected === "never") {
    return `${key} is not a key of this kind of file`;
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
    // deno-coverage-ignore-start -- for the library's types: no schema here expects nothing
    case null:
      return "of another form";
      // deno-coverage-ignore-stop
    default:
      return /^[a-z]/.test(expected) ? `a ${expected}` : expected;
  }
}
