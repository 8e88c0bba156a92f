/** CRI-O: its version, and where it looks for auth files. */

import * as v from "valibot";
import { check } from "../../text/schema.ts";
import type { Settings } from "../../settings/settings.ts";
import { type Check, fail, pass, recordFailure, skip, warn } from "./check.ts";
import type { TextFile } from "./examined_node.ts";
import { parseTomlFile } from "./toml_file.ts";

/** CRI-O's configuration file (crio.conf(5)). */
export const CRIO_CONF = "/etc/crio/crio.conf";
/** The directory of which CRI-O reads every file, over {@link CRIO_CONF} (crio.conf.d(5)). */
export const CRIO_CONF_DIRECTORY = "/etc/crio/crio.conf.d";

/** Where CRI-O writes its version when it starts: until the next boot, and for good. */
export const CRIO_VERSION_FILES = ["/var/run/crio/version", "/var/lib/crio/version"] as const;

/**
 * The first releases that look for a namespace's auth file (`server/image_pull.go`): 1.34.3, and of
 * later minor versions each. 1.34.0 to 1.34.2 do not.
 */
const FIRST_MINOR = 34;
const FIRST_PATCH = 3;
const NEEDED = "CRI-O 1.34.3, or 1.35.0 or later, is needed";
/** Where CRI-O looks for auth files if its configuration does not say. */
export const DEFAULT_AUTH_DIRECTORY = "/etc/crio/auth";

/** What is known of CRI-O. */
export interface FoundCrio {
  /** The version file, if there is one. */
  readonly version: TextFile | undefined;
  /** Configuration files in the order in which they apply. */
  readonly configs: readonly TextFile[];
  /** Whether these are all that there are: others could not be read. */
  readonly complete: boolean;
}

/** What is found out about CRI-O. */
export interface CrioFindings {
  readonly checks: readonly Check[];
  /** `undefined` when its configuration could not be read. */
  readonly image: ImageSettings | undefined;
}

/** What CRI-O's configuration says of images, with CRI-O's defaults. */
export interface ImageSettings {
  /** Where CRI-O looks for auth files. */
  readonly authDirectory: Found;
  /** The auth file of pulls for which there is none there; `undefined`: the image library's. */
  readonly globalAuthFile: Found | undefined;
  readonly pauseImage: Found;
  /** `undefined` when none is set. */
  readonly pauseImageAuthFile: Found | undefined;
}

/**
 * Checks the version, and that CRI-O looks where the plugin writes.
 *
 * @param follow where a path leads by symbolic links: two names may be one directory.
 */
export function checkCrio(
  { version, configs, complete }: FoundCrio,
  settings: Pick<Settings, "authDir" | "kubeletAuthFile">,
  follow: (path: string) => string = (path) => path,
): CrioFindings {
  const checks: Check[] = [checkVersion(version)];
  const image = readImageSettings(configs, checks);
  if (image === undefined || !complete) {
    checks.push(
      skip(
        CONFIG,
        "where CRI-O looks for auth files: its configuration could not be read completely",
      ),
    );
    return { checks, image: undefined };
  }
  checks.push(...checkPlaces(image, settings, follow));
  return { checks, image };
}

function checkVersion(file: TextFile | undefined): Check {
  const name = "crio-version";
  if (file === undefined) {
    const found = `CRI-O's version is not known: no ${CRIO_VERSION_FILES.join(" and no ")}`;
    return warn(name, found, `${NEEDED}; it writes them when it starts`);
  }
  const [, ...parts] = /^\s*"?v?(\d+)\.(\d+)\.(\d+)/.exec(file.text) ?? [];
  const [major, minor, patch] = parts.map(Number);
  // A build without a release's tag is 0.0.0.
  if (major === undefined || minor === undefined || patch === undefined || major === 0) {
    const found = `CRI-O's version is not known: ${file.path} has no version of a release`;
    return warn(name, found, NEEDED);
  }
  const text = `CRI-O is ${parts.join(".")} (${file.path})`;
  const old = major === 1 &&
    (minor < FIRST_MINOR || (minor === FIRST_MINOR && patch < FIRST_PATCH));
  return old ? fail(name, `${text}, which looks for no auth file`, NEEDED) : pass(name, text);
}

const Path = v.optional(v.string());
const CrioConfig = v.object({
  crio: v.optional(v.object({
    image: v.optional(v.object({
      namespaced_auth_dir: Path,
      global_auth_file: Path,
      pause_image: Path,
      pause_image_auth_file: Path,
    })),
  })),
});

/** A value, and the file that sets it. */
export interface Found {
  readonly value: string;
  readonly path: string;
}

const CONFIG = "crio-config";
const BY_DEFAULT = "CRI-O's default";

/** `undefined` when a file cannot be read, which is reported. */
function readImageSettings(
  configs: readonly TextFile[],
  checks: Check[],
): ImageSettings | undefined {
  const found = new Map<string, Found>();
  let broken = false;
  for (const file of configs) {
    const config = recordFailure(
      CONFIG,
      checks,
      () => check(CrioConfig, parseTomlFile(file, "CRI-O"), file.path),
    );
    if (config === undefined) broken = true;
    for (const [key, value] of Object.entries(config?.crio?.image ?? {})) {
      if (value !== undefined) found.set(key, { value, path: file.path });
    }
  }
  if (broken) return undefined;
  const notEmpty = (key: string) => {
    const setting = found.get(key);
    return setting?.value === "" ? undefined : setting;
  };
  return {
    authDirectory: found.get("namespaced_auth_dir") ??
      { value: DEFAULT_AUTH_DIRECTORY, path: BY_DEFAULT },
    globalAuthFile: notEmpty("global_auth_file"),
    pauseImage: notEmpty("pause_image") ?? { value: DEFAULT_PAUSE_IMAGE, path: BY_DEFAULT },
    pauseImageAuthFile: notEmpty("pause_image_auth_file"),
  };
}

