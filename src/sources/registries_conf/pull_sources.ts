/** Image -> the repositories it is pulled from, in the order in which they are tried. */

import { hideUserInfo } from "../../errors.ts";
import type { PullSources } from "../pull_sources.ts";
import { mergeRegistries, type RegistriesConfiguration } from "./config.ts";
import { readRegistriesFiles, type RegistriesFiles } from "./files.ts";
import type { Pulls, Registry } from "./tables.ts";
import { formatMistake, lineOfLocation, type Mistake } from "./places.ts";
import { formatRepository, namedBy, parseRepository, type Repository } from "../reference.ts";

/** What the registries configuration makes of one image. */
export interface FoundEndpoints {
  /** The `[[registry]]` table that applies. */
  readonly registry: Registry | undefined;
  /**
   * Each mirror, then the registry itself. Empty when there is neither a mirror nor a rewriting, so that
   * nothing is to be done.
   */
  readonly endpoints: readonly Endpoint[];
  /**
   * The repositories whose credentials the pull needs: those of the endpoints, each once, without the
   * blocked ones and those that give no valid reference.
   */
  readonly sources: readonly Repository[];
  /** Why there is no pull source, in words; `undefined` when there is one. */
  readonly nothingToDo: string | undefined;
}

/** A mirror or the registry itself, with what it makes of an image. */
export interface Endpoint {
  readonly role: "mirror" | "registry";
  /** As configured; for a wildcard table without location the image itself. */
  readonly location: string;
  /** What the image is called there. */
  readonly reference: string;
  /** `undefined` where the image library takes the reference for none. */
  readonly repository: Repository | undefined;
  /** The pulls in which it is asked. */
  readonly pulls: Pulls;
  /**
   * The pulls for which it gives no valid reference. A location that holds a tag gives one for digests
   * alone, where the table's prefix is the whole image.
   */
  readonly invalidFor: "none" | "tags" | "all";
  /** The table by which the repository, and not the image, is blocked. */
  readonly blockedBy: Registry | undefined;
}

/** A way of naming the image. */
export type Form = "tag" | "digest";

/**
 * The pull sources of an image by the node's registries configuration. All that a pull asks of it
 * goes through here.
 *
 * @throws {UserError} when the configuration cannot be read or breaks a rule.
 */
export function readRegistriesSources(
  settings: Parameters<typeof readRegistriesFiles>[0],
  image: string,
): PullSources {
  const files = readRegistriesFiles(settings);
  const configuration = mergeRegistries(files);
  const found = findPullSources(configuration, image);
  const { registry, endpoints, sources, nothingToDo } = found;
  return {
    sources,
    nothingToDo,
    foundIn: {
      blocked: blockedRepositories(endpoints),
      prefix: registry?.prefix,
      file: registry?.file,
    },
    warnings: endpoints.length === 0 ? [] : warn(configuration, files, found, image),
  };
}

function warn(
  configuration: RegistriesConfiguration,
  files: RegistriesFiles,
  found: FoundEndpoints,
  image: string,
): string[] {
  const mistakes = [...configuration.twins];
  const helpers = describeHelpers(configuration);
  if (helpers !== undefined) mistakes.push(helpers.mistake);
  const warnings = mistakes.map(formatMistake);
  for (const endpoint of found.endpoints) {
    const refused = refusedBy(endpoint);
    if (refused.length === 0) continue;
    const place = placeOfEndpoint(files, found.registry, endpoint);
    warnings.push(`${place}: ${describeInvalid(endpoint)}: ${describeRefusal(image, refused)}`);
  }
  return warnings;
}

/** In words, why there is no pull source. */
function whyNothing(registry: Registry | undefined, endpoints: readonly Endpoint[]): string {
  if (endpoints.length === 0) {
    return registry?.blocked ? "the registry is blocked" : "no mirror and no rewriting";
  }
  return endpoints.some(({ blockedBy }) => blockedBy !== undefined)
    ? "every pull source is blocked"
    : "no pull source is a valid reference";
}

/** `host/path` of the endpoints that CRI-O does not contact; `undefined` where there are none. */
function blockedRepositories(endpoints: readonly Endpoint[]): string[] | undefined {
  const blocked = endpoints.flatMap(({ repository, blockedBy }) =>
    repository === undefined || blockedBy === undefined ? [] : [formatRepository(repository)]
  );
  return blocked.length === 0 ? undefined : blocked;
}

/** How the image library looks credentials up where it does not go to the auth file first. */
export interface HelpersFirst {
  /** Programs that are asked before the auth file. */
  readonly first: readonly string[];
  /** Whether the auth file is read at all. */
  readonly fileIsRead: boolean;
  /** The file that says so. */
  readonly file: string;
  readonly mistake: Mistake;
}

/** The name of auth files among `credential-helpers` (`AuthenticationFileHelper`). */
const AUTH_FILES = "containers-auth.json";

/**
 * Who is asked before the auth file; `undefined` where nobody is. The image library asks helpers in their
 * order until one has a credential (`pkg/docker/config`, `getCredentialsWithHomeDir`).
 */
