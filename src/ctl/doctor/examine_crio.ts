/** A node with CRI-O: the files that the plugin reads and writes, and CRI-O's own configuration. */

import { readGlobalAuthFile } from "../../delivery/auth_file/auth_file.ts";
import { staleAge } from "../../delivery/auth_file/stale_files.ts";
import type { CredentialProvider } from "../../manifests/credential_provider_config.ts";
import type { Settings } from "../../settings/settings.ts";
import { parseRepository } from "../../sources/reference.ts";
import type { RegistriesConfiguration } from "../../sources/registries_conf/config.ts";
import { readRegistriesFiles, type RegistriesFiles } from "../../sources/registries_conf/files.ts";
import { findRegistry } from "../../sources/registries_conf/pull_sources.ts";
import { checkAuthDirectory } from "./auth_directory.ts";
import { type Check, recordFailure, skip, warn } from "./check.ts";
import {
  checkCrio,
  checkFallBackAuthFiles,
  checkPauseImage,
  checkReload,
  CRIO_CONF,
  CRIO_CONF_DIRECTORY,
  CRIO_VERSION_FILES,
  type FoundCrio,
  type ImageSettings,
  LIBRARY_AUTH_FILES,
} from "./crio.ts";
import type { Examination, Mirrors } from "./examination.ts";
import { checkGlobalAuthFile } from "./global_auth_file.ts";
import { checkMatchImages, needsPlugin } from "./match_images.ts";
import type { ExaminedNode } from "./examined_node.ts";
import { ROOTS_REGISTRIES_CONF, ROOTS_REGISTRIES_DROP_INS } from "./places.ts";
import { checkMirrors, checkRegistries, pullHosts } from "./registries.ts";
import { checkShortNames } from "./short_names.ts";

/** Checks the files of a node with CRI-O that the plugin reads and writes. */
export function examineCrioFiles(
  { root, now }: Examination,
  settings: Settings,
  provider: CredentialProvider | undefined,
  files: ExaminedNode,
  checks: Check[],
): Mirrors {
  const copied = root !== "";
  const registries = examineRegistries(root, settings, provider, files, checks);

  const { authDir, kubeletAuthFile } = settings;
  recordFailure("auth-directory", checks, () => {
    const flag = "auth-dir";
    const real = files.realPath(authDir, flag);
    const directory = {
      path: authDir,
      real,
      parents: files.above(real, flag),
      facts: files.facts(real, flag),
      files: files.listFacts(real, flag),
      inUse: files.listFacts(`${real}/in-use`, flag),
      copied,
    };
    checks.push(...checkAuthDirectory(directory, { now, staleAfter: staleAge(settings) }));
  });
  const global = recordFailure("global-auth-file", checks, () => {
    const file = readGlobalAuthFile(files.at(kubeletAuthFile));
    const facts = files.facts(kubeletAuthFile, "kubelet-auth-file");
    const hosts = pullHosts(registries?.registries ?? []);
    checks.push(...checkGlobalAuthFile({ path: kubeletAuthFile, file, facts }, hosts));
    if (registries === undefined && file !== undefined && file.credHelpers.size > 0) {
      const found = `whether "credHelpers" of ${kubeletAuthFile} names hosts of mirrored pulls: ` +
        UNREAD_REGISTRIES;
      checks.push(skip("global-auth-file", found));
    }
    return file;
  });
  return { registries, global };
}

/** Checks CRI-O's own configuration. */
export function examineCrio(
  settings: Settings,
  registries: RegistriesConfiguration | undefined,
  files: ExaminedNode,
): Check[] {
  const checks: Check[] = [];
  const follow = (path: string) =>
    recordFailure("crio-config", [], () => files.realPath(path, "auth-dir"));
  const crio = checkCrio(
    readCrio(files, checks),
    settings,
    // deno-coverage-ignore -- no test has a path that cannot be followed
    (path) => follow(path) ?? path,
  );
  checks.push(...crio.checks);
  if (crio.image !== undefined) {
    checks.push(...examineCrioPulls(crio.image, registries, settings, files));
  }
  return checks;
}

const UNREAD_REGISTRIES = "the registries files could not be read completely";

/**
 * Checks the registries files and what depends on them.
 *
 * @returns `undefined` when they could not be read whole.
 */
