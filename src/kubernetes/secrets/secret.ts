/** A secret, as far as it matters here. */

import { isObject, type JsonObject } from "../../text/parse.ts";
import { ALSO_FOR_ANNOTATION, type SecretType } from "./secret_types.ts";

/** A secret of registry credentials. */
export interface Secret {
  readonly name: string;
  readonly type: SecretType;
  /** By data key: texts in base64, if the API server keeps to its word. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Its annotation {@link ALSO_FOR_ANNOTATION}, where that is read and there is one. */
  readonly alsoFor?: string;
  /** Whether it has the annotation, where that is not read. */
  readonly ignoresAlsoFor?: true;
}

/** The data of a secret without any. */
export const NO_DATA: JsonObject = {};

/** The order of secrets, in which of equally specific credentials the last one counts. */
export function compareNames(a: Secret, b: Secret): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/**
 * The annotation {@link ALSO_FOR_ANNOTATION} out of the metadata of a secret. The API server lets nothing
 * but texts be annotations.
 *
 * @param options.alsoFor whether it is read.
 */
export function readAlsoFor(
  metadata: JsonObject,
  { alsoFor }: { readonly alsoFor: boolean },
): Pick<Secret, "alsoFor" | "ignoresAlsoFor"> {
  const annotations = metadata["annotations"];
  const text = isObject(annotations) ? annotations[ALSO_FOR_ANNOTATION] : undefined;
  if (typeof text !== "string") return NO_ALSO_FOR;
  return alsoFor ? { alsoFor: text } : { ignoresAlsoFor: true };
}

const NO_ALSO_FOR = {};
