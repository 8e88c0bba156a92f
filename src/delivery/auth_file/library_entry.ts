/**
 * What the image library makes of the entries of an auth file (go.podman.io/image v5.38 and v5.42,
 * `pkg/docker/config`), in words: for people to correct; it is no part of a pull.
 */

import { isObject, namedValue } from "../../text/parse.ts";
import { parseRepository } from "../../sources/reference.ts";
import type { AuthFile } from "./auth_file.ts";
import { readEntry } from "./lookup.ts";
import { holdsRegistries } from "../../credentials/docker_config.ts";
import { formatScope, parseScope } from "../../credentials/scope.ts";

/** What a look-up that ends at an entry comes to. Reasons are words that follow the entry. */
export type EntryJudgement =
  /** A login; the user is empty for an identity token alone. */
  | { readonly kind: "login"; readonly user: string }
  /** No credential: the pull goes on without. */
  | { readonly kind: "none"; readonly reason: string }
  /** An error: nothing is pulled from that source. */
  | { readonly kind: "error"; readonly reason: string };

const COLON = 0x3a;

/** Judges an entry as `decodeDockerAuth` does: by its `auth` alone, which must be padded base64. */
export function judgeEntry(entry: unknown): EntryJudgement {
  const { auth, identitytoken } = readEntry(entry);
  if (auth === "") return { kind: "none", reason: whyWithoutAuth(entry) };
  const bytes = decodeBase64(auth);
  if (bytes === undefined) {
    const reason = decodeBase64(auth.padEnd(Math.ceil(auth.length / 4) * 4, "=")) === undefined
      ? `has an "auth" that is not base64`
      : `has an "auth" in base64 without the "=" at its end, which CRI-O does not take`;
    return { kind: "error", reason };
  }
  const colon = bytes.indexOf(COLON);
  if (colon === -1) {
    return { kind: "none", reason: `has an "auth" that is not base64 of user:password` };
  }
  // NULs around a password are none of it.
  if (colon === 0 && identitytoken === "" && bytes.subarray(1).every((byte) => byte === 0)) {
    return { kind: "none", reason: `has an "auth" without user and password` };
  }
  return { kind: "login", user: new TextDecoder().decode(bytes.subarray(0, colon)) };
}

function whyWithoutAuth(entry: unknown): string {
  const has = (name: string) => isObject(entry) && (namedValue(entry, name) ?? "") !== "";
  if (has("username") || has("password")) {
    return `has "username" and "password" without "auth", and CRI-O reads "auth" alone`;
  }
  if (has("identitytoken")) {
    return `has an "identitytoken" without "auth", which CRI-O does not use`;
  }
  if (has("registrytoken")) return `has a "registrytoken" alone, which CRI-O does not use`;
  return "holds no credential, as credential helpers leave it behind";
}

/** Go's `base64.StdEncoding`: padded, and line ends in it are skipped. */
function decodeBase64(text: string): Uint8Array | undefined {
  const joined = text.replace(/[\r\n]/g, "");
  if (joined.length % 4 !== 0 || /\s/.test(joined)) return undefined;
  try {
    return Uint8Array.fromBase64(joined);
  } catch {
    return undefined;
  }
}

/** Why no look-up ends at a key, and what to write in its place. */
export interface Unfindable {
  /** In words that follow the key. */
  readonly reason: string;
  readonly advice: string;
}

/** Docker Hub's further names, which count as keys of the whole host alone. */
const HUB_ALIASES = ["index.docker.io", "registry-1.docker.io"];

/** Why the image library finds no entry by a key; `undefined` where it can. */
export function whyUnfindable(key: string): Unfindable | undefined {
  const withoutScheme = key.replace(/^(?:http:\/\/)?(?:https:\/\/)?/, "");
  // A key with a scheme is cut at its first slash; one without is compared as it is.
  const name = withoutScheme === key ? key : withoutScheme.replace(/\/.*$/s, "");
  if (HUB_ALIASES.includes(name) || parseRepository(`${name}/x/x`) !== undefined) return undefined;
  if (name.includes("*")) {
    return {
      reason: "is a wildcard, by which nothing is found in an auth file",
      advice: "write an entry for each host",
    };
  }
  const scope = parseScope(key);
  if (scope === undefined || parseRepository(`${formatScope(scope)}/x/x`) === undefined) {
    return {
      reason: "names no registry",
      advice: "write it as host with port and path if needed: registry.example.com:5000/team",
    };
  }
  const advice = `write it as ${JSON.stringify(formatScope(scope))}`;
  if (/\/v[12](?:\/|$)/.test(name)) {
    return {
      reason: "has the registry API's path without a scheme, and so is never found",
      advice,
    };
  }
  if (name.endsWith("/")) {
    return { reason: "has a slash at its end, and so is never found", advice };
  }
  return { reason: "is never found", advice };
}

/** What is to be said of an auth file without entries that is a `.dockercfg`, the bare map of them. */
export function describeBareMap({ auths, otherFields }: AuthFile): string | undefined {
  return auths.size === 0 && holdsRegistries(Object.fromEntries(otherFields))
    ? `has registries outside of "auths", as a .dockercfg does: CRI-O finds none of them`
    : undefined;
}
