/** `registries.conf` and its drop-ins: what the loader finds, and mirrors that come to nothing. */

import {
  mergeRegistries,
  parseRegistriesFile,
  type RegistriesConfiguration,
  type RegistriesFile,
  type RegistriesFiles,
  type Registry,
} from "../registries/config.ts";
import { findPullSources } from "../registries/pull_sources.ts";
import { parseRepository } from "../registries/reference.ts";
import { UserError } from "../errors.ts";
import { attempt, type Check, count, fail, pass, warn } from "./check.ts";
import { needsPlugin } from "./match_images.ts";

const NAME = "registries";

/** What is found out about the files. */
export interface RegistriesFindings {
  readonly checks: readonly Check[];
  /** The tables of the files that can be read. */
  readonly configuration: RegistriesConfiguration;
  /** Whether these are all files. With one that cannot be read, CRI-O refuses every pull. */
  readonly complete: boolean;
}

/** Checks each file by itself, so that one that is broken does not hide what is wrong in another. */
export function checkRegistries(files: RegistriesFiles): RegistriesFindings {
  const checks: Check[] = [];
  const isFine = (file: RegistriesFile, v1: boolean) =>
    attempt(NAME, checks, () => parseRegistriesFile(file, { v1 })) !== undefined;
  const main = files.main !== undefined && isFine(files.main, true) ? files.main : undefined;
  const dropIns = files.dropIns.filter((file) => isFine(file, false));
  const configuration = mergeRegistries({ main, dropIns });
  const complete = checks.length === 0;
  if (main !== undefined && isVersion1(main)) {
    checks.push(warn(
      NAME,
      `${main.path}: in version 1, which has no mirrors and which newer CRI-O refuses`,
      "write it anew in version 2",
    ));
  }
  if (files.main === undefined && files.dropIns.length === 0) {
    checks.push(warn(NAME, "no registries.conf: the plugin has nothing to do", ADD_MIRRORS));
  } else if (checks.length === 0) {
    checks.push(summarize(configuration));
  }
  return { checks, configuration, complete };
}

const ADD_MIRRORS = "add mirrors, as with: crio-credential-ctl generate registries-conf";

function summarize({ files, registries }: RegistriesConfiguration): Check {
  const wanted = registries.filter(needsPlugin);
  const read = `${count(files.length, "file")} read`;
  if (wanted.length === 0) {
    return warn(
      NAME,
      `${read}: no registry has mirrors, the plugin has nothing to do`,
      ADD_MIRRORS,
    );
  }
  const list = wanted.map(({ prefix, mirrors }) =>
    `${prefix} (${count(mirrors.length, "mirror")})`
  );
  return pass(NAME, `${read}: ${list.join(", ")}`);
}

/** The loader takes the old form in the main file alone. */
function isVersion1(main: RegistriesFile): boolean {
  try {
    parseRegistriesFile(main, { v1: false });
    return false;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

/** Finds mirrors for which no pull will ever need a credential. */
export function checkMirrors({ registries }: RegistriesConfiguration): Check[] {
  const name = "mirrors";
  const checks: Check[] = [];
  let sound = 0;
  for (const registry of registries) {
    const { prefix, file, mirrors, blocked } = registry;
    const table = `${prefix} (${file})`;
    if (blocked && mirrors.length > 0) {
      const found = `${table} is blocked: its ${count(mirrors.length, "mirror")} are never asked`;
      checks.push(warn(name, found, "drop the mirrors, or blocked = true"));
    }
    if (!needsPlugin(registry)) continue;
    const image = sampleImage(registry);
    if (parseRepository(image) === undefined) {
      const found = `${table}: no image's full name begins so, the table never applies`;
      checks.push(warn(name, found, "write the prefix as in docker.io/library/nginx"));
      continue;
    }
    const { unusable } = findPullSources({ files: [file], registries: [registry] }, image);
    for (const reference of unusable) {
      checks.push(fail(
        name,
        `${table}: ${image} would be ${
          JSON.stringify(reference)
        } there, which is no valid reference`,
        "correct the location: a host with a dot or a port, and a path in lower case",
      ));
    }
    sound += mirrors.length - unusable.length;
  }
  if (checks.length === 0 && sound > 0) {
    checks.push(pass(name, `${count(sound, "mirror")} with valid references`));
  }
  return checks;
}

/** An image that the table applies to. */
function sampleImage({ prefix }: Registry): string {
  if (prefix.startsWith("*.")) return `sample${prefix.slice(1)}/sample`;
  return `${prefix}/${prefix === "docker.io" ? "library/sample" : "sample"}`;
}

/** The hosts that pulls through these tables go to. */
export function pullHosts(registries: readonly Registry[]): Set<string> {
  const hosts = registries.filter(needsPlugin).flatMap(({ mirrors, location, prefix }) =>
    [...mirrors, location === "" ? prefix : location].map((text) => text.split("/", 1)[0] ?? "")
  );
  return new Set(hosts.filter((host) => !host.startsWith("*")));
}
