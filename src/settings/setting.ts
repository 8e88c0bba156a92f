/** What a setting is: a line of the table in `settings.ts`, and the kinds of values that there are. */

import type { Runtime } from "../kubelet/runtime.ts";

/** Something that a setting's value makes the process touch, or keeps it from. */
export interface Access {
  readonly kind: "read" | "write" | "net";
  /** An absolute path, `host:port`, or `unix:` and a path. */
  readonly target: string;
  /** What the pull needs it for, or is kept from. */
  readonly step: string;
}

/** One line of the table. */
export interface Setting<Value> {
  /** Name on the command line and in a settings file. */
  readonly flag: string;
  /** The runtime without which a value has no meaning; `undefined`: either. */
  readonly onlyFor?: Runtime;
  /** The value's placeholder in the help text. */
  readonly placeholder: string;
  readonly brief: string;
  readonly default: Value;
  /** Whether a value that was read as JSON is one of this setting. */
  readonly isValue: (value: unknown) => value is Value;
  /** The words that may be given, where there are only a few. */
  readonly values?: readonly string[];
  /** Whether the flag may be given several times. */
  readonly repeatable: boolean;
  /** The value as the help shows it, where joining its parts does not do. */
  readonly format?: (value: Value) => string;
  /** @throws {UsageError} when the text is not a value of this setting. */
  readonly parse: (texts: readonly string[]) => Value;
  /** The permissions a value implies, given the settings as a whole. */
  readonly access: (value: Value, settings: Peers) => readonly Access[];
  /** What lies within those permissions and is denied all the same. */
  readonly except?: (value: Value, settings: Peers) => readonly Access[];
}

/** What others than the table's own entry may know of its values: they decide each other's permissions. */
export interface Peers {
  readonly runtime: Runtime;
  readonly apiserver: string;
  readonly apiserverHosts: readonly string[];
  readonly caFile: string;
}

/** What the values of a setting are. */
export type Kind<Value> = Pick<Setting<Value>, "isValue" | "values">;

/** A text. */
export const TEXT: Kind<string> = { isValue: isText };
/** Several texts. */
export const TEXTS: Kind<readonly string[]> = { isValue: (value) => isListOf(value, isText) };
/** A number. */
export const NUMBER: Kind<number> = { isValue: isNumber };
/** A number, or `null` where the setting is left to another one. */
export const NUMBER_OR_NULL: Kind<number | null> = {
  isValue: (value) => value === null || isNumber(value),
};

/** One of a few words. */
export function choice<Value extends string>(values: readonly Value[]): Kind<Value> {
  return { values, isValue: (value) => isOneOf(value, values) };
}

/** Several of a few words. */
export function choices<Value extends string>(values: readonly Value[]): Kind<readonly Value[]> {
  const isChoice = (value: unknown): value is Value => isOneOf(value, values);
  return { values, isValue: (value) => isListOf(value, isChoice) };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isOneOf<Value extends string>(value: unknown, values: readonly Value[]): value is Value {
  return values.some((each) => each === value);
}

function isListOf<Item>(
  value: unknown,
  isItem: (item: unknown) => item is Item,
): value is readonly Item[] {
  return Array.isArray(value) && value.every(isItem);
}

/** A line of the table, from the kind of its values and the rest. */
export function setting<Value>(
  kind: Kind<Value>,
  entry: Omit<Setting<NoInfer<Value>>, keyof Kind<Value>>,
): Setting<Value> {
  return { ...kind, ...entry };
}