export function describeHelpers(
  { credentialHelpers }: Pick<RegistriesConfiguration, "credentialHelpers">,
): HelpersFirst | undefined {
  const { helpers = [], file = "" } = credentialHelpers ?? {};
  if (helpers.length === 0 || helpers[0] === AUTH_FILES) return undefined;
  const position = helpers.indexOf(AUTH_FILES);
  const first = position === -1 ? helpers : helpers.slice(0, position);
  const names = first.map((name) => JSON.stringify(name)).join(", ");
  const what = position === -1
    ? `has no "${AUTH_FILES}": CRI-O reads no auth file, and asks the credential helpers ${names} alone`
    : `has ${names} before "${AUTH_FILES}": what those give counts before the auth file`;
  return {
    first,
    fileIsRead: position !== -1,
    file,
    mistake: {
      place: file,
      problem: `"credential-helpers" ${what}`,
      advice: `put "${AUTH_FILES}" first, or drop the list`,
    },
  };
}

/**
 * The pulls that an endpoint spoils. The image library rewrites the image for all endpoints of a pull
 * before it asks the first, and gives up when one of them gives no valid reference
 * (`PullSourcesFromReference`).
 */
export function refusedBy({ pulls, invalidFor }: Endpoint): Form[] {
  const refused: Form[] = [];
  if (invalidFor !== "none" && pulls !== "digest-only") refused.push("tag");
  if (invalidFor === "all" && pulls !== "tag-only") refused.push("digest");
  return refused;
}

/** In words, what spoiled pulls come to. */
export function describeRefusal(image: string, refused: readonly Form[]): string {
  const which = refused.length === 2 ? "" : ` by ${refused[0]}`;
  return `CRI-O refuses every pull${which} of ${image}, and asks no other mirror and no registry either`;
}

/** In words, what is wrong with an endpoint. Nothing before an `@` is shown: it may be a password. */
export function describeInvalid({ role, location, reference }: Endpoint): string {
  const [shown, made] = [location, reference].map((text) => JSON.stringify(hideUserInfo(text)));
  const what = role === "mirror" ? "the mirror" : "the location";
  return `${what} ${shown} makes ${made} of the image, which is not a valid reference`;
}

/** `FILE:LINE` of an endpoint's location, or the file alone. */
export function placeOfEndpoint(
  { main, dropIns }: RegistriesFiles,
  registry: Registry | undefined,
  { location }: Endpoint,
): string {
  // deno-coverage-ignore -- for the compiler: an endpoint is of a table
  const path = registry?.file ?? "";
  const file = [main, ...dropIns].find((file) => file?.path === path);
  const line = file && lineOfLocation(file, location);
  // deno-coverage-ignore -- not in every run: generated files alone have a location on no line
  return line === undefined ? path : `${path}:${line}`;
}

/**
 * Rewrites an image for each endpoint of the table that applies to it.
 *
 * `pull-from-mirror` and `mirror-by-digest-only` keep no mirror out: the kubelet does not say
 * whether the image is named by tag or by digest.
 *
 * Nor does `blocked` of this table: the image library looks at it when it is about to contact a source,
 * and then in the table that applies to that source (`newDockerClient`). The mirrors of a blocked table
 * are asked, as OpenShift's `mirrorSourcePolicy: NeverContactSource` has it.
 */
export function findPullSources(
  configuration: Pick<RegistriesConfiguration, "registries">,
  image: string,
): FoundEndpoints {
  const registry = findRegistry(configuration, image);
  const none = { registry, endpoints: [], sources: [], nothingToDo: whyNothing(registry, []) };
  if (registry === undefined) return none;
  const rest = image.slice(matchPrefix(image, registry.prefix));
  const { location, mirrors } = registry;
  const primary = location === "" ? image : location + rest;
  if (mirrors.length === 0 && primary === image) return none;

  const endpoints = mirrors.map(({ location, pulls }) =>
    makeEndpoint(configuration, image, { role: "mirror", location, pulls }, location + rest)
  );
  const own = {
    role: "registry",
    location: location === "" ? image : location,
    pulls: "all",
  } as const;
  endpoints.push(makeEndpoint(configuration, image, own, primary));
  const sources = new Map<string, Repository>();
  for (const { repository, blockedBy } of endpoints) {
    if (repository === undefined || blockedBy !== undefined) continue;
    sources.set(formatRepository(repository), repository);
  }
  return {
    registry,
    endpoints,
    sources: [...sources.values()],
    nothingToDo: sources.size === 0 ? whyNothing(registry, endpoints) : undefined,
  };
}

const SOME_DIGEST = "@sha256:0000000000000000000000000000000000000000000000000000000000000000";

function makeEndpoint(
  configuration: Pick<RegistriesConfiguration, "registries">,
  image: string,
  endpoint: Pick<Endpoint, "role" | "location" | "pulls">,
  reference: string,
): Endpoint {
  // The kubelet names neither tag nor digest, but CRI-O pulls by one of them.
  const isNamed = namedBy(image) !== undefined;
  const byTag = parseRepository(isNamed ? reference : `${reference}:latest`);
  const repository = byTag ?? (isNamed ? undefined : parseRepository(reference + SOME_DIGEST));
  const table = repository && findRegistry(configuration, formatRepository(repository));
  return {
    ...endpoint,
    reference,
    repository,
    invalidFor: repository === undefined ? "all" : byTag === undefined ? "tags" : "none",
    blockedBy: table?.blocked ? table : undefined,
  };
}

/**
 * The table that applies to a reference: the one with the longest matching prefix, counted in
 * characters with the `*.`. Should a wildcard and a plain prefix be equally long, the wildcard wins:
 * the image library goes through them in sorted order and keeps the first.
 */
export function findRegistry(
  configuration: Pick<RegistriesConfiguration, "registries">,
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
