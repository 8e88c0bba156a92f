/** Why a text is no reference to the image library: for people to correct; it is no part of a pull. */

import {
  isHost,
  isPath,
  isRecognisableHost,
  MAX_NAME_LENGTH,
  parseRepository,
} from "../reference.ts";

/**
 * Says why the image library takes a reference for none; `undefined` where it takes it. In words that
 * follow the reference, without any of it.
 *
 * @param reference host and path, without tag and digest.
 */
export function whyNoReference(reference: string): string | undefined {
  if (parseRepository(reference) !== undefined) return undefined;
  const slash = reference.indexOf("/");
  const host = slash === -1 ? reference : reference.slice(0, slash);
  const path = slash === -1 ? "" : reference.slice(slash + 1);
  if (/^[a-z]+:\/\//i.test(reference)) return "begins with a URL scheme";
  if (reference.includes("@")) return `has an "@", as for a user name or a digest`;
  if (host.startsWith("[")) {
    return "has an IPv6 address for a host, which CRI-O's image library does not know";
  }
  if (host === "") return "has no host";
  if (!isHost(host)) return "has a host that is not a host name with an optional port";
  if (!isRecognisableHost(host)) {
    return "has a host without dot and port, which is taken for a part of Docker Hub's names";
  }
  if (host === "index.docker.io") return "names Docker Hub by another name than docker.io";
  if (path === "") return "has no path behind its host";
  if (!isPath(path)) {
    if (isPath(path.toLowerCase())) return "has a path in upper case";
    if (isPath(path.replace(/:[\w.-]+$/, ""))) return "has a tag at its end";
    return "has a path that no repository can have";
  }
  if (reference.length > MAX_NAME_LENGTH) {
    return `is longer than the ${MAX_NAME_LENGTH} characters that a name may have`;
  }
  return "leaves out library/, where Docker Hub keeps its official images";
}
