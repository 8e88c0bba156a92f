/** A site's settings under review: JSON with comments, keys named like the flags. */

import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { ErrorCode } from "../error_codes.ts";
import { UsageError } from "../errors.ts";
import { applyFlags, SETTING_NAMES, SETTINGS, type Settings } from "./settings.ts";

/**
 * Applies the settings of a file over others.
 *
 * @throws {UsageError} with line and column when the file is not JSON with comments, holds a key that
 * is not a setting, or a value that is not of its setting's form.
 */
export function applySettingsFile(base: Settings, text: string, path: string): Settings {
  const root = parseDocument(text, path);
  let settings = base;
  const seen = new Set<string>();
  // deno-coverage-ignore-start -- for the compiler: the parser gives an object's members so
  for (const property of root.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key === undefined || value === undefined) continue;
    // deno-coverage-ignore-stop
    const flag = String(key.value);
    if (seen.has(flag)) {
      throw failure("flag-value-invalid", text, path, key, `"${flag}" is there twice`);
    }
    seen.add(flag);
    const setting = SETTING_NAMES.map((name) => SETTINGS[name]).find((s) => s.flag === flag);
    if (setting === undefined) {
      throw failure("flag-unknown", text, path, key, `${JSON.stringify(flag)} is not a setting`);
    }
    const texts = readTexts(value, setting.repeatable);
    if (texts === undefined) {
      const form = setting.repeatable ? "a string or an array of strings" : "a string";
      throw failure("flag-value-invalid", text, path, value, `"${flag}" must be ${form}`);
    }
    try {
      settings = applyFlags(settings, new Map([[flag, texts]]));
    } catch (error) {
      // deno-coverage-ignore -- an error of another kind would be a bug
      if (!(error instanceof UsageError)) throw error;
      throw failure(error.code, text, path, value, `"${flag}" ${error.problem}`, error.advice);
    }
  }
  return settings;
}

/**
 * Where the value of a setting is in a settings file.
 *
 * @param text of a file that {@link applySettingsFile} takes.
 * @returns `path:line:column`; the path alone when the file does not have the setting.
 */
export function placeInSettingsFile(text: string, path: string, flag: string): string {
  const root = parseDocument(text, path);
  const property = root.children?.find(({ children }) => children?.[0]?.value === flag);
  const value = property?.children?.[1];
  return value === undefined ? path : placeOf(text, path, value);
}

function parseDocument(text: string, path: string): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { allowTrailingComma: true });
  } catch (error) {
    // The library calls itself for each level.
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof RangeError)) throw error;
    throw failure("json-invalid", text, path, { offset: 0 }, "is nested too deeply");
  }
  const [error] = errors;
  if (error !== undefined) {
    throw failure(
      "json-invalid",
      text,
      path,
      error,
      `not valid JSON with comments: ${printParseErrorCode(error.error)}`,
    );
  }
  if (root?.type !== "object") {
    throw failure("content-invalid", text, path, { offset: 0 }, "must be an object of settings");
  }
  return root;
}

function readTexts(value: Node, repeatable: boolean): string[] | undefined {
  if (value.type === "string") return [String(value.value)];
  const items = value.children ?? [];
  if (!repeatable || value.type !== "array") return undefined;
  return items.every((item) => item.type === "string")
    ? items.map((item) => String(item.value))
    : undefined;
}

function failure(
  code: ErrorCode,
  text: string,
  path: string,
  { offset }: { readonly offset: number },
  problem: string,
  advice?: string,
): UsageError {
  return new UsageError(code, placeOf(text, path, { offset }), problem, advice);
}

function placeOf(text: string, path: string, { offset }: { readonly offset: number }): string {
  const before = text.slice(0, offset).split("\n");
  // deno-coverage-ignore -- for the compiler: a split text has a last part
  return `${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
