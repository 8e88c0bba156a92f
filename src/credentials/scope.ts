/** The repositories that a key of a registry secret speaks for. */

import { trimSlashesAtEnd } from "../text/parse.ts";
import type { Repository } from "../sources/reference.ts";

/** A registry key, taken apart. */
export interface Scope {
  /** Host name with optional port; a `*` in it is part of one DNS label. */
  readonly host: string;
  /** Path below the host, without slashes around it; empty: the whole host. */
  readonly path: string;
  /** Whether an annotation of the secret names it, and no key. */
  readonly derived?: true;
}

/** Docker Hub's names, which are one host. */
const DOCKER_HUB: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
]);

function isHostPattern(text: string): boolean {
  return /^[a-zA-Z0-9*](?:[a-zA-Z0-9*._-]*[a-zA-Z0-9*])?(?::\d+)?$/.test(text);
}

/** The name under which a host is compared: Docker Hub's names are one. */
export function canonicalHost(host: string): string {
  return DOCKER_HUB.has(host) ? "docker.io" : host;
}

/**
 * Reads a key as Docker's clients and `kubectl create secret docker-registry` write it: scheme and
 * slashes at the end are dropped, and so is the registry API's `/v1/` or `/v2/` behind the host, as
 * the kubelet does it (`pkg/credentialprovider`, `BasicDockerKeyring.Add`). `undefined` when no
 * registry could be named so.
 */
export function parseScope(key: string): Scope | undefined {
  const rest = key.replace(/^https?:\/\//, "");
  const slash = rest.indexOf("/");
  const host = slash === -1 ? rest : rest.slice(0, slash);
  let path = "";
  if (slash !== -1) {
    path = rest.slice(slash);
    // Without scheme and closing slash, `/v2` may well be the first part of a repository's path.
    if (/^\/v[12]\//.test(path) || (rest !== key && /^\/v[12]$/.test(path))) {
      path = path.slice("/v1".length);
    }
    path = trimSlashesAtEnd(path.replace(/^\/+/, ""));
  }
  if (!isHostPattern(host) || /[\s?#@:\\*]|\/\//.test(path)) return undefined;
  return { host: canonicalHost(host), path };
}

/** The scope as a key of an auth file: `localhost:5000`, `quay.io/team`. */
export function formatScope(scope: Scope): string {
  return scope.path === "" ? scope.host : `${scope.host}/${scope.path}`;
}

/** Whether the scope holds a wildcard, which no auth file understands. */
export function isWildcard(scope: Scope): boolean {
  return scope.host.includes("*");
}

/** Whether the scope speaks for a repository: same host and port, same path or a parent of it. */
export function covers(scope: Scope, repository: Repository): boolean {
  return matchHost(scope.host, canonicalHost(repository.host)) &&
    (scope.path === "" || scope.path === repository.path ||
      repository.path.startsWith(`${scope.path}/`));
}

function matchHost(pattern: string, host: string): boolean {
  if (!pattern.includes("*")) return pattern === host;
  // A port is no part of the last label.
  const [patternName = "", patternPort] = pattern.split(":");
  const [name = "", port] = host.split(":");
  if (port !== patternPort) return false;
  const labels = patternName.split("."), found = name.split(".");
  return labels.length === found.length &&
    // deno-coverage-ignore -- for the compiler: the index is in range
    labels.every((label, index) => matchLabel(label, found[index] ?? ""));
}

/** `*` matches any characters of one label, as in the kubelet's patterns. */
function matchLabel(pattern: string, label: string): boolean {
  const [start = "", ...parts] = pattern.split("*");
  const end = parts.pop();
  if (end === undefined) return pattern === label;
  let position = start.length;
  if (!label.startsWith(start)) return false;
  for (const part of parts) {
    const found = label.indexOf(part, position);
    if (found === -1) return false;
    position = found + part.length;
  }
  return label.length - end.length >= position && label.endsWith(end);
}

/**
 * Orders scopes that cover the same repository: positive when `a` is the more specific one. The
 * longer path is; of equal paths, the host that leaves less to wildcards; of equal hosts, the one that
 * a key names and not an annotation.
 */
export function compareSpecificity(a: Scope, b: Scope): number {
  return a.path.length - b.path.length || literals(a) - literals(b) ||
    Number(b.derived ?? false) - Number(a.derived ?? false);
}

function literals({ host }: Scope): number {
  return host.replaceAll("*", "").length;
}
