/**
 * Which `[[registry]]` table applies to an image, where it is, which others do not count, and what
 * comes of its endpoints.
 */

import {
  mergeRegistries,
  type RegistriesConfiguration,
} from "../../sources/registries_conf/config.ts";
import type { RegistriesFiles } from "../../sources/registries_conf/files.ts";
import type { Mirror, Pulls, Registry } from "../../sources/registries_conf/tables.ts";
import { whyNoReference } from "../../sources/registries_conf/invalid_reference.ts";
import { type LocatedTable, locateTables } from "../../sources/registries_conf/located_tables.ts";
import { findMisplacedKeys, formatMistake } from "../../sources/registries_conf/places.ts";
import {
  describeHelpers,
  describeInvalid,
  type Endpoint,
  findPullSources,
  type Form,
  type FoundEndpoints,
  type HelpersFirst,
  matchPrefix,
  placeOfEndpoint,
  refusedBy,
} from "../../sources/registries_conf/pull_sources.ts";
import { formatRepository, isShortName, parseAliasTarget } from "../../sources/reference.ts";

/** A table in its file. */
export interface TablePlace {
  readonly prefix: string;
  readonly file: string;
  /** From 1; `undefined` for a table without a line of its own. */
  readonly line: number | undefined;
}

/** `FILE:LINE`, which editors and terminals open. */
export function placeText({ file, line }: TablePlace): string {
  // deno-coverage-ignore -- no test has an endpoint without a line here
  return line === undefined ? file : `${file}:${line}`;
}

/** The table that applies. */
export interface ChosenTable extends TablePlace {
  readonly location: string;
  readonly mirrors: readonly Mirror[];
  readonly blocked: boolean;
}

/** A table that matches the image and does not apply. */
export interface PassedOverTable extends TablePlace {
  readonly reason: string;
}

/** An endpoint that CRI-O does not contact. */
export interface BlockedSource {
  /** `host[:port]/path` */
  readonly repository: string;
  readonly role: Endpoint["role"];
  readonly pulls: Pulls;
  /** The table that applies to the repository. */
  readonly by: TablePlace;
}

/** An endpoint that gives no valid reference, by which CRI-O refuses whole pulls. */
export interface InvalidEndpoint {
  /** What it makes of the image. */
  readonly reference: string;
  readonly role: Endpoint["role"];
  /** `FILE:LINE` */
  readonly place: string;
  /** What is wrong, as a sentence without its end. */
  readonly problem: string;
  /** The pulls that come to nothing. */
  readonly refuses: readonly Form[];
}

/** A short name of the image that leads elsewhere. */
export interface ShortNameAlias {
  readonly name: string;
  /** `host[:port]/path` */
  readonly target: string;
  readonly file: string;
  /** Whether the pod is known to name the image so. */
  readonly isUsed: boolean;
}

/** The part of an explanation that is about registries. */
export interface ExplainedRegistries {
  /** The files that were read, in the order in which they apply. */
  readonly files: readonly string[];
  readonly table: ChosenTable | undefined;
  readonly passedOver: readonly PassedOverTable[];
  /** Who is asked for credentials before the auth file; `undefined`: nobody. */
  readonly helpers: HelpersFirst | undefined;
  readonly pullSources: FoundEndpoints;
  readonly blocked: readonly BlockedSource[];
  readonly invalid: readonly InvalidEndpoint[];
  readonly aliases: readonly ShortNameAlias[];
  readonly warnings: readonly string[];
}

/**
 * Explains which table applies.
 *
 * @param image as the kubelet names it.
 * @param written as the pod names it; `undefined` when that is not known.
 * @throws {UserError} when the configuration breaks a rule.
 */
