/**
 * Repository references, by the grammar of the image library that CRI-O pulls with
 * (go.podman.io/image v5.38 and v5.42, `docker/reference`). It has no IPv6 hosts, and differs from the
 * Distribution project's own, which the kubelet goes by.
 */

/** A repository on a registry, without tag or digest. */
export interface Repository {
  /** Host name with optional port: `quay.io`, `localhost:5000`. */
  readonly host: string;
  /** Path of the repository: `library/nginx`. */
  readonly path: string;
}

// Patterns are in functions, here and elsewhere: the engine parses those outside in every run.

/** Whether a text is a host name with optional port (`DomainRegexp`). */
export function isHost(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?$/
    .test(text);
}

/** Whether a text is the path of a repository: components in lower case with slashes between them. */
export function isPath(text: string): boolean {
  return /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/.test(
    text,
  );
}

function withoutTagAndDigest(text: string): string {
  return text.replace(/(?::\w[\w.-]{0,127})?(?:@[a-zA-Z][\w+.-]*:[0-9a-fA-F]{32,})?$/, "");
}

/** Characters of host and path together (`NameTotalLengthMax`). */
export const MAX_NAME_LENGTH = 255;

/** `host/path`, as auth files and logs name a repository. */
export function formatRepository(repository: Repository): string {
  return `${repository.host}/${repository.path}`;
}

/** Whether the first component of a name is taken for a host, and not for part of a Docker Hub path. */
export function isRecognisableHost(host: string): boolean {
  return /[.:]/.test(host) || host === "localhost";
}

/**
 * What an image is named by beside its name. Tag and digest together are a digest
 * (`reference.Canonical`); neither, as the kubelet names it to the plugin: `undefined`.
 */
export function namedBy(image: string): "tag" | "digest" | undefined {
  if (image.includes("@")) return "digest";
  return image.includes(":", image.lastIndexOf("/") + 1) ? "tag" : undefined;
}

/**
 * Parses a fully qualified reference; tag and digest are dropped. `undefined` when the image library
 * would refuse it.
 *
 * The library takes only the canonical spelling (`reference.ParseNamed`): the first component must
 * be recognisable as a host, Docker Hub is `docker.io`, and its official images are in `library/`.
 */
export function parseRepository(reference: string): Repository | undefined {
  const slash = reference.indexOf("/");
  if (slash === -1) return undefined;
  const host = reference.slice(0, slash);
  const path = withoutTagAndDigest(reference.slice(slash + 1));
  if (host.length + 1 + path.length > MAX_NAME_LENGTH) return undefined;
  // What is no host name may still be the first part of a path: a host with an underscore makes a
  // valid reference, which spoils no pull, though nobody can be contacted by it.
  if (!isPath(path) || (!isHost(host) && !isPath(host))) return undefined;
  if (!isRecognisableHost(host)) return undefined;
  if (host === "index.docker.io") return undefined;
  if (host === "docker.io" && !path.includes("/")) return undefined;
  return { host, path };
}

/**
 * Whether a text may be the name of an image in `aliases`: a name without registry, tag and digest
 * (`sysregistriesv2`, `validateShortName`).
 */
export function isShortName(name: string): boolean {
  const host = hostOf(name);
  return host !== undefined && !isRecognisableHost(host) && name.length <= MAX_NAME_LENGTH;
}

/**
 * The repository that an alias leads to; `undefined` when the image library refuses the value: it must
 * have a registry, and neither tag nor digest (`sysregistriesv2`, `parseShortNameValue`).
 */
export function parseAliasTarget(value: string): Repository | undefined {
  const host = hostOf(value);
  if (host === undefined || !isRecognisableHost(host)) return undefined;
  const path = value.slice(host.length + 1);
  const isHub = host === "docker.io" || host === "index.docker.io";
  if (!isHub) return parseRepository(value);
  return parseRepository(hubName(path));
}

/** The repository of a path on Docker Hub, whose official images are in `library/`: `docker.io/library/nginx`. */
export function hubName(path: string): string {
  return `docker.io/${path.includes("/") ? path : `library/${path}`}`;
}

/** The host of a name without tag and digest: empty where it has none, `undefined` where it is no name. */
function hostOf(name: string): string | undefined {
  const slash = name.indexOf("/");
  const host = name.slice(0, Math.max(0, slash));
  if (isHost(host) && isPath(name.slice(slash + 1))) return host;
  return isPath(name) ? "" : undefined;
}
