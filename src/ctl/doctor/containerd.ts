/** containerd's configuration: whether it reads the `hosts.toml` files at all, and what it does beside. */

import { isObject, type JsonObject } from "../../text/parse.ts";
import { type Check, fail, pass, warn } from "./check.ts";
import type { TextFile } from "./examined_node.ts";
import { parseTomlFile } from "./toml_file.ts";

/** The main file. */
export const CONTAINERD_CONF = "/etc/containerd/config.toml";

const NAME = "containerd-config";

/** The plugin's tables in which the registries are, by version of the file. */
const PLUGINS = ["io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"] as const;

/** A file of containerd's, decoded. */
export interface ContainerdFile {
  readonly path: string;
  readonly content: JsonObject;
}

/** Decodes a file. */
export function parseContainerdFile(file: TextFile): ContainerdFile {
  return { path: file.path, content: parseTomlFile(file, "containerd") };
}

/** The `imports` of a file, relative ones below its directory (`resolveImports`). */
export function importsOf({ path, content }: ContainerdFile): string[] {
  const imports: unknown = content["imports"];
  const directory = path.slice(0, path.lastIndexOf("/"));
  return (Array.isArray(imports) ? imports : []).flatMap((each: unknown) =>
    typeof each !== "string" ? [] : each.startsWith("/") ? [each] : [`${directory}/${each}`]
  );
}

/** The value of a path of keys; `undefined` where one is missing. */
function lookUp(value: unknown, keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) found = isObject(found) ? found[key] : undefined;
  return found;
}

/**
 * Checks the files by what they say together: of several that say something, the last one counts.
 *
 * @param files in the order in which containerd merges them; empty when there is none.
 * @param hostsDirs where the plugin looks for `hosts.toml`.
 */
export function checkContainerdConfig(
  files: readonly ContainerdFile[],
  hostsDirs: readonly string[],
): Check[] {
  const last = (keys: readonly string[]) =>
    files.toReversed().flatMap(({ path, content }) =>
      PLUGINS.map((plugin) => ({ path, value: lookUp(content, ["plugins", plugin, ...keys]) }))
    ).find(({ value }) => value !== undefined);
  const checks: Check[] = [];
  const mirrors = last(["registry", "mirrors"]);
  if (isObject(mirrors?.value) && Object.keys(mirrors.value).length > 0) {
    checks.push(fail(
      NAME,
      `${mirrors.path} has registry.mirrors, the old form: the plugin does not read it, and containerd ` +
        "does not start with it beside config_path",
      "write the mirrors as hosts.toml: crio-credential-ctl generate hosts-toml",
    ));
  }
  const configs = last(["registry", "configs"]);
  const withAuth = isObject(configs?.value)
    ? Object.entries(configs.value).filter(([, value]) => lookUp(value, ["auth"]) !== undefined)
      .map(([host]) => host)
    : [];
  if (withAuth.length > 0) {
    checks.push(warn(
      NAME,
      `${configs?.path} has registry.configs with auth for ${
        withAuth.join(", ")
      }: a pull for which ` +
        "the plugin gives a pair does not use it",
      "give the credential to the namespaces as a secret, or keep such images out of matchImages",
    ));
  }
  checks.push(...checkConfigPath(files, last, hostsDirs, withAuth.length > 0));
  return checks;
}

function checkConfigPath(
  files: readonly ContainerdFile[],
  last: (keys: readonly string[]) => { readonly path: string; readonly value: unknown } | undefined,
  hostsDirs: readonly string[],
  fallsBack: boolean,
): Check[] {
  const set = last(["registry", "config_path"]);
  const advice =
    // deno-coverage-ignore -- for the compiler: there is a directory by default
    `set config_path = "${hostsDirs[0] ?? ""}" in the registry table of ${CONTAINERD_CONF}, ` +
    "and restart containerd";
  if (typeof set?.value !== "string" || set.value === "") {
    const where = files.length === 0
      ? `${CONTAINERD_CONF} does not exist`
      : `${files[0]?.path} sets no config_path`;
    const found =
      `${where}: containerd up to 2.1 reads no hosts.toml then, and 2.2 to 2.4 look for it in a ` +
      "list of directories as if it were one; mirrors are not used, and a pair goes to the image's own registry";
    return [fail(NAME, found, advice)];
  }
  const directories = set.value.split(":").filter((path) => path !== "");
  const version = Number(lookUp(files[0]?.content, ["version"]) ?? 1);
  const isLocal = last(["use_local_image_pull"])?.value === true || fallsBack;
  const checks: Check[] = [];
  if (directories.length > 1 && !isLocal) {
    const found =
      `${set.path} has a list as config_path, ${set.value}: the transfer service of containerd ` +
      "2.1 to 2.4 takes it for one directory and finds no hosts.toml, so that mirrors are not used and a pair " +
      "goes to the image's own registry";
    // A file of version 2 may be that of containerd 1.x, which reads the list.
    checks.push((version >= 3 ? fail : warn)(NAME, found, advice));
  }
  const differ = directories.length !== hostsDirs.length ||
    directories.some((path, index) => clean(path) !== hostsDirs[index]);
  const found = `config_path is ${set.value} (${set.path}), and the plugin looks in ${
    hostsDirs.join(", ")
  }`;
  // A directory that only one of them knows decides what the other does not see.
  if (differ && !directories.every((path) => hostsDirs.includes(clean(path)))) {
    checks.push(fail(NAME, found, `bind or build the plugin with ${flags(directories)}`));
  } else if (differ) {
    checks.push(warn(
      NAME,
      `${found}: a hosts.toml in the others counts for the plugin alone`,
      `bind or build the plugin with ${flags(directories)}`,
    ));
  } else if (checks.length === 0) {
    checks.push(pass(NAME, `config_path is ${set.value} (${set.path})`));
  }
  return checks;
}

function clean(path: string): string {
  return path.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
}

function flags(directories: readonly string[]): string {
  return directories.map((path) => `--containerd-hosts-dir ${clean(path)}`).join(" ");
}
