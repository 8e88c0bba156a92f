/**
 * How the image library finds a credential in an auth file, containers-auth.json(5) and its
 * `pkg/docker/config`.
 */

import { isObject, namedValue } from "../../text/parse.ts";
import { formatRepository, type Repository } from "../../sources/reference.ts";
import type { Credential } from "../../credentials/docker_config.ts";

/** The parts of an auth file that a look-up goes by. */
export interface AuthEntries {
  readonly auths: ReadonlyMap<string, unknown>;
  /** Credential helpers by `host[:port]`. */
  readonly credHelpers: ReadonlyMap<string, unknown>;
}

/** What a look-up ends at. */
export type Lookup =
  | { readonly kind: "none" }
  /** A helper answers, and nothing else is looked at. */
  | { readonly kind: "helper" }
  /**
   * The keys of which one is used. There are several only when more than one key means the host
   * after normalising: the library takes them in no particular order.
   */
  | { readonly kind: "keys"; readonly keys: readonly string[] };

/** Looks a repository up. */
export function lookUp(entries: AuthEntries, repository: Repository): Lookup {
  if (entries.credHelpers.has(repository.host)) return { kind: "helper" };
  for (let key = formatRepository(repository); key !== ""; key = parentKey(key)) {
    if (entries.auths.has(key)) return { kind: "keys", keys: [key] };
  }
  const host = normalizeRegistry(repository.host);
  const keys = [...entries.auths.keys()].filter((key) => normalizeAuthKey(key) === host);
  return keys.length === 0 ? { kind: "none" } : { kind: "keys", keys };
}

/** `host/a/b` -> `host/a` -> `host` -> nothing. */
function parentKey(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

/** A key that had a scheme is cut at its first slash; one that had none is left as it is. */
function normalizeAuthKey(key: string): string {
  const stripped = key.replace(/^(?:http:\/\/)?(?:https:\/\/)?/, "");
  return normalizeRegistry(stripped === key ? key : stripped.replace(/\/.*$/s, ""));
}

function normalizeRegistry(host: string): string {
  return host === "docker.io" || host === "registry-1.docker.io" ? "index.docker.io" : host;
}

/**
 * Whether a look-up gives just this credential, whichever of its keys is used. The library goes by
 * `auth` and `identitytoken` alone.
 */
export function gives(entries: AuthEntries, lookup: Lookup, credential: Credential): boolean {
  return lookup.kind === "keys" && lookup.keys.every((key) => {
    const { auth, identitytoken } = readEntry(entries.auths.get(key));
    return auth === credential.auth && identitytoken === (credential.identitytoken ?? "");
  });
}

/** What the image library reads of an entry; empty where it is missing. */
export interface LibraryEntry {
  readonly auth: string;
  readonly identitytoken: string;
}

/** Reads an entry as the image library's decoder does: `username` and `password` are not looked at. */
export function readEntry(entry: unknown): LibraryEntry {
  const text = (name: string) => {
    const value = isObject(entry) ? namedValue(entry, name) : undefined;
    return typeof value === "string" ? value : "";
  };
  return { auth: text("auth"), identitytoken: text("identitytoken") };
}
