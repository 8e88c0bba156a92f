/** The JSON texts in secrets, and a look at many of them at once that spares parsing each. */

import { UserError } from "../errors.ts";
import { isWellFormed } from "./also_for.ts";
import { SECRET_DATA_KEYS } from "../kubernetes/secrets/secret_types.ts";
import type { Secret } from "../kubernetes/secrets/secret.ts";
import { decodeUtf8, looksLikeUtf16 } from "../text/utf8.ts";

/**
 * Whether a text may hold a key of a host that is asked for; the rest need not be parsed: a namespace may hold
 * thousands of secrets, of which one or two are for the registries at hand.
 *
 * @param text the JSON of one or several secrets, or a key of it.
 */
export type IsRelevant = (text: string) => boolean;

/**
 * The JSON text of a secret.
 *
 * @throws {UserError} when it has none. The place is left empty.
 */
export function decodeSecret(secret: Secret): string {
  const key = SECRET_DATA_KEYS[secret.type];
  const data = secret.data[key];
  if (typeof data !== "string") {
    throw new UserError("secret-invalid", "", `it has no data key ${JSON.stringify(key)}`);
  }
  const name = `its data key ${JSON.stringify(key)}`;
  try {
    const bytes = Uint8Array.fromBase64(data);
    if (!looksLikeUtf16(bytes)) return decodeUtf8(bytes);
  } catch {
    throw new UserError("secret-invalid", "", `${name} is not base64 of UTF-8 text`);
  }
  throw new UserError(
    "secret-invalid",
    "",
    `${name} is UTF-16 text, as PowerShell writes it; make it UTF-8`,
  );
}

/** How many secrets are looked at together, and how much of their data, in characters. */
const BATCH_SECRETS = 16;
const BATCH_LENGTH = 256 * 1024;

/** Cuts a list of secrets into batches to be looked at by {@link haveNoRelevantKey}. */
export function* splitIntoBatches(secrets: readonly Secret[]): Generator<readonly Secret[]> {
  let batch: Secret[] = [];
  let length = 0;
  for (const secret of secrets) {
    const data = secret.data[SECRET_DATA_KEYS[secret.type]];
    batch.push(secret);
    length += typeof data === "string" ? data.length : 0;
    if (batch.length < BATCH_SECRETS && length < BATCH_LENGTH) continue;
    yield batch;
    [batch, length] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Whether no key of these secrets can be relevant, so that they need not be parsed one by one. Where
 * one of them is plainly not a JSON object, or has an annotation that is malformed, that has to be
 * reported, and the answer is no.
 */
export function haveNoRelevantKey(secrets: readonly Secret[], isRelevant: IsRelevant): boolean {
  const texts: string[] = [];
  let size = 0;
  for (const { type, data, alsoFor } of secrets) {
    const text = data[SECRET_DATA_KEYS[type]];
    if (typeof text !== "string") return false;
    if (alsoFor !== undefined && (isRelevant(alsoFor) || !isWellFormed(alsoFor))) return false;
    texts.push(text);
    size += Math.ceil(text.length / 4) * 3;
  }
  if (size > scratch.length) scratch = new Uint8Array(size);
  const bytes = scratch;
  let end = 0;
  try {
    for (const text of texts) {
      const start = end;
      end += bytes.subarray(start).setFromBase64(text).written;
      if (!isInBraces(bytes, start, end)) return false;
    }
    // All of them in one text. No name goes from one to the next: there are braces between them.
    const all = decodeUtf8(bytes.subarray(0, end), { fatal: false });
    // JSON may write any character of a key by its number.
    return !isRelevant(all) && !all.includes("\\u");
  } catch {
    return false;
  }
}

/** Where batches are decoded, one after the other. */
let scratch = new Uint8Array(0);

/** Whether bytes begin with `{` and end with `}`, but for JSON's white space (RFC 8259). */
function isInBraces(bytes: Uint8Array, start: number, end: number): boolean {
  let first = start, last = end - 1;
  while (first < last && isSpace(bytes[first])) first++;
  while (last > first && isSpace(bytes[last])) last--;
  return first < last && bytes[first] === 0x7b && bytes[last] === 0x7d;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
