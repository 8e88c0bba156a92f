/** Repository references, by the grammar of the Distribution project that the image library uses. */

/** A repository on a registry, without tag or digest. */
export interface Repository {
  /** Host name with optional port: `quay.io`, `localhost:5000`, `[::1]:5000`. */
  readonly host: string;
  /** Path of the repository: `library/nginx`. */
  readonly path: string;
}

// Patterns stand in functions, here and elsewhere: the engine parses those outside in every run.

function isHost(text: string): boolean {
  return /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/
    .test(text);
}

function isPath(text: string): boolean {
  return /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/.test(
    text,
  );
}

function withoutTagAndDigest(text: string): string {
  return text.replace(/(?::\w[\w.-]{0,127})?(?:@[a-zA-Z][\w+.-]*:[0-9a-fA-F]{32,})?$/, "");
}

const MAX_NAME_LENGTH = 255;

/** `host/path`, as auth files and logs name a repository. */
export function formatRepository(repository: Repository): string {
  return `${repository.host}/${repository.path}`;
}

/**
 * Parses a fully qualified reference; tag and digest are dropped. `undefined` when the image library
 * would refuse it.
 *
 * The library takes only the canonical spelling (`reference.ParseNamed`): the first component must
 * be recognisable as a host, Docker Hub is `docker.io`, and its official images stand in `library/`.
 */
export function parseRepository(reference: string): Repository | undefined {
  const slash = reference.indexOf("/");
  if (slash === -1) return undefined;
  const host = reference.slice(0, slash);
  const path = withoutTagAndDigest(reference.slice(slash + 1));
  if (host.length + 1 + path.length > MAX_NAME_LENGTH) return undefined;
  if (!isHost(host) || !isPath(path)) return undefined;
  // Without one of these signs the component is part of a Docker Hub path.
  if (!/[.:A-Z]/.test(host) && host !== "localhost") return undefined;
  if (host === "index.docker.io") return undefined;
  if (host === "docker.io" && !path.includes("/")) return undefined;
  return { host, path };
}
