/** Every `hosts.toml` of a node, and `matchImages` of our provider against them. */

import { intersects } from "../../manifests/match_images.ts";
import { DEFAULT_DIRECTORY, hostDirectories } from "../../sources/hosts_toml/host_directory.ts";
import { isUnsure, parseHostsFile } from "../../sources/hosts_toml/hosts_file.ts";
import { describeUnsure, findOfferedHosts } from "../../sources/hosts_toml/offered_hosts.ts";
import { type Check, count, fail, pass, skip, warn } from "./check.ts";
import { tryParse } from "./match_images.ts";

/** A directory of a registry below one of the roots. */
export interface FoundHostDirectory {
  readonly root: string;
  /** Its name there. */
  readonly name: string;
  /** Of its `hosts.toml`, with its byte order mark; `undefined` without one. */
  readonly text: string | undefined;
}

/** The registry that a directory is for: `localhost_5000_` is `localhost:5000`. */
function registryOfDirectory(name: string): string {
  return name.replace(/_(\d+)_$/, ":$1");
}

/**
 * Checks each file by what a pull of the registry makes of it.
 *
 * @param found in the order of the roots.
 */
export function checkHostsFiles(
  found: readonly FoundHostDirectory[],
  roots: readonly string[],
): Check[] {
  const checks: Check[] = [];
  const exists = new Set(found.map(({ root, name }) => `${root}/${name}`));
  let withMirrors = 0;
  for (const { root, name, text } of found) {
    const path = `${root}/${name}`;
    const directory = {
      path,
      isDefault: name === DEFAULT_DIRECTORY,
      file: `${path}/hosts.toml`,
      text,
    };
    const registry = registryOfDirectory(name);
    const first = directory.isDefault
      ? path
      : hostDirectories(roots, registry).find((each) => exists.has(each.path))?.path;
    if (first !== path && first !== undefined) {
      checks.push(
        warn(
          NAME,
          `${path} is not looked into: ${first} counts for ${registry}`,
          `remove one of the two`,
        ),
      );
      continue;
    }
    if (name === "index.docker.io" || name === "registry-1.docker.io") {
      checks.push(
        warn(
          NAME,
          `${path} is never used: images of Docker Hub are named docker.io`,
          `name it ${root}/docker.io`,
        ),
      );
      continue;
    }
    if (text === undefined) {
      const isShadow = [...exists].some((each) => each.endsWith(`/${DEFAULT_DIRECTORY}`));
      if (!directory.isDefault && isShadow) {
        checks.push(
          warn(
            NAME,
            `${path} has no hosts.toml, and keeps ${registry} from the one of ${DEFAULT_DIRECTORY}`,
            "write one, or remove the directory",
          ),
        );
      }
      continue;
    }
    const file = parseHostsFile(text);
    if (isUnsure(file)) {
      checks.push(
        fail(
          NAME,
          describeUnsure(directory, { ...file, advice: "" }).replace(/; $/, ""),
          file.advice,
        ),
      );
      continue;
    }
    const image = `${directory.isDefault ? "registry.example" : registry}/repository/image`;
    const { hosts, warnings } = findOfferedHosts(directory, image);
    if (hosts.length === 0) continue;
    withMirrors++;
    for (const warning of warnings) {
      checks.push(warn(NAME, warning, "see docs/operate/install-containerd.md"));
    }
  }
  if (checks.length > 0) return checks;
  return withMirrors === 0
    ? [
      warn(
        NAME,
        "no hosts.toml names a mirror: the plugin has nothing to do",
        "crio-credential-ctl generate hosts-toml makes one",
      ),
    ]
    : [
      pass(
        NAME,
        `${
          count(withMirrors, "hosts.toml", "hosts.toml")
        } with mirrors, read alike by all versions of containerd`,
      ),
    ];
}

const NAME = "hosts-toml";

/** Checks that the kubelet runs the plugin for the registries that have mirrors. */
export function checkMatchedRegistries(
  matchImages: readonly string[],
  found: readonly FoundHostDirectory[],
): Check[] {
  const registries = new Map(
    found.filter(({ name, text }) => name !== DEFAULT_DIRECTORY && text !== undefined)
      .map(({ name }) => registryOfDirectory(name))
      // A name that is no host's is no registry's either: no image leads to it.
      .flatMap((registry) => {
        const own = tryParse(registry);
        return own === undefined ? [] : [[registry, own]];
      }),
  );
  const patterns = matchImages.flatMap((text) => tryParse(text) ?? []);
  const uncovered = [...registries]
    .filter(([, own]) => !patterns.some((pattern) => intersects(pattern, own)))
    .map(([registry]) => registry);
  const name = "match-images";
  if (registries.size === 0) {
    return [skip(name, "no registry has a hosts.toml of its own")];
  }
  if (uncovered.length === 0) {
    return [
      pass(
        name,
        `covers the registries that have a hosts.toml: ${[...registries.keys()].join(", ")}`,
      ),
    ];
  }
  const make = uncovered.length === registries.size ? fail : warn;
  return uncovered.map((registry) =>
    make(
      name,
      `${registry} has a hosts.toml, and no entry covers it`,
      `add ${JSON.stringify(registry)} to "matchImages"`,
    )
  );
}
