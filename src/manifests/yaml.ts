/** Manifests as text: plain values out, `unknown` in. */

import { dump } from "js-yaml";
import { UserError } from "../errors.ts";
import { yamlError } from "../text/parse.ts";
import { parseYaml as parse } from "../text/yaml.ts";

/** A document of YAML: what JSON can express. */
export type Manifest = { readonly [key: string]: unknown };

/** Lines as a comment of YAML, for the front of a document. */
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
 * @throws {UserError} with line and column when it is not YAML, has a key twice, is empty or holds
 * more than one document.
 */
export function parseYaml(text: string, path: string): unknown {
  const [document, ...others] = parseYamlDocuments(text, path);
  if (others.length > 0) {
    throw new UserError("content-invalid", path, "has more than one YAML document, expected one");
  }
  if (document === undefined) throw new UserError("content-invalid", path, "is empty");
  return document;
}

/**
 * Reads all documents of a YAML 1.1 stream.
 *
 * @throws {UserError} with line and column when it is not YAML or has a key twice. Nothing of the text
 * is part of the error.
 */
export function parseYamlDocuments(text: string, path: string): readonly unknown[] {
  const parsed = parse(text, "manifest");
  if ("fault" in parsed) throw yamlError(path, parsed.fault);
  return parsed.documents;
}
