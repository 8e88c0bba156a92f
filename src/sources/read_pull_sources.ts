/**
 * Image -> the repositories that the container runtime asks for it, by the mirrors of the node.
 *
 * Each runtime has one function, and only that function knows the runtime's files. The one for
 * containerd is loaded when it is asked for.
 */

import type { Settings } from "../settings/settings.ts";
import type { PullSources } from "./pull_sources.ts";
import { readRegistriesSources } from "./registries_conf/pull_sources.ts";

/**
 * The pull sources of an image.
 *
 * @throws {UserError} when the configuration cannot be read or breaks a rule.
 */
export async function readPullSources(settings: Settings, image: string): Promise<PullSources> {
  if (settings.runtime === "crio") return readRegistriesSources(settings, image);
  const { readHostsSources } = await import("./hosts_toml/pull_sources.ts");
  return readHostsSources(settings.containerdHostsDir, image);
}
