/** Flags with a text for a value. The list of flags shows no placeholders, so the brief does. */

import { UsageError } from "../errors.ts";

/** A flag that must be given. */
export function requiredText(placeholder: string, brief: string) {
  return { kind: "parsed", parse: String, placeholder, brief: `${placeholder}  ${brief}` } as const;
}

/** A flag that may be given. */
export function optionalText(placeholder: string, brief: string) {
  return { ...requiredText(placeholder, brief), optional: true } as const;
}

/** A flag that may be given several times. */
export function repeatedText(placeholder: string, brief: string) {
  return { ...optionalText(placeholder, `${brief}; may be repeated`), variadic: true } as const;
}

/**
 * Fills in the flag that a value came from.
 *
 * @throws {UsageError} with the flag as its place, when parsing throws one.
 */
export function atFlag<Value>(flag: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.code, flag, error.problem, error.advice);
  }
}
