/** Image -> the repositories it is pulled from, in the order in which they are tried. */

import type { Settings } from "../settings.ts";
import {
  mergeRegistries,
  readRegistriesFiles,
  type RegistriesConfiguration,
  type Registry,
} from "./config.ts";
import { formatRepository, parseRepository, type Repository } from "./reference.ts";

/** What the registries configuration makes of one image. */
export interface PullSources {
  /** The `[[registry]]` table that applies. */
  readonly registry: Registry | undefined;
  /**
   * The repositories whose credentials the pull needs: each mirror, then the registry itself. Empty
   * when neither a mirror nor a rewriting nor a pull is in sight, so that nothing is to be done.
   */
  readonly sources: readonly Repository[];
  /** References that the image library would refuse; a pull cannot use them. */
  readonly unusable: readonly string[];
}

/**
 * The pull sources of an image by the node's registries configuration. All that a pull asks of it
 * goes through here.
 *
 * @throws {UserError} when the configuration cannot be read or breaks a rule.
 */
export function readPullSources(settings: Settings, image: string): PullSources {
  return findPullSources(mergeRegistries(readRegistriesFiles(settings)), image);
}

/**
 * Rewrites an image for each endpoint of the table that applies to it.
 *
 * `pull-from-mirror` and `mirror-by-digest-only` keep no mirror out: the kubelet does not tell
 * whether the image is named by tag or by digest.
 */
export function findPullSources(
  configuration: RegistriesConfiguration,
  image: string,
): PullSources {
  const registry = findRegistry(configuration, image);
  if (registry === undefined || registry.blocked) return { registry, sources: [], unusable: [] };
  const rest = image.slice(matchPrefix(image, registry.prefix));
  const primary = registry.location === "" ? image : registry.location + rest;
  if (registry.mirrors.length === 0 && primary === image) {
    return { registry, sources: [], unusable: [] };
  }

  const sources = new Map<string, Repository>();
  const unusable: string[] = [];
  for (const reference of [...registry.mirrors.map((mirror) => mirror + rest), primary]) {
    const repository = parseRepository(reference);
    if (repository === undefined) unusable.push(reference);
    else sources.set(formatRepository(repository), repository);
  }
  return { registry, sources: [...sources.values()], unusable };
}

/**
 * The table that applies to a reference: the one with the longest matching prefix, counted in
 * characters with the `*.`. Should a wildcard and a plain prefix be equally long, the wildcard wins:
 * the image library goes through them in sorted order and keeps the first.
 */
export function findRegistry(
  configuration: RegistriesConfiguration,
  reference: string,
): Registry | undefined {
  let found: Registry | undefined;
  for (const registry of configuration.registries) {
    if (matchPrefix(reference, registry.prefix) === undefined) continue;
    const longer = registry.prefix.length - (found?.prefix.length ?? 0);
    if (longer > 0 || (longer === 0 && registry.prefix.startsWith("*."))) found = registry;
  }
  return found;
}

/**
 * How many characters of the reference a prefix covers; `undefined` when it does not match.
 *
 * A wildcard is looked for at the first occurrence of what follows its `*`, and only there, as the
 * image library does it.
 */
export function matchPrefix(reference: string, prefix: string): number | undefined {
  let end = prefix.length;
  if (prefix.startsWith("*.")) {
    const suffix = prefix.slice(1);
    const index = reference.indexOf(suffix);
    if (index === -1 || reference.lastIndexOf("/", index) !== -1) return undefined;
    end = index + suffix.length;
  } else if (!reference.startsWith(prefix)) {
    return undefined;
  }
  return end === reference.length || "/:@".includes(reference.charAt(end)) ? end : undefined;
}
