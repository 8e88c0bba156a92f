/** The address of an API server as people write it. */

import { hideUserInfo } from "../errors.ts";
import { trimSlashesAtEnd } from "../text/parse.ts";

/** A host as `URL` normalises it: labels of a DNS name or of an IPv4 address, or an IPv6 address. */
const HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:]+\])$/;

/**
 * Normalises `HOST:PORT` or an `https` URL to a URL without trailing slash. `undefined` when it is
 * neither: plain `http` is refused, because what is sent to the address is a bearer token, and so is a
 * host that is no name and no address. `URL` lets more through than those, and the host becomes a
 * permission to connect, where a comma divides hosts and a star matches any.
 */
export function parseApiServerUrl(text: string): string | undefined {
  const hasScheme = text.includes("://");
  if (hasScheme && !text.startsWith("https://")) return undefined;
  if (!hasScheme && !/^(?:[^:/?#@\[\]\s]+|\[[0-9a-fA-F:.]+\]):\d+$/.test(text)) return undefined;
  const url = URL.parse(hasScheme ? text : `https://${text}`);
  if (url === null || url.username !== "" || url.password !== "") return undefined;
  if (url.search !== "" || url.hash !== "" || !HOST.test(url.hostname)) return undefined;
  return url.origin + trimSlashesAtEnd(url.pathname);
}

/** `host:port` of a normalised URL, as Deno's `--allow-net` takes it. */
export function hostAndPort(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === "" ? "443" : port}`;
}

/** An address in quotes for an error, without user and password. */
export function quoteAddress(text: string): string {
  return JSON.stringify(hideUserInfo(text));
}
