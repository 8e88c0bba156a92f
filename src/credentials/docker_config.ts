/** Registry credentials as Docker's clients store them: in secrets and in auth files. */

import { hideUserInfo, UserError } from "../errors.ts";
import type { Secret } from "../kubernetes/secrets/secret.ts";
import { ALSO_FOR_ANNOTATION } from "../kubernetes/secrets/secret_types.ts";
import {
  isObject,
  type JsonObject,
  type Members,
  membersOf,
  namedObject,
  namedValue,
  parseForeignJson,
} from "../text/parse.ts";
import { keyFinder, parseAlsoFor } from "./also_for.ts";
import { parseScope, type Scope } from "./scope.ts";
import { decodeSecret, haveNoRelevantKey, type IsRelevant } from "./secret_data.ts";
import { decodeUtf8, encodeUtf8 } from "../text/utf8.ts";

/** A credential, in the form in which an auth file holds it. */
export interface Credential {
  /** Base64 of `user:password`. */
  readonly auth: string;
  /** OAuth2 refresh token, which registries' clients prefer to the password. */
  readonly identitytoken?: string;
}

/** Whether two credentials are the same. */
export function equalCredentials(a: Credential | undefined, b: Credential | undefined): boolean {
  return a?.auth === b?.auth && (a?.identitytoken ?? "") === (b?.identitytoken ?? "");
}

/** A credential from a secret, with the repositories it is meant for. */
export interface ScopedCredential {
  /** What the key means, or, if it is `derived`, what the secret's annotation adds to it. */
  readonly scope: Scope;
  readonly credential: Credential;
  /** Name of the secret. */
  readonly secret: string;
  /** The key in the secret, as written. */
  readonly key: string;
}

/** What is left out: a secret as a whole, an entry of it, or its annotation. */
export type Part = "secret" | "entry" | "annotation";

/** Called for each secret, entry or annotation that is left out. The key is that of an entry. */
export type OnSkipped = (
  secret: string,
  key: string | undefined,
  reason: string,
  part: Part,
) => void;

/** Called for each entry without credential, the marker that a credential helper leaves behind. */
export type OnMarker = (secret: string, key: string) => void;

/**
 * Reads the credentials of a secret. A broken secret or entry is left out and reported; the others
 * count.
 *
 * @param isRelevant what it says no to is neither given nor reported, unless it is plainly no JSON.
 */
export function readSecret(
  secret: Secret,
  onSkipped: OnSkipped,
  onMarker: OnMarker = () => {},
  isRelevant: IsRelevant = () => true,
): ScopedCredential[] {
  if (haveNoRelevantKey([secret], isRelevant)) return [];
  let entries: JsonObject;
  try {
    entries = readEntries(secret);
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UserError)) throw error;
    onSkipped(secret.name, undefined, error.problem, "secret");
    return [];
  }
  const derived = readDerivedScopes(secret, Object.keys(entries), onSkipped, isRelevant);
  const keys = Object.keys(entries).filter((key) => derived.has(key) || isRelevant(key));
  const credentials: ScopedCredential[] = [];
  // Sorted, so that of two keys with the same meaning the same one always wins.
  for (const key of keys.sort()) {
    const scope = parseScope(key);
    if (scope === undefined) {
      onSkipped(secret.name, hideUserInfo(key), NO_REGISTRY, "entry");
      continue;
    }
    try {
      const credential = readCredential(entries[key]);
      if (credential === undefined) onMarker(secret.name, key);
      else {
        for (const each of [scope, ...derived.get(key) ?? []]) {
          credentials.push({ scope: each, credential, secret: secret.name, key });
        }
      }
    } catch (error) {
      // deno-coverage-ignore -- an error of another kind would be a bug
      if (!(error instanceof UserError)) throw error;
      onSkipped(secret.name, key, error.problem, "entry");
    }
  }
  return credentials;
}

const NO_DERIVED: ReadonlyMap<string, readonly Scope[]> = new Map();

/** What the secret's annotation adds to its keys; nothing at all where any of it is malformed. */
function readDerivedScopes(
  { name, alsoFor }: Secret,
  keys: readonly string[],
  onSkipped: OnSkipped,
  isRelevant: IsRelevant,
): ReadonlyMap<string, readonly Scope[]> {
  if (alsoFor === undefined) return NO_DERIVED;
  const derived = new Map<string, Scope[]>();
  try {
    const find = keyFinder(keys);
    for (const [index, entry] of parseAlsoFor(alsoFor).entries()) {
      const found = find(entry, index);
      for (const key of isRelevant(alsoFor) ? found : []) {
        derived.set(key, [...derived.get(key) ?? [], entry.to]);
      }
    }
    return derived;
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UserError)) throw error;
    const reason = `annotation ${ALSO_FOR_ANNOTATION} is ignored as a whole: ${error.problem}` +
      // deno-coverage-ignore -- for the compiler: each of these errors has advice
      (error.advice === undefined ? "" : `; ${error.advice}`);
    onSkipped(name, undefined, reason, "annotation");
    return NO_DERIVED;
  }
}

const NO_REGISTRY =
  "the key is not a registry; write a host, with port and path if needed, such as " +
  "registry.example.com:5000/team";

