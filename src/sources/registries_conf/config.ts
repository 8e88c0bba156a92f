/** The node's registries configuration as a whole: all files merged, one table for each prefix. */

import { parseRegistriesFile } from "./content.ts";
import type { RegistriesFile, RegistriesFiles } from "./files.ts";
import type { Mistake } from "./places.ts";
import type { Registry } from "./tables.ts";

/** A short name's repository. */
export interface Alias {
  /** As written; empty where an earlier file's alias is taken back. */
  readonly target: string;
  readonly file: string;
}

/** The files merged: one table for each prefix. */
export interface RegistriesConfiguration {
  /** The files that were read, in the order in which they were applied. */
  readonly files: readonly string[];
  readonly registries: readonly Registry[];
  /** `credential-helpers` of the last file that has it. */
  readonly credentialHelpers: CredentialHelpers | undefined;
  /** By short name. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Keys that are written in more than one case. */
  readonly twins: readonly Mistake[];
}

/** What is asked for credentials, in this order: programs, and `containers-auth.json` for auth files. */
export interface CredentialHelpers {
  readonly helpers: readonly string[];
  readonly file: string;
}

/**
 * Parses the files and merges them: a drop-in's table replaces, as a whole, the one with the same
 * prefix from an earlier file, its alias the one of the same name, and its list of credential helpers the
 * earlier list.
 *
 * @throws {UserError} that names the file and the key, and for broken TOML line and column.
 */
export function mergeRegistries(files: RegistriesFiles): RegistriesConfiguration {
  const byPrefix = new Map<string, Registry>();
  const aliases = new Map<string, Alias>();
  const twins: Mistake[] = [];
  const read: string[] = [];
  let credentialHelpers: CredentialHelpers | undefined;
  const merge = (file: RegistriesFile, accepts: { readonly v1: boolean }) => {
    const { path } = file;
    const content = parseRegistriesFile(file, accepts);
    for (const registry of content.registries) byPrefix.set(registry.prefix, registry);
    for (const [name, target] of content.aliases) aliases.set(name, { target, file: path });
    const helpers = content.credentialHelpers;
    if (helpers !== undefined) credentialHelpers = { helpers, file: path };
    twins.push(...content.twins);
    read.push(path);
  };
  if (files.main !== undefined) merge(files.main, { v1: true });
  for (const dropIn of files.dropIns) merge(dropIn, { v1: false });
  return { files: read, registries: [...byPrefix.values()], credentialHelpers, aliases, twins };
}
