/** `registries.conf` and its drop-ins: what the loader finds, and mirrors that come to nothing. */

import {
  mergeRegistries,
  type RegistriesConfiguration,
} from "../../sources/registries_conf/config.ts";
import {
  parseRegistriesFile,
  type RegistriesContent,
} from "../../sources/registries_conf/content.ts";
import type { RegistriesFile, RegistriesFiles } from "../../sources/registries_conf/files.ts";
import type { Registry } from "../../sources/registries_conf/tables.ts";
import { whyNoReference } from "../../sources/registries_conf/invalid_reference.ts";
import { findMisplacedKeys, type Mistake } from "../../sources/registries_conf/places.ts";
import {
  describeHelpers,
  describeInvalid,
  describeRefusal,
  type Endpoint,
  findPullSources,
  findRegistry,
  placeOfEndpoint,
  refusedBy,
} from "../../sources/registries_conf/pull_sources.ts";
import { formatRepository, isHost, parseRepository } from "../../sources/reference.ts";
import { type Check, count, fail, pass, recordFailure, warn } from "./check.ts";
import { needsPlugin } from "./match_images.ts";

const NAME = "registries";

/** What is found out about the files. */
export interface RegistriesFindings {
  readonly checks: readonly Check[];
  /** The tables of the files that can be read. */
  readonly configuration: RegistriesConfiguration;
  /** The files that can be read. */
  readonly files: RegistriesFiles;
  /** Whether these are all files. With one that cannot be read, CRI-O refuses every pull. */
  readonly complete: boolean;
}

/** Checks each file by itself, so that one that is broken does not hide what is wrong in another. */
export function checkRegistries(files: RegistriesFiles): RegistriesFindings {
  const checks: Check[] = [];
  const read = (file: RegistriesFile, v1: boolean): RegistriesContent | undefined =>
    recordFailure(NAME, checks, () => parseRegistriesFile(file, { v1 }));
  const content = files.main && read(files.main, true);
  const main = content === undefined ? undefined : files.main;
  const dropIns = files.dropIns.flatMap((file) => {
    const content = read(file, false);
    return content === undefined ? [] : [{ file, content }];
  });
  const complete = checks.length === 0;
  if (main !== undefined && content !== undefined) checks.push(...checkFile(main, content));
  for (const { file, content } of dropIns) checks.push(...checkFile(file, content));
  const readable = { main, dropIns: dropIns.map(({ file }) => file) };
  const configuration = mergeRegistries(readable);
  if (main !== undefined && content?.isVersion1) {
    checks.push(warn(
      NAME,
      `${main.path}: in version 1, which has no mirrors and which newer CRI-O refuses`,
      "rewrite it in version 2",
    ));
  }
  const helpers = describeHelpers(configuration);
  if (helpers !== undefined && configuration.registries.some(needsPlugin)) {
    checks.push(tell(helpers.fileIsRead ? warn : fail, helpers.mistake));
  }
  if (files.main === undefined && files.dropIns.length === 0) {
    checks.push(warn(NAME, "no registries.conf: the plugin has nothing to do", ADD_MIRRORS));
  } else if (checks.length === 0) {
    checks.push(summarize(configuration));
  }
  return { checks, configuration, files: readable, complete };
}

/** What a file says that means something else than its writer may think. */
function checkFile(file: RegistriesFile, { twins }: RegistriesContent): Check[] {
  return [...twins, ...findMisplacedKeys(file)].map((mistake) => tell(warn, mistake));
}

function tell(status: typeof warn, { place, problem, advice }: Mistake): Check {
  return status(NAME, `${place}: ${problem}`, advice);
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
  const list = wanted.map((registry) => `${registry.prefix} (${describeTable(registry)})`);
  return pass(NAME, `${read}: ${list.join(", ")}`);
}

