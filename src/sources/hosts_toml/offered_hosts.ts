/** Image -> the hosts that containerd asks for it, each of which it offers the pair it is given. */

import type { Repository } from "../reference.ts";
import { findHostDirectory, type HostDirectory } from "./host_directory.ts";
import {
  type HostEntry,
  type HostsFile,
  isUnsure,
  parseHostsFile,
  type Unsure,
} from "./hosts_file.ts";

/** A host that containerd asks. */
export interface OfferedHost {
  /** The repository there, by which credentials are chosen. */
  readonly repository: Repository;
  /** What is asked for: `/v2/hub/library/nginx`. */
  readonly requestPath: string;
  /** Whether it is the image's own registry. */
  readonly isOrigin: boolean;
  /** The entry of the file; `undefined` where containerd adds the image's own registry itself. */
  readonly entry: HostEntry | undefined;
}

/** What containerd's configuration makes of an image. */
export interface OfferedHosts {
  readonly directory: HostDirectory | undefined;
  /**
   * Every host that may be asked, in order. Empty when only the image's own registry is, so that
   * there is nothing to do, and when the file is unsure.
   */
  readonly hosts: readonly OfferedHost[];
  /** Why nothing can be made of the file. */
  readonly unsure: Unsure | undefined;
  /** What an operator should know of the file. */
  readonly warnings: readonly string[];
}

/** The host that containerd asks for images of Docker Hub. */
const DOCKER_HUB_ORIGIN = "registry-1.docker.io";

/**
 * The hosts that containerd asks for an image, by the first directory for its registry.
 *
 * @param roots the directories of `config_path`, in order.
 * @throws {UserError} when something that exists cannot be read.
 */
export function readOfferedHosts(roots: readonly string[], image: string): OfferedHosts {
  return findOfferedHosts(findHostDirectory(roots, registryOf(image)), image);
}

/** `host[:port]` by which containerd looks for an image's directory. */
export function registryOf(image: string): string {
  return splitImage(image).host;
}

/** As {@link readOfferedHosts}, of a directory that was found. */
export function findOfferedHosts(
  directory: HostDirectory | undefined,
  image: string,
): OfferedHosts {
  const nothing = { directory, hosts: [], unsure: undefined, warnings: [] };
  if (directory?.text === undefined) return nothing;
  const { notText } = directory;
  if (notText !== undefined) {
    return {
      ...nothing,
      unsure: { line: undefined, problem: notText, advice: "save it as UTF-8" },
    };
  }
  const file = parseHostsFile(directory.text);
  if (isUnsure(file)) return { ...nothing, unsure: file };
  const { host, path } = splitImage(image);
  const asked = file.hosts.filter(({ pull }) => pull).map((entry) => offered(entry, host, path));
  if (file.server === undefined) {
    asked.push({
      repository: { host: originHost(host), path },
      requestPath: `/v2/${path}`,
      isOrigin: true,
      entry: undefined,
    });
  } else if (file.server.pull) {
    asked.push(offered(file.server, host, path));
  }
  if (asked.every(({ isOrigin }) => isOrigin)) return nothing;
  return { ...nothing, hosts: asked, warnings: warningsOf(file, directory) };
}

function offered(entry: HostEntry, imageHost: string, path: string): OfferedHost {
  const below = withoutV2(entry.path);
  return {
    repository: { host: entry.host, path: below === "" ? path : `${below}/${path}` },
    requestPath: `${entry.path === "/" ? "" : entry.path}/${path}`,
    isOrigin: entry.host === originHost(imageHost) || entry.host === imageHost,
    entry,
  };
}

/** `docker.io/library/nginx` -> `docker.io` and `library/nginx`. */
function splitImage(image: string): Repository {
  const slash = image.indexOf("/");
  // deno-coverage-ignore -- for the compiler: the kubelet's names have a host
  const host = slash === -1 ? "" : image.slice(0, slash);
  return { host: host === "index.docker.io" ? "docker.io" : host, path: image.slice(slash + 1) };
}

function originHost(host: string): string {
  return host === "docker.io" ? DOCKER_HUB_ORIGIN : host;
}

/** `/hub/v2` and `/v2/hub` -> `hub`: the version of the registry's API is no part of a repository. */
function withoutV2(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.at(-1) === "v2") parts.pop();
  else if (parts[0] === "v2") parts.shift();
  return parts.join("/");
}

/** In words, what is wrong with a file, and what comes of it. */
export function describeUnsure(
  { file }: HostDirectory,
  { line, problem, advice }: Unsure,
): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return `${place}: ${problem}: a containerd that drops the file goes to the image's own registry, ` +
    `so no credential is given; ${advice}`;
}

function warningsOf(file: HostsFile, directory: HostDirectory): string[] {
  const warnings: string[] = [];
  if (file.server === undefined) {
    warnings.push(
      `${directory.file}: "server" is missing, so that the image's own registry is asked last and ` +
        "offered the same credential",
    );
  }
  for (const entry of [...file.hosts, ...(file.server === undefined ? [] : [file.server])]) {
    const at = `${directory.file}:${entry.line}: ${entry.host}`;
    if (entry.scheme === "http" && entry.pull) {
      warnings.push(`${at} is asked without TLS: credentials are sent in the clear`);
    }
    if (entry.authorization) {
      warnings.push(`${at} has an Authorization header, which is sent before the credential is`);
    }
    if (entry.pull && !entry.resolve) {
      warnings.push(`${at} lacks "resolve": pulls by tag pass it over`);
    }
  }
  return warnings;
}
