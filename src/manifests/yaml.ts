/** Manifests as text: plain values out, `unknown` in. */

import { dump, load, loadAll, YAML11_SCHEMA, YAMLException } from "js-yaml";
import { UserError } from "../errors.ts";

/** A document of YAML: what JSON can express. */
export type Manifest = { readonly [key: string]: unknown };

/** Lines as a comment of YAML, to stand in front of a document. */
export function formatComment(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}\n`).join("");
}

/**
 * Writes documents one after the other. What YAML 1.1 would read as something else than a string is
 * quoted: `kubectl` and the kubelet read that version.
 */
export function formatYaml(documents: readonly Manifest[]): string {
  return documents
    .map((document) => dump(document, { lineWidth: -1, noRefs: true, quoteStyle: "double" }))
    .join("---\n");
}

/**
 * Reads one document of YAML 1.1, of which JSON is a part.
 *
 * @throws {UserError} with line and column when it is not YAML or holds a key twice.
 */
export function parseYaml(text: string, path: string): unknown {
  return withPlace(path, () => load(text, { schema: YAML11_SCHEMA }));
}

/**
 * Reads all documents of a YAML 1.1 stream.
 *
 * @throws {UserError} as {@link parseYaml} does.
 */
export function parseYamlDocuments(text: string, path: string): unknown[] {
  return withPlace(path, () => loadAll(text, { schema: YAML11_SCHEMA }));
}

function withPlace<Result>(path: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // The library's message quotes the file.
    const { mark, reason } = error;
    const place = mark === undefined ? path : `${path}:${mark.line + 1}:${mark.column + 1}`;
    throw new UserError("yaml-invalid", place, `not valid YAML: ${reason}`);
  }
}
