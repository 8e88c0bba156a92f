/**
 * Short names. The kubelet names `nginx` as `docker.io/library/nginx`, and for that the plugin writes
 * the auth file; CRI-O takes the file and only then looks the short name up, in aliases and search
 * registries (containers-registries.conf(5)), which may lead to another registry.
 */

import * as v from "valibot";
import { hubName } from "../../sources/reference.ts";
import type { RegistriesFile } from "../../sources/registries_conf/files.ts";
import { parseToml } from "../../text/toml.ts";
import { type Check, count, listSome, pass, warn } from "./check.ts";

const NAME = "short-names";

const ShortNames = v.object({
  aliases: v.optional(v.record(v.string(), v.string()), {}),
  "unqualified-search-registries": v.optional(v.array(v.string())),
});

/**
 * Finds aliases and search registries that lead to where there are mirrors, other than those that the
 * auth file of the pull is made for.
 *
 * @param files that can be read, in the order in which they apply.
 * @param hasMirrors whether the registries configuration has mirrors for an image.
 */
export function checkShortNames(
  files: readonly RegistriesFile[],
  hasMirrors: (image: string) => boolean,
): Check[] {
  const aliases = new Map<string, string>();
  let search: readonly string[] = [];
  for (const file of files) {
    const names = readShortNames(file);
    for (const [name, target] of Object.entries(names?.aliases ?? {})) aliases.set(name, target);
    search = names?.["unqualified-search-registries"] ?? search;
  }
  const checks: Check[] = [];
  const elsewhere = [...aliases].filter(([name, target]) =>
    // An empty value takes an earlier alias away. The kubelet takes a short name for one of Docker Hub.
    target !== "" && target !== hubName(name) && hasMirrors(target)
  );
  const advice = "name these images in full in the pods";
  const late = "CRI-O looks short names up after it took the auth file of docker.io/library";
  if (elsewhere.length > 0) {
    const listed = listSome(elsewhere.map(([name, target]) => `${name} = ${target}`));
    checks.push(warn(
      NAME,
      `${count(elsewhere.length, "alias", "aliases")} to images with mirrors for which ` +
        `no auth file is made, since ${late}: ${listed}`,
      advice,
    ));
  }
  const others = search.filter((host) => host !== "docker.io" && hasMirrors(`${host}/sample`));
  if (others.length > 0) {
    checks.push(warn(
      NAME,
      `short names are searched at ${
        others.join(", ")
      } as well, where there are mirrors for which ` +
        `no auth file is made, since ${late}`,
      advice,
    ));
  }
  if (checks.length === 0) {
    checks.push(pass(NAME, "none leads to another registry that has mirrors"));
  }
  return checks;
}

function readShortNames({ text }: RegistriesFile) {
  const toml = parseToml(text);
  // That the file is broken is reported by the check of the registries.
  if ("fault" in toml) return undefined;
  const result = v.safeParse(ShortNames, toml.document);
  return result.success ? result.output : undefined;
}
