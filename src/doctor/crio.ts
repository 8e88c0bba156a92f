/** CRI-O: its version, and where it looks for auth files. */

import { parse, TomlError } from "smol-toml";
import * as v from "valibot";
import { UserError } from "../errors.ts";
import { check } from "../schema.ts";
import type { Settings } from "../settings.ts";
import { attempt, type Check, fail, pass, warn } from "./check.ts";
import type { TextFile } from "./node_files.ts";

/** CRI-O's configuration file, and the directory of which it reads every file. */
export const CRIO_CONF = "/etc/crio/crio.conf";
export const CRIO_CONF_DIRECTORY = "/etc/crio/crio.conf.d";

/** Where CRI-O writes its version when it starts: until the next boot, and for good. */
export const CRIO_VERSION_FILES = ["/var/run/crio/version", "/var/lib/crio/version"] as const;

const FIRST_MINOR = 34;
/** Where CRI-O looks for auth files if its configuration does not say. */
export const DEFAULT_AUTH_DIRECTORY = "/etc/crio/auth";

/** What is known of CRI-O. */
export interface FoundCrio {
  /** The version file, if there is one. */
  readonly version: TextFile | undefined;
  /** Configuration files in the order in which they apply. */
  readonly configs: readonly TextFile[];
}

/**
 * Checks the version, and that CRI-O looks where the plugin writes.
 *
 * @param follow where a path leads by symbolic links: two names may be one directory.
 */
export function checkCrio(
  { version, configs }: FoundCrio,
  settings: Pick<Settings, "authDir" | "kubeletAuthFile">,
  follow: (path: string) => string = (path) => path,
): Check[] {
  return [checkVersion(version), ...checkConfig(configs, settings, follow)];
}

function checkVersion(file: TextFile | undefined): Check {
  const name = "crio-version";
  if (file === undefined) {
    const found = `CRI-O's version is not known: no ${CRIO_VERSION_FILES.join(" and no ")}`;
    return warn(name, found, "CRI-O 1.34 or later is needed; it writes them when it starts");
  }
  const [, major, minor] = /^\s*"?v?(\d+)\.(\d+)\.\d+/.exec(file.text) ?? [];
  if (major === undefined || minor === undefined) {
    return warn(name, `${file.path} holds no version`, "CRI-O 1.34 or later is needed");
  }
  const text = `${major}.${minor} (${file.path})`;
  return Number(major) === 1 && Number(minor) < FIRST_MINOR
    ? fail(name, `CRI-O is ${text}`, "CRI-O 1.34 or later is needed")
    : pass(name, `CRI-O is ${text}`);
}

const Path = v.optional(v.string());
const CrioConfig = v.object({
  crio: v.optional(v.object({
    image: v.optional(v.object({ namespaced_auth_dir: Path, global_auth_file: Path })),
  })),
});

interface Found {
  readonly value: string;
  readonly path: string;
}

function checkConfig(
  configs: readonly TextFile[],
  { authDir, kubeletAuthFile }: Pick<Settings, "authDir" | "kubeletAuthFile">,
  follow: (path: string) => string,
): Check[] {
  const name = "crio-config";
  const checks: Check[] = [];
  let directory: Found = { value: DEFAULT_AUTH_DIRECTORY, path: "CRI-O's default" };
  let globalFile: Found | undefined;
  for (const file of configs) {
    const image = attempt(name, checks, () => readConfig(file))?.crio?.image;
    const { namespaced_auth_dir, global_auth_file } = image ?? {};
    if (namespaced_auth_dir !== undefined) {
      directory = { value: namespaced_auth_dir, path: file.path };
    }
    if (global_auth_file !== undefined) globalFile = { value: global_auth_file, path: file.path };
  }
  const place = `namespaced_auth_dir is ${JSON.stringify(directory.value)} (${directory.path})`;
  if (follow(directory.value.replace(/(?<=.)\/+$/, "")) !== follow(authDir)) {
    checks.push(fail(
      name,
      `${place}, but the plugin writes to ${authDir}: CRI-O finds no auth file`,
      `set namespaced_auth_dir = ${JSON.stringify(authDir)}, or build with --auth-dir`,
    ));
  }
  if (globalFile !== undefined && globalFile.value !== "" && globalFile.value !== kubeletAuthFile) {
    checks.push(warn(
      name,
      `global_auth_file is ${
        JSON.stringify(globalFile.value)
      } (${globalFile.path}), but the plugin ` +
        `copies ${kubeletAuthFile}: pulls with an auth file do not find the former's credentials`,
      `build with --kubelet-auth-file ${globalFile.value}`,
    ));
  }
  if (checks.length === 0) checks.push(pass(name, `${place}, where the plugin writes`));
  return checks;
}

function readConfig({ path, text }: TextFile) {
  try {
    return check(CrioConfig, parse(text, { integersAsBigInt: "asNeeded" }), path);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new UserError(`${path}:${error.line}:${error.column}`, "not valid TOML");
  }
}
