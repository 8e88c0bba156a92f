/** Registry credentials as Docker's clients store them: in secrets and in auth files. */

import { hideUserInfo, UserError } from "../errors.ts";
import type { Secret } from "../kubernetes/secrets.ts";
import {
  isObject,
  type JsonObject,
  membersOf,
  optionalObject,
  parseForeignJson,
} from "../parse.ts";
import { parseScope, type Scope } from "./scope.ts";
import { decodeSecret, holdNothing, type MayMatter } from "./secret_data.ts";
import { encodeUtf8 } from "../utf8.ts";

/** A credential, in the form in which an auth file holds it. */
export interface Credential {
  /** Base64 of `user:password`. */
  readonly auth: string;
  /** OAuth2 refresh token, which registries' clients prefer to the password. */
  readonly identitytoken?: string;
}

/** A credential from a secret, with the repositories it is meant for. */
export interface ScopedCredential {
  readonly scope: Scope;
  readonly credential: Credential;
  /** Name of the secret. */
  readonly secret: string;
  /** The key in the secret, as written. */
  readonly key: string;
}

/** Told of each secret or entry that is left out. */
export type OnSkipped = (secret: string, key: string | undefined, reason: string) => void;

/** Told of each entry without credential, the marker that a credential helper leaves behind. */
export type OnMarker = (secret: string, key: string) => void;

/**
 * Reads the credentials of a secret. A broken secret or entry is left out and reported; the others
 * count.
 *
 * @param mayMatter what it says no to is neither given nor reported, unless it is plainly no JSON.
 */
export function readSecret(
  secret: Secret,
  onSkipped: OnSkipped,
  onMarker: OnMarker = () => {},
  mayMatter: MayMatter = () => true,
): ScopedCredential[] {
  let entries: JsonObject;
  try {
    entries = readEntries(secret, mayMatter);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    onSkipped(secret.name, undefined, error.problem);
    return [];
  }
  const credentials: ScopedCredential[] = [];
  // Sorted, so that of two keys with the same meaning the same one always wins.
  for (const key of Object.keys(entries).filter(mayMatter).sort()) {
    const scope = parseScope(key);
    if (scope === undefined) {
      onSkipped(secret.name, hideUserInfo(key), "the key names no registry");
      continue;
    }
    try {
      const credential = readCredential(entries[key]);
      if (credential === undefined) onMarker(secret.name, key);
      else credentials.push({ scope, credential, secret: secret.name, key });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onSkipped(secret.name, key, error.problem);
    }
  }
  return credentials;
}

function readEntries(secret: Secret, mayMatter: MayMatter): JsonObject {
  if (holdNothing([secret], mayMatter)) return NO_ENTRIES;
  const content = membersOf(parseForeignJson(decodeSecret(secret), ""), "");
  if (secret.type === "kubernetes.io/dockercfg") return content.all;
  return optionalObject(content, "auths")?.all ?? {};
}

const NO_ENTRIES: JsonObject = {};

/**
 * Reads one entry; `undefined` for an entry without credential, the marker that a credential helper
 * leaves behind. Where `auth` and `username`/`password` disagree, `auth` counts, as with registries'
 * clients.
 *
 * @throws {UserError} when the entry is broken.
 */
export function readCredential(value: unknown): Credential | undefined {
  if (!isObject(value)) throw new UserError("", "it must be an object");
  const entry = value;
  const identitytoken = member(entry, "identitytoken");
  const username = member(entry, "username"), password = member(entry, "password");
  const encoded = member(entry, "auth");
  let auth: string;
  if (encoded !== "") {
    auth = canonicalAuth(encoded);
  } else if (username !== "" || password !== "") {
    if (username.includes(":")) throw new UserError("", `its "username" holds a colon`);
    auth = encodeAuth(username, password);
  } else if (identitytoken !== "") {
    auth = encodeAuth("", "");
  } else {
    return undefined;
  }
  return identitytoken === "" ? { auth } : { auth, identitytoken };
}

/**
 * A text of an entry; empty when it is missing or null. By hand, because a namespace may hold
 * thousands of entries, and a schema takes several times as long for each.
 */
function member(entry: JsonObject, key: string): string {
  const value = entry[key] ?? "";
  if (typeof value !== "string") throw new UserError("", `its "${key}" must be a string`);
  return value;
}

function encodeAuth(username: string, password: string): string {
  return encodeUtf8(`${username}:${password}`).toBase64();
}

const COLON = 0x3a;

/** `auth` in the one spelling that every client decodes alike: padded, without NULs around the password. */
function canonicalAuth(auth: string): string {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(auth);
  } catch {
    throw new UserError("", `its "auth" is not base64`);
  }
  const colon = bytes.indexOf(COLON);
  if (colon === -1) throw new UserError("", `its "auth" is not base64 of user:password`);
  let start = colon + 1, end = bytes.length;
  while (start < end && bytes[start] === 0) start++;
  while (end > start && bytes[end - 1] === 0) end--;
  if (start === colon + 1 && end === bytes.length) return bytes.toBase64();
  return new Uint8Array([...bytes.subarray(0, colon + 1), ...bytes.subarray(start, end)])
    .toBase64();
}
