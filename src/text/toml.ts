/** TOML, of the version that the library knows; who reads it elsewhere may know less. */

import { parse, TomlError } from "smol-toml";
import type { JsonObject } from "./parse.ts";

/** What keeps a text from being TOML. */
export interface TomlFault {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** In the library's own words, without what it quotes of the text; `undefined` where it gives none. */
  readonly reason: string | undefined;
}

/** The tables of a text, or what keeps it from being TOML. */
export type TomlDocument =
  | { readonly document: JsonObject }
  | { readonly fault: TomlFault };

/** Parses a text. Integers that a number cannot hold are bigints, of any size. */
export function parseToml(text: string): TomlDocument {
  try {
    return { document: parse(text, { integersAsBigInt: "asNeeded" }) };
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof TomlError)) throw error;
    const { line, column, message } = error;
    // The first line is the reason; the rest quotes the text, which may be another one by mistake.
    // deno-coverage-ignore -- for the compiler: the parser gives a reason
    const [, reason] = /^Invalid TOML document: ([a-z :,.-]+)\n/.exec(message) ?? [];
    return { fault: { line, column, reason } };
  }
}
