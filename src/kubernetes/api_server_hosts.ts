/**
 * The hosts that API servers may have, where one executable is for many clusters: patterns as the
 * runtime's `--allow-net` takes them (Deno 2.9).
 */

import { UsageError } from "../errors.ts";
import { hostAndPort, parseApiServerUrl } from "./api_server_url.ts";

/** The widest range of addresses: a private one of RFC 1918. */
const SHORTEST_PREFIX = 8;

/**
 * A pattern: `HOST:PORT`, `*.DOMAIN:PORT` for a domain and all below it, or `ADDRESS/PREFIX:PORT` for a
 * range of IPv4 addresses.
 *
 * @throws {UsageError} when it is none of these, or wider than one organisation can mean. Its place is
 * left to be filled in.
 */
export function parseHostPattern(text: string): string {
  const quoted = JSON.stringify(text);
  const [, host = "", port = ""] = /^(.+):(\d{1,5})$/.exec(text.toLowerCase()) ?? [];
  if (Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${quoted} has no port`,
      "write it like HOST:6443",
    );
  }
  const normalPort = String(Number(port));
  if (host === "*") {
    const advice = "name a domain, as in *.clusters.example.com:6443";
    throw new UsageError("flag-value-invalid", "", `${quoted} would be every host`, advice);
  }
  if (host.startsWith("*.")) return `*.${parseDomain(host.slice(2), quoted)}:${normalPort}`;
  if (host.includes("/")) return `${parseRange(host, quoted)}:${normalPort}`;
  const url = host.includes("*") ? undefined : parseApiServerUrl(text);
  if (url !== undefined && !text.includes("://")) return hostAndPort(url);
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${quoted} is not HOST:PORT, *.DOMAIN:PORT or ADDRESS/PREFIX:PORT`,
    "write it like *.clusters.example.com:6443 or 10.20.0.0/16:6443",
  );
}

/** A domain below a top-level one (RFC 1123 section 2.1 for the form of its labels). */
function parseDomain(domain: string, quoted: string): string {
  const labels = domain.split(".");
  if (!labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) {
    throw new UsageError("flag-value-invalid", "", `${quoted} is not *. and the name of a domain`);
  }
  // Every top-level name is a public suffix, listed or not. The list itself is not looked at here: it is
  // large, and a pull needs none of it.
  if (labels.length === 1) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${quoted} would be hosts of anybody`,
      "name a domain of your own, as in *.clusters.example.com:6443",
    );
  }
  return domain;
}

/** A range of IPv4 addresses in the notation of RFC 4632 section 3.1. */
function parseRange(range: string, quoted: string): string {
  const [, address = "", prefix = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(range) ?? [];
  const first = parseAddress(address);
  if (first === undefined || Number(prefix) > 32) {
    const advice = "the runtime knows ranges of IPv4 addresses alone, as in 10.20.0.0/16:6443";
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${quoted} is not a range of addresses and a port`,
      advice,
    );
  }
  if (Number(prefix) < SHORTEST_PREFIX) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${quoted} is wider than /${SHORTEST_PREFIX}`,
      "name a narrower range",
    );
  }
  const size = 2 ** (32 - Number(prefix));
  if (first % size !== 0) {
    const start = formatAddress(first - first % size);
    const problem = `${quoted} does not begin where its range begins`;
    throw new UsageError("flag-value-invalid", "", problem, `write ${start}/${Number(prefix)}`);
  }
  return `${formatAddress(first)}/${Number(prefix)}`;
}

function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) {
    return undefined;
  }
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256)
    ? bytes.reduce((address, byte) => address * 256 + byte, 0)
    : undefined;
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** A pattern in its parts: what is in front of the port, and the port. */
function split(pattern: string): [host: string, port: string] {
  const colon = pattern.lastIndexOf(":");
  return [pattern.slice(0, colon), pattern.slice(colon + 1)];
}

/** First and last address of a range. */
function bounds(range: string): [first: number, last: number] {
  const [address = "", prefix = ""] = range.split("/");
  // deno-coverage-ignore -- for the compiler: the range was checked before
  const first = parseAddress(address) ?? 0;
  return [first, first + 2 ** (32 - Number(prefix)) - 1];
}

/**
 * Whether the runtime lets a process that holds one of these patterns connect to a host.
 *
 * @param target `host:port` of a normalised URL. A name is compared as a name, whatever its addresses.
 */
export function liesWithin(target: string, patterns: readonly string[]): boolean {
  const [host, port] = split(target);
  return patterns.some((pattern) => {
    const [allowed, allowedPort] = split(pattern);
    if (port !== allowedPort) return false;
    if (allowed.startsWith("*.")) {
      const domain = allowed.slice(2);
      return host === domain || host.endsWith(`.${domain}`);
    }
    if (!allowed.includes("/")) return host === allowed;
    const address = parseAddress(host);
    const [first, last] = bounds(allowed);
    return address !== undefined && address >= first && address <= last;
  });
}

/** Hosts of a pattern by which the runtime can be asked for it: it answers for hosts alone. */
export function samplesOf(pattern: string): string[] {
  const [host, port] = split(pattern);
  if (host.startsWith("*.")) return [`any-host.${host.slice(2)}:${port}`];
  if (!host.includes("/")) return [pattern];
  return bounds(host).map((address) => `${formatAddress(address)}:${port}`);
}

/**
 * Says of permissions to connect which are wider than a host.
 *
 * @param targets of permissions, those for sockets included.
 * @returns a line each; empty: none is.
 */
export function describeWide(targets: readonly string[]): string[] {
  return targets.flatMap((target) => {
    const [host, port] = split(target);
    if (host.startsWith("*.")) {
      return [`wider than a host: ${target}: ${host.slice(2)} and every host below it`];
    }
    if (host === "unix" || !host.includes("/")) return [];
    const [first, last] = bounds(host);
    const count = last - first + 1;
    if (count === 1) return [];
    const range = `${count} addresses, ${formatAddress(first)} to ${formatAddress(last)}`;
    return [`wider than a host: ${target}: ${range}, port ${port}`];
  });
}
