/** Image -> its pull sources by containerd's `hosts.toml`: all that a pull asks of it. */

import type { PullSources } from "../pull_sources.ts";
import { formatRepository, type Repository } from "../reference.ts";
import { describeUnsure, type OfferedHosts, readOfferedHosts } from "./offered_hosts.ts";

/**
 * The pull sources of an image by the first directory for its registry: each host that containerd may
 * ask, the image's own registry included if it is one.
 *
 * A file that is unsure leaves nothing to do. It would be dropped by some version of containerd, which
 * then offers what it is given to the image's own registry.
 *
 * @param roots the directories of `config_path`, in order.
 * @throws {UserError} when something that exists cannot be read.
 */
export function readHostsSources(roots: readonly string[], image: string): PullSources {
  const found = readOfferedHosts(roots, image);
  const { directory, hosts, unsure, warnings } = found;
  const sources = new Map<string, Repository>();
  for (const { repository } of hosts) sources.set(formatRepository(repository), repository);
  return {
    sources: [...sources.values()],
    nothingToDo: hosts.length > 0 ? undefined : whyNoHost(found),
    foundIn: { file: directory?.file, default: directory?.isDefault ? "yes" : undefined },
    warnings: directory === undefined || unsure === undefined
      ? warnings
      : [describeUnsure(directory, unsure)],
  };
}

/** In words, why there is nothing to do for an image. */
export function whyNoHost({ directory, unsure }: OfferedHosts): string {
  if (directory === undefined) return "no hosts directory for the registry";
  if (unsure !== undefined) {
    return `${directory.file} is not read alike by all versions of containerd`;
  }
  return directory.text === undefined
    ? `${directory.path} has no hosts.toml`
    : `${directory.file} names no host but the image's own registry`;
}