function examineRegistries(
  root: string,
  settings: Settings,
  provider: CredentialProvider | undefined,
  files: ExaminedNode,
  checks: Check[],
): RegistriesConfiguration | undefined {
  checks.push(...checkRootsRegistries(files));
  const texts = recordFailure(
    "registries",
    checks,
    () => readRegistriesFiles(below(root, settings)),
  );
  const found = texts && checkRegistries(texts);
  checks.push(...found?.checks ?? []);
  if (provider !== undefined) {
    const registries = found?.complete === true ? found.configuration.registries : undefined;
    checks.push(...checkMatchImages(provider.matchImages, registries));
  }
  if (texts === undefined || found?.complete !== true) {
    const names = ["mirrors", "short-names", "crio-reload"] as const;
    checks.push(...names.map((name) => skip(name, UNREAD_REGISTRIES)));
    return undefined;
  }
  const { configuration } = found;
  checks.push(...checkMirrors(found));
  const read = listRegistriesFiles(texts);
  checks.push(...checkShortNames(read, (image) => hasMirrors(configuration, image)));
  recordFailure("crio-reload", checks, () => {
    const paths = read.map(({ path }) => path.slice(root.length));
    checks.push(...checkReload({
      // The file is written when CRI-O starts, and is gone with the next boot. Copies are younger.
      // deno-coverage-ignore -- for a node's own files: tests/artifact/doctor_test.ts
      started: root === "" ? files.facts(CRIO_VERSION_FILES[0], "root")?.modified : undefined,
      files: paths.flatMap((path) => {
        const modified = files.facts(path, "registries-conf-dir")?.modified;
        // deno-coverage-ignore -- a race with another process
        return modified === undefined ? [] : [{ path, modified }];
      }),
    }));
  });
  return configuration;
}

function listRegistriesFiles({ main, dropIns }: RegistriesFiles) {
  return [...(main === undefined ? [] : [main]), ...dropIns];
}

/** Whether a pull of the image has pull sources other than itself. */
function hasMirrors(configuration: RegistriesConfiguration, image: string): boolean {
  // deno-coverage-ignore -- no test has a short name that becomes no reference
  if (parseRepository(image) === undefined) return false;
  const registry = findRegistry(configuration, image);
  return registry !== undefined && needsPlugin(registry);
}

/** The files of the user that CRI-O runs as, which the image library reads in the place of the node's. */
function checkRootsRegistries(files: ExaminedNode): Check[] {
  const checks: Check[] = [];
  const exists = (path: string) =>
    recordFailure("registries", checks, () => files.facts(path, "root")) !== undefined;
  const advice = "move its content to /etc/containers, and remove it";
  if (exists(ROOTS_REGISTRIES_CONF)) {
    const found = `${ROOTS_REGISTRIES_CONF} replaces all other registries files for ` +
      "CRI-O, which runs as root; the plugin reads the others";
    checks.push(warn("registries", found, advice));
  }
  if (exists(ROOTS_REGISTRIES_DROP_INS)) {
    const found =
      `${ROOTS_REGISTRIES_DROP_INS} has drop-ins that only CRI-O reads, which runs as ` +
      "root; the plugin does not read them";
    checks.push(warn("registries", found, advice));
  }
  return checks;
}

/** Pulls of CRI-O for which there is no file of the plugin's. */
function examineCrioPulls(
  image: ImageSettings,
  registries: RegistriesConfiguration | undefined,
  settings: Settings,
  files: ExaminedNode,
): Check[] {
  const checks: Check[] = [];
  recordFailure("crio-auth-files", checks, () => {
    const there = LIBRARY_AUTH_FILES.filter((path) => files.facts(path, "root") !== undefined);
    checks.push(...checkFallBackAuthFiles(image, there, settings));
  });
  checks.push(
    ...registries === undefined
      ? [skip("pause-image", UNREAD_REGISTRIES)]
      : checkPauseImage(image, (name) => hasMirrors(registries, name)),
  );
  return checks;
}

/** The settings of the registries' files, below a root. */
function below(root: string, { registriesConf, registriesConfDir }: Settings) {
  return {
    registriesConf: registriesConf.map((path) => root + path),
    registriesConfDir: registriesConfDir.map((path) => root + path),
  };
}

function readCrio(files: ExaminedNode, checks: Check[]): FoundCrio {
  const before = checks.length;
  const read = (path: string) =>
    recordFailure("crio-config", checks, () => files.read(path, "root"));
  const drops = recordFailure(
    "crio-config",
    checks,
    () =>
      (files.list(CRIO_CONF_DIRECTORY, "root") ?? []).map((name) =>
        `${CRIO_CONF_DIRECTORY}/${name}`
      )
        // deno-coverage-ignore -- a race with another process
        .filter((path) => files.facts(path, "root")?.kind === "file"),
  ) ?? [];
  const [version] = CRIO_VERSION_FILES.flatMap((path) => read(path) ?? []);
  const configs = [CRIO_CONF, ...drops].flatMap((path) => read(path) ?? []);
  return { version, configs, complete: checks.length === before };
}