export function explainRegistries(
  files: RegistriesFiles,
  image: string,
  written?: string,
): ExplainedRegistries {
  const configuration = mergeRegistries(files);
  const pullSources = findPullSources(configuration, image);
  const { registry, endpoints } = pullSources;
  const read = [...(files.main === undefined ? [] : [files.main]), ...files.dropIns];
  const rest = {
    files: configuration.files,
    helpers: describeHelpers(configuration),
    pullSources,
    aliases: findAliases(configuration, image, written),
    warnings: [...configuration.twins, ...read.flatMap(findMisplacedKeys)].map(formatMistake),
  };
  if (registry === undefined) {
    return { ...rest, table: undefined, passedOver: [], blocked: [], invalid: [] };
  }
  const located = read.flatMap(locateTables);
  // Of two tables with one prefix in a file the first counts.
  const placeOf = ({ file, prefix }: Registry) =>
    located.find(({ registry }) => file === registry.file && prefix === registry.prefix);
  const place = placeOf(registry);
  const { prefix, location, mirrors, blocked, file } = registry;
  return {
    ...rest,
    table: { prefix, location, mirrors, blocked, file, line: place?.line },
    passedOver: located
      .filter((table) => table !== place && matches(table, image))
      .map(({ registry: { file, prefix }, line }) => ({
        prefix,
        file,
        line,
        reason: whyPassedOver(registry, { file, prefix }),
      })),
    blocked: endpoints.flatMap(({ repository, role, pulls, blockedBy }) => {
      if (repository === undefined || blockedBy === undefined) return [];
      const { prefix, file } = blockedBy;
      const by = { prefix, file, line: placeOf(blockedBy)?.line };
      return [{ repository: formatRepository(repository), role, pulls, by }];
    }),
    invalid: endpoints.flatMap((endpoint) => {
      const refuses = refusedBy(endpoint);
      if (refuses.length === 0) return [];
      const { reference, role } = endpoint;
      const why = whyNoReference(reference);
      // deno-coverage-ignore -- for the compiler: what is refused has a reason
      const problem = describeInvalid(endpoint) + (why === undefined ? "" : `: it ${why}`);
      return [{
        reference,
        role,
        place: placeOfEndpoint(files, registry, endpoint),
        problem,
        refuses,
      }];
    }),
  };
}

/**
 * The short names of an image that are aliases of another repository. CRI-O resolves them after it took the
 * auth file of the name that the kubelet made of them, `docker.io/library/…`.
 */
function findAliases(
  { aliases }: RegistriesConfiguration,
  image: string,
  written: string | undefined,
): ShortNameAlias[] {
  const name = written?.replace(/@.*$/s, "").replace(/:[^/]*$/, "");
  const names = name === undefined ? shortNamesOf(image) : isShortName(name) ? [name] : [];
  return names.flatMap((name) => {
    const alias = aliases.get(name);
    const target = alias && parseAliasTarget(alias.target);
    if (alias === undefined || target === undefined) return [];
    if (formatRepository(target) === image) return [];
    const isUsed = written !== undefined;
    return [{ name, target: formatRepository(target), file: alias.file, isUsed }];
  });
}

/** `docker.io/library/nginx` -> `nginx`, `library/nginx` */
function shortNamesOf(image: string): string[] {
  const [, path] = /^docker\.io\/(.*)$/s.exec(image) ?? [];
  if (path === undefined) return [];
  const [, official] = /^library\/([^/]+)$/.exec(path) ?? [];
  return official === undefined ? [path] : [official, path];
}

function matches({ registry }: LocatedTable, image: string): boolean {
  return matchPrefix(image, registry.prefix) !== undefined;
}

function whyPassedOver(
  chosen: Registry,
  { prefix, file }: { readonly prefix: string; readonly file: string },
): string {
  if (prefix === chosen.prefix) {
    return file === chosen.file
      ? "an earlier table of this file has the same prefix"
      : `replaced by the table with the same prefix in ${chosen.file}`;
  }
  return prefix.length < chosen.prefix.length
    ? "its prefix is shorter"
    : "its prefix is as long, and a wildcard counts first";
}