function readEntries(secret: Secret): JsonObject {
  const text = decodeSecret(secret);
  let content: Members;
  try {
    content = membersOf(parseForeignJson(text, ""), "");
  } catch (error) {
    if (error instanceof UserError && isBase64OfObject(text)) throw encodedTwice();
    throw error;
  }
  if (secret.type === "kubernetes.io/dockercfg") {
    const auths = namedValue(content.all, "auths");
    if (isObject(auths) && holdsRegistries(auths)) {
      throw new UserError(
        "secret-invalid",
        "",
        `it has "auths" like a secret of type ${CONFIG_TYPE}; give it that type`,
      );
    }
    if (Object.keys(content.all).length === 0) {
      throw new UserError("secret-invalid", "", "it names no registry");
    }
    return content.all;
  }
  const auths = namedObject(content, "auths");
  if (auths === undefined) {
    const type = "kubernetes.io/dockercfg";
    throw new UserError(
      "secret-invalid",
      "",
      holdsRegistries(content.all)
        ? `its registries are not in "auths", as in a secret of type ${type}; put them into "auths"`
        : `it has no "auths"`,
    );
  }
  if (Object.keys(auths).length === 0) {
    throw new UserError("secret-invalid", "", `its "auths" is empty`);
  }
  return auths;
}

const CONFIG_TYPE = "kubernetes.io/dockerconfigjson";

/** Whether an object has entries of registries for members, as a `.dockercfg` has. */
export function holdsRegistries(object: JsonObject): boolean {
  return Object.entries(object).some(([key, value]) =>
    /[.:]/.test(key) && parseScope(key) !== undefined && isObject(value)
  );
}

function encodedTwice(): UserError {
  return new UserError(
    "secret-invalid",
    "",
    "its data is encoded in base64 twice; encode it once, or put the plain text in stringData",
  );
}

/** Whether a text is base64 of a JSON object's. */
function isBase64OfObject(text: string): boolean {
  try {
    return decodeUtf8(Uint8Array.fromBase64(text)).trimStart().startsWith("{");
  } catch {
    return false;
  }
}

/**
 * Reads one entry; `undefined` for an entry without credential, the marker that a credential helper
 * leaves behind. Where `auth` and `username`/`password` disagree, `auth` counts, as with registries'
 * clients.
 *
 * @throws {UserError} when the entry is broken.
 */
export function readCredential(value: unknown): Credential | undefined {
  if (!isObject(value)) throw new UserError("secret-entry-invalid", "", "it must be an object");
  const entry = value;
  const identitytoken = member(entry, "identitytoken");
  const username = member(entry, "username"), password = member(entry, "password");
  const encoded = member(entry, "auth");
  let auth: string;
  if (encoded !== "") {
    auth = canonicalAuth(encoded);
  } else if (username !== "" || password !== "") {
    if (username.includes(":")) {
      throw new UserError("secret-entry-invalid", "", `its "username" has a colon`);
    }
    auth = encodeAuth(username, password);
  } else if (identitytoken !== "") {
    auth = encodeAuth("", "");
  } else if (member(entry, "registrytoken") !== "") {
    throw new UserError(
      "secret-entry-invalid",
      "",
      `it has only a "registrytoken", which CRI-O does not use`,
    );
  } else if (member(entry, "email") !== "") {
    throw new UserError("secret-entry-invalid", "", `it has only an "email" and no credential`);
  } else {
    return undefined;
  }
  if (identitytoken !== "") return { auth, identitytoken };
  // Neither user nor password: to the image library that is no credential.
  return auth === NOBODY ? undefined : { auth };
}

/** Base64 of a colon. */
const NOBODY = "Og==";

/** A text of an entry; empty when it is missing or null. */
function member(entry: JsonObject, key: string): string {
  const value = namedValue(entry, key) ?? "";
  if (typeof value !== "string") {
    throw new UserError("secret-entry-invalid", "", `its "${key}" must be a string`);
  }
  return value;
}

function encodeAuth(username: string, password: string): string {
  return encodeUtf8(`${username}:${password}`).toBase64();
}

const COLON = 0x3a;

function isBase64OfLogin(bytes: Uint8Array): boolean {
  try {
    return Uint8Array.fromBase64(decodeUtf8(bytes)).includes(COLON);
  } catch {
    return false;
  }
}

/** `auth` in the one spelling that every client decodes alike: padded, without NULs around the password. */
function canonicalAuth(auth: string): string {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(auth);
  } catch {
    throw new UserError("secret-entry-invalid", "", `its "auth" is not base64`);
  }
  const colon = bytes.indexOf(COLON);
  if (colon === -1) {
    const twice = isBase64OfLogin(bytes) ? ": it was encoded twice" : "";
    throw new UserError(
      "secret-entry-invalid",
      "",
      `its "auth" is not base64 of user:password${twice}`,
    );
  }
  let start = colon + 1, end = bytes.length;
  while (start < end && bytes[start] === 0) start++;
  while (end > start && bytes[end - 1] === 0) end--;
  if (start === colon + 1 && end === bytes.length) return bytes.toBase64();
  return new Uint8Array([...bytes.subarray(0, colon + 1), ...bytes.subarray(start, end)])
    .toBase64();
}
