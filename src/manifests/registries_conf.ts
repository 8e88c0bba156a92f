/** A drop-in for `registries.conf` (containers-registries.conf(5), version 2). */

import { stringify } from "smol-toml";
import { UsageError } from "../errors.ts";
import { parseRepository } from "../sources/reference.ts";

/** A registry, or a part of it, with one mirror. */
export interface MirrorRule {
  /** What images must begin with; `*.host` for all sub-domains. */
  readonly source: string;
  /** Where they are looked for first. */
  readonly mirror: string;
}

/** Where the drop-in belongs. */
export const DROP_IN_PATH = "/etc/containers/registries.conf.d/50-crio-credential-provider.conf";

/**
 * Parses `docker.io=mirror.local/hub`.
 *
 * @throws {UsageError} whose place is left to be filled in.
 */
export function parseMirrorRule(text: string): MirrorRule {
  const [source, mirror, ...rest] = text.split("=").map((part) => part.replace(/\/+$/, ""));
  if (source === undefined || mirror === undefined || rest.length > 0) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${JSON.stringify(text)} is not SOURCE=LOCATION`,
      "write it like docker.io=mirror.local/hub",
    );
  }
  checkLocation(source.replace(/^\*\.(?=[^/:]+$)/, ""));
  checkLocation(mirror);
  return { source, mirror };
}

/**
 * Checks a location: host with port and path if needed.
 *
 * @throws {UsageError} whose place is left to be filled in.
 */
export function checkLocation(text: string): void {
  const [problem, advice] = explainLocation(text) ?? [];
  if (problem === undefined) return;
  throw new UsageError("flag-value-invalid", "", `${JSON.stringify(text)} ${problem}`, advice);
}

/**
 * Why references of the image library cannot begin with a location (its `docker/reference`), and what
 * to write in its place.
 */
function explainLocation(text: string): [problem: string, advice: string] | undefined {
  // deno-coverage-ignore -- for the compiler: the pattern matches any text
  const [, host = "", path = ""] = /^([^/]*)(.*)$/s.exec(text) ?? [];
  if (/^https?:\/\//.test(text)) return [NO_REGISTRY, "leave out the URL scheme"];
  if (host === "index.docker.io") {
    return ["never applies: such images are named docker.io/…", `write docker.io${path}`];
  }
  if (host.startsWith("[")) {
    return ["is an IPv6 address, which the image library does not accept", "use a host name"];
  }
  if (/[A-Z]/.test(host) && !/[.:]/.test(host)) {
    return [
      "is not a host to the image library: it is in capitals, without a dot or a port",
      "write the full name of the host",
    ];
  }
  if (/[A-Z]/.test(path)) {
    return ["has upper case in its path, which no reference of the image library has", EXAMPLE];
  }
  // Every image of the location must have a name that the image library takes.
  if (parseRepository(`${text}/repository/image`) !== undefined) return undefined;
  return [NO_REGISTRY, EXAMPLE];
}

const NO_REGISTRY = "is not a registry with port and path";
const EXAMPLE = "write it like mirror.local:5000/hub";

/**
 * Makes the drop-in: one table for each source, its mirrors in the order given.
 *
 * @param insecure mirrors that are reached without TLS or without verification.
 */
export function createRegistriesDropIn(
  rules: readonly MirrorRule[],
  insecure: ReadonlySet<string>,
): string {
  const bySource = Map.groupBy(rules, ({ source }) => source);
  const registry = [...bySource].map(([source, own]) => ({
    // A wildcard prefix must do without a location, and is not rewritten then.
    ...(source.startsWith("*.") ? { prefix: source } : { location: source }),
    mirror: [...new Set(own.map(({ mirror }) => mirror))].map((location) => ({
      location,
      ...(insecure.has(location) && { insecure: true }),
    })),
  }));
  return stringify({ registry });
}