/** `2 mirrors, 1 by digest only; itself blocked` */
function describeTable({ mirrors, blocked }: Registry): string {
  const counted = (["digest-only", "tag-only"] as const).map((pulls) => ({
    form: pulls === "digest-only" ? "digest" : "tag",
    number: mirrors.filter((mirror) => mirror.pulls === pulls).length,
  }));
  const restricted = counted.filter(({ number }) => number > 0)
    .map(({ form, number }) =>
      `, ${number === mirrors.length ? "" : `${number} `}for pulls by ${form} only`
    );
  return count(mirrors.length, "mirror") + restricted.join("") +
    (blocked ? "; itself blocked" : "");
}

/** Finds mirrors for which no pull will ever need a credential, and those that spoil pulls. */
export function checkMirrors(
  { configuration, files }: Pick<RegistriesFindings, "configuration" | "files">,
): Check[] {
  const name = "mirrors";
  const checks: Check[] = [];
  let sound = 0;
  for (const registry of configuration.registries.filter(needsPlugin)) {
    const { prefix, file } = registry;
    const table = `${prefix} (${file})`;
    const image = sampleImage(registry);
    if (parseRepository(image) === undefined) {
      const found = `${table}: no image's full name begins with it, so the table never applies`;
      checks.push(warn(name, found, "write the prefix as in docker.io/library/nginx"));
      continue;
    }
    // A longer prefix may have a table of its own.
    const { endpoints } = findPullSources({ registries: [registry] }, image);
    for (const endpoint of endpoints) {
      const refused = refusedBy(endpoint);
      const blocked = blockedBy(configuration, endpoint);
      if (refused.length > 0) {
        const why = whyNoReference(endpoint.reference);
        checks.push(fail(
          name,
          `${placeOfEndpoint(files, registry, endpoint)}: ${describeInvalid(endpoint)}` +
            // deno-coverage-ignore -- for the compiler: what is refused has a reason
            `${why === undefined ? "" : `: it ${why}`}. ${describeRefusal(image, refused)}`,
          "change the location to a host with a dot or a port, and a path in lower case",
        ));
      } else if (endpoint.role === "mirror" && blocked !== undefined) {
        checks.push(warn(
          name,
          `${table}: the mirror ${endpoint.location} is never asked, since [[registry]] ` +
            `${blocked.prefix} (${blocked.file}) is blocked and applies to it`,
          "drop the mirror, or give it a table of its own that is not blocked",
        ));
      } else if (endpoint.repository !== undefined && !isHost(endpoint.repository.host)) {
        checks.push(fail(
          name,
          `${
            placeOfEndpoint(files, registry, endpoint)
          }: ${endpoint.repository.host} is not a host name: ` +
            "CRI-O cannot contact it",
          "name the host by letters, digits, hyphens and dots",
        ));
      } else if (endpoint.role === "mirror") sound++;
    }
  }
  if (checks.length === 0 && sound > 0) {
    checks.push(pass(name, `${count(sound, "mirror")} with valid references`));
  }
  return checks;
}

/** The table by which what an endpoint makes of an image is blocked. */
function blockedBy(
  configuration: RegistriesConfiguration,
  { repository }: Endpoint,
): Registry | undefined {
  const table = repository && findRegistry(configuration, formatRepository(repository));
  return table?.blocked ? table : undefined;
}

/** An image that the table applies to. */
function sampleImage({ prefix }: Registry): string {
  if (prefix.startsWith("*.")) return `sample${prefix.slice(1)}/sample`;
  return `${prefix}/${prefix === "docker.io" ? "library/sample" : "sample"}`;
}

/** The hosts that pulls through these tables go to. */
export function pullHosts(registries: readonly Registry[]): Set<string> {
  const hosts = registries.filter(needsPlugin).flatMap(({ mirrors, location, prefix }) =>
    [...mirrors.map(({ location }) => location), location === "" ? prefix : location]
      // deno-coverage-ignore -- for the compiler: a split text has a first part
      .map((text) => text.split("/", 1)[0] ?? "")
  );
  return new Set(hosts.filter((host) => !host.startsWith("*")));
}
