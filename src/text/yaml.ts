/**
 * YAML, in the dialects of those who read it besides this program. Its library takes its time to be
 * loaded, so what reads YAML in a pull imports this module when there is YAML to be read.
 */

import { CORE_SCHEMA, loadAll, mergeTag, YAML11_SCHEMA, YAMLException } from "js-yaml";
import type { YamlFault } from "./parse.ts";

/** The documents of a text, or what keeps it from being YAML. */
export type YamlDocuments =
  | { readonly documents: readonly unknown[] }
  | { readonly fault: YamlFault };

const DIALECTS = {
  /** YAML 1.2 by its core schema, with merge keys (`<<`), which client-go follows too. */
  kubeconfig: CORE_SCHEMA.withTags(mergeTag),
  /** YAML 1.1, as `kubectl` and the kubelet read manifests; JSON is a part of it. */
  manifest: YAML11_SCHEMA,
} as const;

/** Whose YAML a text is. */
export type YamlDialect = keyof typeof DIALECTS;

/**
 * What the library's reasons mean. Only these are shown: others quote the text, which may hold a key.
 */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["duplicated mapping key", "a key is there twice"],
  ["bad indentation of a mapping entry", "wrong indentation, or a colon too many"],
  ["bad indentation of a sequence entry", "wrong indentation"],
  ["deficient indentation", "wrong indentation"],
  ["tab characters must not be used in indentation", "a tab is used for indentation"],
  ["unexpected end of the stream within a flow collection", "a bracket or brace is not closed"],
  ["missed comma between flow collection entries", "a comma is missing"],
  ["unexpected end of the stream within a double quoted scalar", "a quote is not closed"],
  ["unexpected end of the stream within a single quoted scalar", "a quote is not closed"],
  ["unexpected end of the document within a double quoted scalar", "a quote is not closed"],
  ["unexpected end of the document within a single quoted scalar", "a quote is not closed"],
  ["unknown escape sequence", "an unknown escape in a quoted text"],
  ["the stream contains non-printable characters", "a character that cannot be printed"],
]);

/** Parses all documents of a text. */
export function parseYaml(text: string, dialect: YamlDialect): YamlDocuments {
  try {
    return { documents: loadAll(text, { schema: DIALECTS[dialect] }) };
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof YAMLException)) throw error;
    const { mark, reason } = error;
    const place = mark && { line: mark.line + 1, column: mark.column + 1 };
    return { fault: { place, reason: REASONS.get(reason) } };
  }
}
