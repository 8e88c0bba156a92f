/** Images as people write them. */

import { hubName, parseRepository } from "./reference.ts";

/**
 * The name that the kubelet gives to the plugin for an image of a pod: with host, without tag and
 * digest. `undefined` when no image can be named so.
 *
 * The rules are those of the Distribution project's `reference.ParseNormalizedNamed`.
 */
export function normalizeImage(text: string): string | undefined {
  return explainImageName(text) === undefined ? canonicalName(text) : undefined;
}

/** Hex digits of a digest by its algorithm (`digest.Parse` of opencontainers/go-digest). */
const DIGEST_LENGTHS: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
]);

/** Says why no image can be named so; `undefined` when one can. */
export function explainImageName(text: string): string | undefined {
  if (text === "") return "is empty, expected the name of an image";
  const [, scheme] = /^([a-z][a-z0-9+.-]*:\/\/)/i.exec(text) ?? [];
  if (scheme !== undefined) return `begins with a URL scheme: leave out ${scheme}`;
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return "has a space or a control character";
  const { name, tag, digest } = splitImage(text);
  if (digest !== undefined && !isDigest(digest)) {
    return "has a broken digest: expected sha256: and 64 hex digits in lower case";
  }
  if (tag?.includes(":")) return "has two tags";
  if (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag)) {
    return "has a broken tag: expected at most 128 letters, digits, dots, hyphens and underscores";
  }
  if (/^[0-9a-f]{64}$/.test(name)) return "is an image's ID, not its name";
  const { host, path } = splitName(name);
  if (host.startsWith("[")) {
    return "names its registry by an IPv6 address, which the image library does not accept";
  }
  if (/[A-Z]/.test(host) && !/[.:]/.test(host)) {
    return "begins with upper case: a host needs a dot or a port, and a path is lower case";
  }
  if (/[A-Z]/.test(path)) {
    return `has upper case in its path, which image names cannot have: ${path.toLowerCase()}`;
  }
  return parseRepository(canonicalName(text)) === undefined
    ? "is not of the form host/path:tag that names of images have, such as quay.io/team/app:v1"
    : undefined;
}

function isDigest(digest: string): boolean {
  const [, algorithm = "", hex = ""] = /^([^:]*):([0-9a-f]+)$/.exec(digest) ?? [];
  return hex.length === DIGEST_LENGTHS.get(algorithm);
}

/** The parts of an image; all tags in one. */
function splitImage(text: string) {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const [, name = "", tag] = /^(.*?\/[^/:]*|[^/:]*)(?::([^/]*))?$/s.exec(
    // deno-coverage-ignore -- for the compiler: the pattern matches any text
    at === -1 ? text : text.slice(0, at),
  ) ?? [undefined, at === -1 ? text : text.slice(0, at)];
  return { name, tag, digest };
}

/** Host and path; without a host both are those of Docker Hub. */
function splitName(name: string) {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  // Without one of these signs the first component is part of a Docker Hub path.
  const hasHost = /[.:A-Z]/.test(first) || first === "localhost";
  return hasHost ? { host: first, path: name.slice(slash + 1) } : { host: "docker.io", path: name };
}

function canonicalName(text: string): string {
  const { host, path } = splitName(splitImage(text).name);
  if (host !== "docker.io" && host !== "index.docker.io") return `${host}/${path}`;
  return hubName(path);
}