/** `DefaultPauseImage` of CRI-O's `pkg/config`, without its tag, which changes. */
const DEFAULT_PAUSE_IMAGE = "registry.k8s.io/pause";

function checkPlaces(
  { authDirectory, globalAuthFile }: ImageSettings,
  { authDir, kubeletAuthFile }: Pick<Settings, "authDir" | "kubeletAuthFile">,
  follow: (path: string) => string,
): Check[] {
  const checks: Check[] = [];
  const place = `namespaced_auth_dir is ${
    JSON.stringify(authDirectory.value)
  } (${authDirectory.path})`;
  if (follow(authDirectory.value.replace(/(?<=.)\/+$/, "")) !== follow(authDir)) {
    checks.push(fail(
      CONFIG,
      `${place}, but the plugin writes to ${authDir}: CRI-O finds no auth file`,
      `set namespaced_auth_dir = ${
        JSON.stringify(authDir)
      }, or bind or build the plugin with --auth-dir`,
    ));
  }
  if (globalAuthFile !== undefined && globalAuthFile.value !== kubeletAuthFile) {
    checks.push(warn(
      CONFIG,
      `global_auth_file is ${
        JSON.stringify(globalAuthFile.value)
      } (${globalAuthFile.path}), but the plugin ` +
        `copies ${kubeletAuthFile}: pulls with an auth file do not find the former's credentials`,
      `bind or build the plugin with --kubelet-auth-file ${globalAuthFile.value}`,
    ));
  }
  if (checks.length === 0) checks.push(pass(CONFIG, `${place}, where the plugin writes`));
  return checks;
}

/**
 * The auth files of the image library where CRI-O sets none, in the order in which they are looked
 * through (containers-auth.json(5)); CRI-O runs as root.
 */
export const LIBRARY_AUTH_FILES = [
  "/run/containers/0/auth.json",
  "/root/.config/containers/auth.json",
  "/root/.docker/config.json",
  "/root/.dockercfg",
] as const;

/**
 * The auth files that CRI-O uses for pulls without one of the plugin's.
 *
 * @param there those of {@link LIBRARY_AUTH_FILES} that exist.
 */
export function checkFallBackAuthFiles(
  { globalAuthFile }: ImageSettings,
  there: readonly string[],
  { kubeletAuthFile }: Pick<Settings, "kubeletAuthFile">,
): Check[] {
  const name = "crio-auth-files";
  const without = "pulls without a file of the plugin's";
  if (globalAuthFile !== undefined) {
    const { value, path } = globalAuthFile;
    return [pass(name, `${without} use ${value} (global_auth_file in ${path}) and no other`)];
  }
  if (there.length === 0) {
    return [pass(name, `${without} have no credentials: none of CRI-O's own auth files exists`)];
  }
  return [warn(
    name,
    `${without} use ${there.join(", then ")}; pulls with one find nothing of that`,
    `keep the node's credentials in ${kubeletAuthFile}, which each file of the plugin's begins with`,
  )];
}

/**
 * The pause image, which is pulled with an auth file of its own and never with one of the plugin's.
 *
 * @param hasMirrors whether the registries configuration has mirrors for an image.
 */
export function checkPauseImage(
  { pauseImage, pauseImageAuthFile }: ImageSettings,
  hasMirrors: (image: string) => boolean,
): Check[] {
  const name = "pause-image";
  const image = `${pauseImage.value} (${pauseImage.path})`;
  if (pauseImageAuthFile !== undefined) {
    const { value, path } = pauseImageAuthFile;
    return [
      pass(name, `${image} is pulled with ${value} alone (pause_image_auth_file in ${path})`),
    ];
  }
  if (!hasMirrors(pauseImage.value.replace(/@.*$/s, "").replace(/:[^/]*$/, ""))) {
    return [pass(name, `${image} has no mirrors: it needs no auth file of its own`)];
  }
  return [warn(
    name,
    `${image} has mirrors, and no pause_image_auth_file: ` +
      "a mirror that asks for credentials does not serve it, since the plugin's file is not used",
    "set pause_image_auth_file in CRI-O's configuration, or pull the image in advance",
  )];
}

/** What is known of CRI-O's start and of the registries files. */
export interface RegistriesChanges {
  /** When CRI-O started, in milliseconds since 1970; `undefined`: not known. */
  readonly started: number | undefined;
  /** The files, and when each was last changed. */
  readonly files: readonly { readonly path: string; readonly modified: number }[];
}

/** CRI-O keeps what it read of the registries files, while the plugin reads them for each pull. */
export function checkReload({ started, files }: RegistriesChanges): Check[] {
  const name = "crio-reload";
  if (files.length === 0) return [];
  const late = started === undefined ? [] : files.filter(({ modified }) => modified > started);
  if (late.length === 0) {
    const since = started === undefined ? "" : "; no file was changed since it started";
    return [pass(name, `CRI-O reads registries files at its start and at each reload${since}`)];
  }
  return [warn(
    name,
    `${late.map(({ path }) => path).join(", ")} changed after CRI-O started; ` +
      "it uses what it read at its start or at its last reload",
    "systemctl reload crio, if that was not done since",
  )];
}
