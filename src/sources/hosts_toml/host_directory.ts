/** Registry host -> the directory in which containerd looks for its `hosts.toml`. */

import { fileError, NotTextError, readTextFile } from "../../process/files.ts";

/** The flag that names the roots, for errors about the sandbox. */
const FLAG = "containerd-hosts-dir";

/** What containerd finds for a registry host. */
export interface HostDirectory {
  /** The directory that counts. */
  readonly path: string;
  /** Whether it is the one for all hosts that have none of their own. */
  readonly isDefault: boolean;
  /** The file in it, which may be missing. */
  readonly file: string;
  /** What the file holds, with a byte order mark if there is one; `undefined` when it is missing. */
  readonly text: string | undefined;
  /** Why the file is no text, in words that follow its name, where it is none. */
  readonly notText?: string;
}

/** A candidate, in the order in which containerd looks. */
export interface Candidate {
  readonly path: string;
  readonly isDefault: boolean;
}

/** The name of the directory for every host without a directory of its own. */
export const DEFAULT_DIRECTORY = "_default";

/**
 * The directories in which containerd looks for a host, in its order: in each root the name with
 * `_port_` for the port, the name as it is, then `_default` (`hostPaths` in containerd's
 * `core/remotes/docker/config/config_unix.go`).
 *
 * @param host `host[:port]` of the image's name; Docker Hub is `docker.io`.
 */
export function hostDirectories(roots: readonly string[], host: string): Candidate[] {
  const colon = host.lastIndexOf(":");
  const names = colon > 0 ? [`${host.slice(0, colon)}_${host.slice(colon + 1)}_`, host] : [host];
  return roots.flatMap((root) => [
    ...names.map((name) => ({ path: `${root}/${name}`, isDefault: false })),
    { path: `${root}/${DEFAULT_DIRECTORY}`, isDefault: true },
  ]);
}

/**
 * Finds the directory that counts, the first that exists, and reads its `hosts.toml`. `undefined`
 * when none exists.
 *
 * @throws {UserError} when something that exists cannot be read.
 */
export function findHostDirectory(
  roots: readonly string[],
  host: string,
): HostDirectory | undefined {
  for (const candidate of hostDirectories(roots, host)) {
    const file = `${candidate.path}/hosts.toml`;
    try {
      const text = readTextFile(file, { flag: FLAG, keepByteOrderMark: true });
      // One file operation shows both where there is a file, as nearly everywhere.
      if (text !== undefined || isThere(candidate.path)) return { ...candidate, file, text };
    } catch (error) {
      // deno-coverage-ignore -- only in a child process: tests/artifact/containerd_test.ts
      if (!(error instanceof NotTextError)) throw error;
      return { ...candidate, file, text: "", notText: error.problem };
    }
  }
  return undefined;
}

/**
 * Whether there is something at a path: a directory without the file counts, too.
 *
 * @throws {UserError} when that cannot be found out.
 */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // deno-coverage-ignore-start -- a disk that fails
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError(path, "look for", FLAG, error);
    // deno-coverage-ignore-stop
  }
}
