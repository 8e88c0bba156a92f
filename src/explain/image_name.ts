/** Images as people write them. */

import { parseRepository } from "../registries/reference.ts";

/**
 * The name that the kubelet gives to the plugin for an image of a pod: with host, without tag and
 * digest. `undefined` when no image can be named so.
 *
 * The rules are those of the Distribution project's `reference.ParseNormalizedNamed`.
 */
export function normalizeImage(text: string): string | undefined {
  const name = text.replace(/@.*$/s, "").replace(/:[^/]*$/, "");
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  // Without one of these signs the first component is part of a Docker Hub path.
  const hasHost = /[.:A-Z]/.test(first) || first === "localhost";
  const host = hasHost ? first : "docker.io";
  const path = hasHost ? name.slice(slash + 1) : name;
  const isHub = host === "docker.io" || host === "index.docker.io";
  const full = isHub
    ? `docker.io/${path.includes("/") ? path : `library/${path}`}`
    : `${host}/${path}`;
  return parseRepository(full) === undefined ? undefined : full;
}
