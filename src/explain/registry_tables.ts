/** Which `[[registry]]` table applies to an image, where it stands, and which others do not count. */

import { mergeRegistries, type RegistriesFiles, type Registry } from "../registries/config.ts";
import { type LocatedTable, locateTables } from "../registries/located_tables.ts";
import { findPullSources, matchPrefix, type PullSources } from "../registries/pull_sources.ts";
import { formatRepository, parseRepository, type Repository } from "../registries/reference.ts";

/** A table in its file. */
export interface TablePlace {
  readonly prefix: string;
  readonly file: string;
  /** From 1; `undefined` for a table without a line of its own. */
  readonly line: number | undefined;
}

/** The table that applies. */
export interface ChosenTable extends TablePlace {
  readonly location: string;
  readonly mirrors: readonly string[];
  readonly blocked: boolean;
}

/** A table that matches the image and does not apply. */
export interface PassedOverTable extends TablePlace {
  readonly reason: string;
}

/** The part of an explanation that is about registries. */
export interface ExplainedRegistries {
  /** The files that were read, in the order in which they apply. */
  readonly files: readonly string[];
  readonly table: ChosenTable | undefined;
  readonly passedOver: readonly PassedOverTable[];
  readonly pullSources: PullSources;
}

/**
 * Explains which table applies.
 *
 * @throws {UserError} when the configuration breaks a rule.
 */
export function explainRegistries(files: RegistriesFiles, image: string): ExplainedRegistries {
  const configuration = mergeRegistries(files);
  const pullSources = findPullSources(configuration, image);
  const { registry } = pullSources;
  const read = [...(files.main === undefined ? [] : [files.main]), ...files.dropIns];
  if (registry === undefined) {
    return { files: configuration.files, table: undefined, passedOver: [], pullSources };
  }
  const located = read.flatMap(locateTables);
  // Of two tables with one prefix in a file the first counts.
  const place = located.find(({ registry: { file, prefix } }) =>
    file === registry.file && prefix === registry.prefix
  );
  const { prefix, location, mirrors, blocked, file } = registry;
  return {
    files: configuration.files,
    table: { prefix, location, mirrors, blocked, file, line: place?.line },
    passedOver: located
      .filter((table) => table !== place && matches(table, image))
      .map(({ registry: { file, prefix }, line }) => ({
        prefix,
        file,
        line,
        reason: whyPassedOver(registry, { file, prefix }),
      })),
    pullSources,
  };
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

/** Whether a pull source is the registry itself and not a mirror of it. */
export function isRegistryItself(source: Repository, registry: Registry, image: string): boolean {
  const rest = image.slice(matchPrefix(image, registry.prefix));
  const primary = parseRepository(registry.location === "" ? image : registry.location + rest);
  return primary !== undefined && formatRepository(primary) === formatRepository(source);
}
