/**
 * The patterns of `matchImages`: how the kubelet reads and matches them, and when the Machine Config
 * Operator holds two of them to overlap. The two rules differ.
 */

import { UserError } from "../errors.ts";

/** A pattern, taken apart as the kubelet does it. */
export interface MatchImage {
  /** Labels of the host; a `*` matches any characters of one label. */
  readonly labels: readonly string[];
  /** Empty: no port. */
  readonly port: string;
  /** What the path of an image must begin with, a `/` in front; empty: any path. */
  readonly path: string;
}

/** Go's `net/url` refuses any other ASCII character in a host name. */
const HOST = /^[\w\-.~!$&'()*+,;=<>"\]\P{ASCII}]*$/u;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const USER_INFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;

/**
 * Parses a pattern as the kubelet does (`credentialprovider.ParseSchemelessURL`, `SplitURL`): what
 * Go's `net/url` makes of it behind `https://`. Much passes that no image can match.
 *
 * @throws {UserError} when the kubelet would not start with such a pattern.
 */
export function parseMatchImage(text: string): MatchImage {
  const refuse = (problem: string) =>
    new UserError("match-image-invalid", JSON.stringify(text), problem);
  // deno-coverage-ignore -- for the compiler: the pattern matches any text
  const [, rest = "", fragment = ""] = /^([^#]*)(.*)$/s.exec(text) ?? [];
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(rest)) throw refuse("has a control character");
  // deno-coverage-ignore -- for the compiler: the pattern matches any text
  const [, authority = "", path = ""] = /^([^/?]*)([^?]*)/.exec(rest) ?? [];
  const at = authority.lastIndexOf("@");
  const user = authority.slice(0, at + 1);
  if (!USER_INFO.test(user)) throw refuse("is not of the form host/path");
  if (BROKEN_ESCAPE.test(`${user} ${path} ${fragment}`)) {
    throw refuse(`has a "%" without two hex digits`);
  }
  const { name, port } = splitHost(authority.slice(at + 1), refuse);
  // A path that is no UTF-8 is compared by bytes, and no image has one.
  return { labels: name.split("."), port, path: decode(path) };
}

function splitHost(host: string, refuse: (problem: string) => UserError) {
  const address = /^\[([A-Fa-f0-9:.]*)\](?::(\d*))?$/.exec(host);
  if (address !== null) {
    const [, name = "", port] = address;
    if (!URL.canParse(`https://[${name}]`)) throw refuse("has no IPv6 address in its brackets");
    // Without a port the brackets stay, and are then read as a set of characters.
    return port === undefined ? { name: host, port: "" } : { name, port };
  }
  // deno-coverage-ignore -- for the compiler: the pattern has these groups
  const [, name = "", port = ""] = /^([^:]*)(?::(.*))?$/.exec(host) ?? [];
  if (!/^\d*$/.test(port)) throw refuse(`has ${JSON.stringify(port)} as port`);
  if (!HOST.test(name)) throw refuse("has a character that no host name can have");
  return { name, port };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * What follows is by the grammar of names of the Distribution project (`reference/regexp.go`): the
 * kubelet compares the pod's image as `reference.ParseNormalizedNamed` makes it, and the image library
 * accepts no other names.
 */
const HOST_LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
/** A path that some name may begin with: the last component may be cut anywhere. */
const PATH_BEGINNING = new RegExp(`^/(?:${COMPONENT}/)*(?:${COMPONENT}(?:[._]|__|-+)?)?$`);

/** A name of Docker Hub that the kubelet never uses, since it writes `docker.io` in its place. */
const HUB_ALIAS = /^index\.docker\.io(?=$|\/)/;

/** Whether a pattern is for Docker Hub by the name that the kubelet never uses. */
export function isHubAlias(text: string): boolean {
  return HUB_ALIAS.test(text);
}

/** What the writer of a pattern meant, where that can be seen; else `undefined`. */
export function canonicalName(text: string): string | undefined {
  const meant = text.replace(/^[a-z]+:\/\//i, "").replace(HUB_ALIAS, "docker.io");
  return meant === text || explainUnmatchable(meant) !== undefined ? undefined : meant;
}

/**
 * Says why no image, or not the images that the writer means, can match a pattern that the kubelet
 * accepts; `undefined` when there is nothing to say.
 */
export function explainUnmatchable(text: string): string | undefined {
  if (/^[a-z]+:\/\//i.test(text)) return "begins with a URL scheme: leave it out";
  if (text.startsWith("[")) {
    return "is an IPv6 address, which no image name can have in the image library: " +
      "use a host name";
  }
  if (isHubAlias(text)) {
    return "matches nothing: the kubelet names such images docker.io/…";
  }
  // deno-coverage-ignore -- for the compiler: the pattern matches any text
  const [, authority = "", path = ""] = /^([^/]*)(.*)$/s.exec(text) ?? [];
  if (/[:@]/.test(path)) return "names a tag or digest: the kubelet compares the name without";
  if (path.includes("*")) return `has a "*" in its path, where it is not a wildcard`;
  // deno-coverage-ignore -- for the compiler: the pattern has these groups
  const [, host = "", port] = /^([^:]*)(?::(.*))?$/.exec(authority) ?? [];
  if (host.split(".").includes("") || port === "") return "has an empty part in its host";
  const isHost = host.split(".").every((label) => HOST_LABEL.test(label.replaceAll("*", "x")));
  if (!isHost || (path !== "" && !PATH_BEGINNING.test(path))) {
    return path.toLowerCase() !== path
      ? "has upper case in its path, which image names cannot have"
      : "is not of the form host[:port][/path] that names of images have";
  }
  if (!/[.*]/.test(host) && port === undefined && host !== "localhost") {
    return "begins with no host: the kubelet compares full names, such as docker.io/library/nginx";
  }
  return undefined;
}

/**
 * Whether some image matches both patterns, so that the kubelet runs both providers for it
 * (`credentialprovider.URLsMatch`): same port, same number of labels, each matching, and one path
 * the beginning of the other.
 */
export function intersects(a: MatchImage, b: MatchImage): boolean {
  return isMatchable(a) && isMatchable(b) && hostsIntersect(a, b) &&
    (a.path.startsWith(b.path) || b.path.startsWith(a.path));
}

/** Whether the kubelet runs a provider with this pattern for an image, named without tag. */
export function matchesImage(pattern: MatchImage, image: string): boolean {
  const name = parseMatchImage(image);
  return isMatchable(pattern) && hostsIntersect(pattern, name) &&
    name.path.startsWith(pattern.path);
}

/** To the kubelet an address in brackets is a set of characters, none of which is a host. */
function isMatchable({ labels }: MatchImage): boolean {
  return !labels.some((label) => label.startsWith("["));
}

function hostsIntersect(a: MatchImage, b: MatchImage): boolean {
  return a.port === b.port && a.labels.length === b.labels.length &&
    // deno-coverage-ignore -- for the compiler: the index is in range
    a.labels.every((label, index) => labelsIntersect(label, b.labels[index] ?? ""));
}

/** Whether some text without dots matches both labels. */
function labelsIntersect(a: string, b: string): boolean {
  // below[j]: whether what follows a[i] has a text in common with what begins at b[j].
  let below: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j--) {
      const right = row[j + 1] ?? false, under = below[j] ?? false;
      if (i === a.length && j === b.length) row[j] = true;
      else if (a[i] === "*" || b[j] === "*") row[j] = right || under;
      // deno-coverage-ignore -- for the compiler: the index is in range
      else row[j] = i < a.length && a[i] === b[j] && (below[j + 1] ?? false);
    }
    below = row;
  }
  // deno-coverage-ignore -- for the compiler: the index is in range
  return below[0] ?? false;
}

/**
 * Whether two entries overlap to the Machine Config Operator, which compares them as scopes of
 * `registries.conf` (`ScopeIsNestedInsideScope` of openshift/runtime-utils), one inside the other:
 * a `*.` in front covers any number of labels, a `*` elsewhere is a character like any other.
 */
export function scopesOverlap(a: string, b: string): boolean {
  return isNested(a, b) || isNested(b, a);
}

function isNested(scope: string, outer: string): boolean {
  if (scope === outer || scope.startsWith(`${outer}/`)) return true;
  if (!outer.startsWith("*.")) return false;
  const [host = ""] = scope.split(scope.includes(":") ? ":" : "/", 1);
  return !host.includes("/") && host.endsWith(outer.slice(1));
}
