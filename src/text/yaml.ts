/**
 * YAML as kubeconfigs are written in. Its library takes its time to be loaded, so what reads YAML in
 * a pull imports this module when there is YAML to be read.
 */

import { CORE_SCHEMA, loadAll, mergeTag, YAMLException } from "js-yaml";

/** The documents of a text, or the place at which it stops being YAML, if that is known. */
export type YamlDocuments =
  | { readonly documents: readonly unknown[] }
  | { readonly fault: { readonly line: number; readonly column: number } | undefined };

/** With merge keys (`<<`), which client-go follows too. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);

/** Parses YAML 1.2 by its core schema. */
export function parseYaml(text: string): YamlDocuments {
  try {
    return { documents: loadAll(text, { schema: SCHEMA }) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // The library's message quotes the text, which may hold a key.
    const { mark } = error;
    return { fault: mark && { line: mark.line + 1, column: mark.column + 1 } };
  }
}
