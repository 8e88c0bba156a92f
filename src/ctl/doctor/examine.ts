/** Is this node ready? The story of an examination: the node's files in, findings out. */

import { type AuthFile, readGlobalAuthFile } from "../../delivery/auth_file/auth_file.ts";
import { staleAge } from "../../delivery/auth_file/stale_files.ts";
import { UserError } from "../../errors.ts";
import { type ApiServer, findApiServer } from "../../kubernetes/api_server.ts";
import { PKI_CA_FILE } from "../../kubernetes/kubeadm.ts";
import {
  type CredentialProvider,
  PROVIDER_NAME,
} from "../../manifests/credential_provider_config.ts";
import { parseRepository } from "../../sources/reference.ts";
import {
  readRegistriesFiles,
  type RegistriesConfiguration,
  type RegistriesFiles,
} from "../../sources/registries_conf/config.ts";
import { findRegistry } from "../../sources/registries_conf/pull_sources.ts";
import { applyFlags, type Settings } from "../../settings/settings.ts";
import { askVersion, checkApiServer } from "./api_server.ts";
import { API_SERVER_MANIFEST, checkAudience } from "./audience.ts";
import { checkAuthDirectory } from "./auth_directory.ts";
import { type BuiltPlugin, readBuiltPlugin } from "./built_plugin.ts";
import {
  type Check,
  CHECK_NAMES,
  type CheckName,
  explainFailure,
  fail,
  recordFailure,
  skip,
  warn,
} from "./check.ts";
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
import {
  checkContainerdConfig,
  CONTAINERD_CONF,
  importsOf,
  parseContainerdFile,
} from "./containerd.ts";
import { checkHostsFiles, checkMatchedRegistries } from "./hosts_toml.ts";
import { checkFeatureGate, readClusterDomain } from "./feature_gate.ts";
import { checkGlobalAuthFile } from "./global_auth_file.ts";
import { checkJournald } from "./journald.ts";
import {
  findFlag,
  FLAG_FILES,
  type FlagSource,
  type FoundFlag,
  splitWords,
  UNIT_DIRECTORY,
} from "./kubelet_flags.ts";
import { checkMatchImages, needsPlugin } from "./match_images.ts";
import { NodeFiles, type TextFile } from "./node_files.ts";
import {
  KUBEADM_FLAGS,
  KUBELET_CONFIGS,
  PROVIDER_CONFIGS,
  PROVIDER_DIRECTORY,
  ROOTS_REGISTRIES_CONF,
  ROOTS_REGISTRIES_DROP_INS,
} from "./places.ts";
import { checkProviderArguments } from "./provider_arguments.ts";
import { checkProviderConfig, checkSecretsAnnotation, isProviderFile } from "./provider_config.ts";
import { checkProviderDirectory } from "./provider_directory.ts";
import { checkProviderEnvironment } from "./provider_environment.ts";
import { checkPulledImages, KUBELET_ROOT, PULLED_RECORDS } from "./pulled_images.ts";
import { checkMirrors, checkRegistries, pullHosts } from "./registries.ts";
import { checkSandbox } from "./sandbox.ts";
import { checkShortNames } from "./short_names.ts";

/** What to examine. */
export interface Examination {
  /** Directory with a copy of a node; empty for this one. */
  readonly root: string;
  /** The settings that count where the plugin's own are not found. */
  readonly settings: Settings;
  /** Settings given for the examination, by flag: they count before the plugin's own. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** The kubelet's `CredentialProviderConfig`; `undefined`: to be found. */
  readonly config: string | undefined;
  /** Directory of the plugin; `undefined`: to be found. */
  readonly binDir: string | undefined;
  /** The kubelet's configuration and directories of drop-ins; empty: to be found. */
  readonly kubeletConfigs: readonly string[];
  /** The kubelet's root directory; `undefined`: to be found. */
  readonly kubeletRoot: string | undefined;
  /** The plugin, on this machine; `undefined`: the one in the directory. */
  readonly plugin: string | undefined;
  /** The command line of the running kubelet, words ended by NULs; empty: not given. */
  readonly commandLine: string;
  /** Roles of the cluster as `kubectl` prints them; `undefined`: not given. */
  readonly roles: TextFile | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Examines a node. Nothing is changed, and only the API server is contacted. */
export async function examineNode(examination: Examination): Promise<Check[]> {
  const { root, given } = examination;
  const files = new NodeFiles(root);
  const copied = root !== "";
  const checks: Check[] = [];

  const kubelet = readKubeletFlags(examination, files, checks);
  const kubeletConfigs = readKubeletConfigs(examination, kubelet, files, checks);
  const { provider, isKnown, binDir } = checkProvider(examination, kubelet, files, checks);
  const plugin = readPlugin(examination, binDir, files, checks);
  const base = plugin?.built.settings ?? examination.settings;
  const args = checkProviderArguments(provider?.args ?? [], base);
  const settings = applyFlags(args.settings, given);
  checks.push(...args.checks);
  if (provider !== undefined) {
    checks.push(
      ...checkProviderEnvironment(provider.env, plugin?.built.form),
      ...checkSecretsAnnotation(provider, settings.secretsAnnotation),
      ...examineAudience(provider, settings, examination.roles, kubeletConfigs, files),
    );
  } else if (!isKnown) checks.push(...withoutProvider());

  const isCrio = settings.runtime === "crio";
  const mirrors = isCrio
    ? examineCrioFiles(examination, settings, provider, files, checks)
    : examineContainerd(settings, provider, files, checks);

  const server = await findServer(settings, root, checks);
  const api = server === undefined
    ? undefined
    : checkApiServer(server, await askVersion(server, settings.timeout), copied);
  checks.push(...api?.checks ?? []);
  if (plugin !== undefined) {
    const local = server && { ...server, caOrigin: server.caOrigin.slice(root.length) };
    checks.push(...checkSandbox(plugin.path, plugin.built, settings, copied ? local : server));
    if (server === undefined) {
      checks.push(skip("sandbox", "whether it may connect to the API server, which was not found"));
    }
  }
  const { journaldSocket } = settings;
  recordFailure("journald", checks, () => {
    const facts = journaldSocket === ""
      ? undefined
      : files.facts(journaldSocket, "journald-socket");
    // Sockets are not copied.
    if (!copied || facts !== undefined) checks.push(...checkJournald(journaldSocket, facts));
  });
  if (isCrio) checks.push(...examineCrio(settings, mirrors.registries, files));
  const gates = {
    ...kubeletConfigs,
    flag: findFlag(kubelet.sources, "feature-gates"),
    version: api?.version,
  };
  checks.push(...checkFeatureGate(gates));
  checks.push(...checkPulledImages({
    ...gates,
    // Where pairs are given, images are always the service account's.
    mode: isCrio ? settings.pulledImages : "service-account",
    records: readPulledRecords(examination, kubelet, files, checks),
    ...mirrors,
  }));
  return checks.map((check) => withoutRoot(check, root)).sort(byName);
}

/** What the node says of mirrors and of its own credentials. */
interface Mirrors {
  /** `undefined` when the registries files could not be read whole, and on nodes with containerd. */
  readonly registries: RegistriesConfiguration | undefined;
  /** The global auth file. */
  readonly global: AuthFile | undefined;
}

/** Checks the files of a node with CRI-O that the plugin reads and writes. */
function examineCrioFiles(
  { root, now }: Examination,
  settings: Settings,
  provider: CredentialProvider | undefined,
  files: NodeFiles,
  checks: Check[],
): Mirrors {
  const copied = root !== "";
  const registries = examineRegistries(root, settings, provider, files, checks);

  const { authDir, kubeletAuthFile } = settings;
  recordFailure("auth-directory", checks, () => {
    const flag = "auth-dir";
    const real = files.realPath(authDir, flag);
    // The links of a copy are its own; on this node only the path as named is in the tool's sandbox.
    const place = copied ? real : authDir;
    const directory = {
      path: authDir,
      real,
      parents: files.above(real, flag),
      facts: files.facts(place, flag),
      files: files.listFacts(place, flag),
      inUse: files.listFacts(`${place}/in-use`, flag),
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
function examineCrio(
  settings: Settings,
  registries: RegistriesConfiguration | undefined,
  files: NodeFiles,
): Check[] {
  const checks: Check[] = [];
  const follow = (path: string) =>
    recordFailure("crio-config", [], () => files.realPath(path, "auth-dir"));
  const crio = checkCrio(
    readCrio(files, checks),
    settings,
    (path) => follow(path) ?? path,
  );
  checks.push(...crio.checks);
  if (crio.image !== undefined) {
    checks.push(...examineCrioPulls(crio.image, registries, settings, files));
  }
  return checks;
}

/** Checks containerd's configuration and its `hosts.toml` files. */
function examineContainerd(
  { containerdHostsDir: roots }: Settings,
  provider: CredentialProvider | undefined,
  files: NodeFiles,
  checks: Check[],
): Mirrors {
  recordFailure("containerd-config", checks, () => {
    const configs = readContainerdConfigs(files).map(parseContainerdFile);
    checks.push(...checkContainerdConfig(configs, roots));
  });
  recordFailure("hosts-toml", checks, () => {
    const flag = "containerd-hosts-dir";
    const found = roots.flatMap((root) =>
      (files.list(root, flag) ?? [])
        .filter((name) => files.facts(`${root}/${name}`, flag)?.kind === "directory")
        .map((name) => ({
          root,
          name,
          text: recordFailure(
            "hosts-toml",
            checks,
            () => files.read(`${root}/${name}/hosts.toml`, flag, { keepByteOrderMark: true }),
          )?.text,
        }))
    );
    checks.push(...checkHostsFiles(found, roots));
    if (provider !== undefined) {
      checks.push(...checkMatchedRegistries(provider.matchImages, found));
    }
  });
  return { registries: undefined, global: undefined };
}

/** containerd's files in the order in which it merges them: the main one, then what it imports. */
function readContainerdConfigs(files: NodeFiles): TextFile[] {
  const flag = "root";
  const read: TextFile[] = [];
  const pending = [CONTAINERD_CONF];
  const seen = new Set<string>();
  for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
    if (seen.has(path)) continue;
    seen.add(path);
    if (path.includes("*")) {
      pending.unshift(...expand(path, files, flag));
      continue;
    }
    const file = files.read(path, flag);
    if (file === undefined) continue;
    read.push(file);
    pending.push(...importsOf(parseContainerdFile({ ...file, path })));
  }
  return read;
}

/** The files of a pattern that has its `*` in the last part, as drop-ins have it. */
function expand(pattern: string, files: NodeFiles, flag: string): string[] {
  const slash = pattern.lastIndexOf("/");
  const [start = "", ...rest] = pattern.slice(slash + 1).split("*");
  const end = rest.at(-1) ?? "";
  return (files.list(pattern.slice(0, slash), flag) ?? [])
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .map((name) => `${pattern.slice(0, slash)}/${name}`);
}

const UNREAD_REGISTRIES = "the registries files could not be read completely";

/** What is said of checks about our provider where the file that may hold it could not be read. */
function withoutProvider(): Check[] {
  const unread = "the plugin's provider was not read";
  return [
    skip(
      "provider-arguments",
      `${unread}; the settings of the other checks are those that the plugin was built with`,
    ),
    skip("provider-environment", unread),
    skip("audience", unread),
    skip("match-images", unread),
  ];
}

/** What the audience must be, by what is on the node. */
function examineAudience(
  provider: CredentialProvider,
  settings: Settings,
  roles: TextFile | undefined,
  kubelet: KubeletConfigs,
  files: NodeFiles,
): Check[] {
  const checks: Check[] = [];
  const exists = (path: string, flag: string) =>
    recordFailure("audience", checks, () => files.facts(path, flag)) !== undefined;
  const platform = exists(settings.apiserverEnvFile, "apiserver-env-file")
    ? "OpenShift"
    : exists(KUBEADM_FLAGS, "root") || exists(PKI_CA_FILE, "ca-file")
    ? "kubeadm"
    : undefined;
  const manifest = recordFailure("audience", checks, () => files.read(API_SERVER_MANIFEST, "root"));
  const failed = checks.length > 0;
  const clusterDomain = readClusterDomain(kubelet.configs);
  const isDomainKnown = clusterDomain !== "" || kubelet.complete;
  checks.push(...checkAudience({
    audience: provider.tokenAttributes?.serviceAccountTokenAudience ?? "",
    manifest,
    // A domain that may be in a file that could not be read is not judged by the default.
    platform: failed || (platform === "kubeadm" && !isDomainKnown) ? undefined : platform,
    clusterDomain,
    roles,
  }));
  return checks;
}

/**
 * Checks the registries files and what depends on them.
 *
 * @returns `undefined` when they could not be read whole.
 */
function examineRegistries(
  root: string,
  settings: Settings,
  provider: CredentialProvider | undefined,
  files: NodeFiles,
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
      started: root === "" ? files.facts(CRIO_VERSION_FILES[0], "root")?.modified : undefined,
      files: paths.flatMap((path) => {
        const modified = files.facts(path, "registries-conf-dir")?.modified;
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
  if (parseRepository(image) === undefined) return false;
  const registry = findRegistry(configuration, image);
  return registry !== undefined && needsPlugin(registry);
}

/** The files of the user that CRI-O runs as, which the image library reads in the place of the node's. */
function checkRootsRegistries(files: NodeFiles): Check[] {
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
  files: NodeFiles,
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

/** The kubelet's flags as far as they can be found. */
interface Kubelet {
  readonly sources: readonly FlagSource[];
  /** Whether they are those of a running kubelet. */
  readonly running: boolean;
  /** Whether these are all that there are: others could not be read. */
  readonly complete: boolean;
}

const COMMAND_LINE = "the kubelet's command line";

function readKubeletFlags(
  { commandLine }: Examination,
  files: NodeFiles,
  checks: Check[],
): Kubelet {
  if (commandLine !== "") {
    const words = splitWords(commandLine);
    return { sources: [{ origin: COMMAND_LINE, words }], running: true, complete: true };
  }
  const before = checks.length;
  const drops =
    recordFailure("provider-config", checks, () => files.list(UNIT_DIRECTORY, "config")) ??
      [];
  const paths = [
    ...FLAG_FILES,
    ...drops.filter((name) => name.endsWith(".conf")).map((name) => `${UNIT_DIRECTORY}/${name}`),
  ];
  const sources = paths.flatMap((path) => {
    const file = recordFailure("provider-config", checks, () => files.read(path, "config"));
    return file === undefined ? [] : [{ origin: path, words: splitWords(file.text) }];
  });
  return { sources: sources.reverse(), running: false, complete: checks.length === before };
}

/** What is found out about our provider. */
interface ProviderFindings {
  readonly provider: CredentialProvider | undefined;
  /** Whether our provider, or that there is none, is known. */
  readonly isKnown: boolean;
  readonly binDir: string | undefined;
}

/** Finds and checks the kubelet's configuration and the directory of executables. */
function checkProvider(
  { root, config, binDir }: Examination,
  { sources, running, complete }: Kubelet,
  files: NodeFiles,
  checks: Check[],
): ProviderFindings {
  const find = (
    given: string | undefined,
    option: string,
    flag: string,
    usual: readonly string[],
  ): FoundFlag | undefined => {
    if (given !== undefined) return { value: given, origin: `--${option}` };
    const found = findFlag(sources, flag);
    if (found !== undefined || running) return found;
    const name = option === "config" ? "provider-config" : "provider-directory";
    const path = usual.find((path) => recordFailure(name, checks, () => files.facts(path, option)));
    return path === undefined ? undefined : { value: path, origin: "the usual place" };
  };
  const configFlag = "image-credential-provider-config";
  const directoryFlag = "image-credential-provider-bin-dir";
  const foundConfig = find(config, "config", configFlag, PROVIDER_CONFIGS);
  const foundDirectory = find(binDir, "bin-dir", directoryFlag, [PROVIDER_DIRECTORY]);
  const unfound = (name: CheckName, flag: string, option: string): Check =>
    complete
      ? explainUnfound(name, flag, running, option)
      : skip(name, `--${flag} ${UNREAD_FLAGS}`);
  if (foundConfig === undefined) checks.push(unfound("provider-config", configFlag, "config"));
  const findings = foundConfig &&
    recordFailure("provider-config", checks, () =>
      checkProviderConfig({
        path: foundConfig.value,
        origin: foundConfig.origin,
        files: readProviderFiles(foundConfig.value, files),
      }));
  checks.push(...findings?.checks ?? []);
  const names = (findings?.providers ?? []).map(({ name }) => name);
  if (foundDirectory === undefined) {
    checks.push(unfound("provider-directory", directoryFlag, "bin-dir"));
  } else {
    const { value: path, origin } = foundDirectory;
    recordFailure("provider-directory", checks, () => {
      checks.push(...checkProviderDirectory({
        path,
        origin,
        copied: root !== "",
        facts: files.facts(path, "bin-dir"),
        executables: new Map(
          (names.length === 0 ? [PROVIDER_NAME] : names)
            // The kubelet refuses such a name.
            .filter((name) => name !== "" && !name.includes("/"))
            .map((name) => [name, files.facts(`${path}/${name}`, "bin-dir")]),
        ),
        isConfigurationKnown: names.length > 0 && findings?.complete === true,
      }));
    });
  }
  const provider = findings?.provider;
  const isKnown = provider !== undefined ||
    (foundConfig === undefined ? complete : findings?.complete === true);
  return { provider, isKnown, binDir: foundDirectory?.value };
}

const UNREAD_FLAGS = "may be in a file that could not be read";

function explainUnfound(name: CheckName, flag: string, running: boolean, option: string): Check {
  return running
    ? fail(
      name,
      `--${flag}: is not among the flags of the running kubelet`,
      `start it with --${flag}`,
    )
    : fail(
      name,
      `--${flag}: is in no file that sets the kubelet's flags, ` +
        "and nothing is in the usual places",
      `install the plugin, say where it is with --${option}, or pass the kubelet's flags: ` +
        "--kubelet-cmdline - < /proc/$(pidof kubelet)/cmdline",
    );
}

/**
 * The file, or those of a directory in the order of their names' bytes; `undefined` when there is
 * neither.
 */
function readProviderFiles(path: string, files: NodeFiles): TextFile[] | undefined {
  const flag = "config";
  if (files.facts(path, flag)?.kind !== "directory") {
    const file = files.read(path, flag);
    return file === undefined ? undefined : [file];
  }
  return (files.list(path, flag) ?? []).filter(isProviderFile)
    .map((name) => `${path}/${name}`)
    .filter((path) => files.facts(path, flag)?.kind !== "directory")
    .flatMap((path) => files.read(path, flag) ?? []);
}

interface InstalledPlugin {
  readonly path: string;
  readonly built: BuiltPlugin;
}

function readPlugin(
  { plugin }: Examination,
  binDir: string | undefined,
  files: NodeFiles,
  checks: Check[],
): InstalledPlugin | undefined {
  const installed = binDir === undefined ? undefined : `${binDir}/${PROVIDER_NAME}`;
  const path = plugin ?? installed;
  if (path === undefined) return undefined;
  return recordFailure("sandbox", checks, () => {
    const bytes = plugin === undefined
      ? files.readBytes(path, "bin-dir")
      : new NodeFiles("").readBytes(path, "plugin");
    if (bytes === undefined) {
      // That nothing is installed is reported by the check of the directory.
      if (plugin === undefined) return undefined;
      throw new UserError(
        "file-missing",
        path,
        "does not exist",
        "name the plugin's file with --plugin",
      );
    }
    const built = readBuiltPlugin(bytes);
    if (built !== undefined) return { path, built };
    throw new UserError(
      "plugin-unknown",
      path,
      "is not a build of this project: what it may access is not known",
      "install the plugin of a release, or what deno task compile makes",
    );
  });
}

/** Finds the API server as the plugin does. */
async function findServer(
  settings: Settings,
  root: string,
  checks: Check[],
): Promise<ApiServer | undefined> {
  try {
    return await findApiServer(settings, root);
  } catch (error) {
    checks.push(explainFailure("api-server", error));
    return undefined;
  }
}

/** The settings of the registries' files, below a root. */
function below(root: string, { registriesConf, registriesConfDir }: Settings) {
  return {
    registriesConf: registriesConf.map((path) => root + path),
    registriesConfDir: registriesConfDir.map((path) => root + path),
  };
}

function readCrio(files: NodeFiles, checks: Check[]): FoundCrio {
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
        .filter((path) => files.facts(path, "root")?.kind === "file"),
  ) ?? [];
  const [version] = CRIO_VERSION_FILES.flatMap((path) => read(path) ?? []);
  const configs = [CRIO_CONF, ...drops].flatMap((path) => read(path) ?? []);
  return { version, configs, complete: checks.length === before };
}

/** The kubelet's configuration as far as it can be read. */
interface KubeletConfigs {
  /** In the order in which they are merged. */
  readonly configs: readonly TextFile[];
  /** Whether these are all that there are. */
  readonly complete: boolean;
}

/** The kubelet's configuration, then its drop-ins (`--config-dir`: every `.conf` file). */
function readKubeletConfigs(
  { kubeletConfigs }: Examination,
  { sources }: Kubelet,
  files: NodeFiles,
  checks: Check[],
): KubeletConfigs {
  const before = checks.length;
  const name = "feature-gate";
  const flag = "kubelet-config";
  const read = (path: string) => recordFailure(name, checks, () => files.read(path, flag)) ?? [];
  const isDirectory = (path: string) =>
    recordFailure(name, checks, () => files.facts(path, flag))?.kind === "directory";
  const given = Map.groupBy(kubeletConfigs, isDirectory);
  const find = (option: string) => {
    const found = findFlag(sources, option);
    return found === undefined ? undefined : [found.value];
  };
  const main = given.get(false) ?? find("config") ?? KUBELET_CONFIGS;
  const directories = given.get(true) ?? find("config-dir") ?? [];
  const drops = directories.flatMap((path) => {
    const names = recordFailure(name, checks, () => files.list(path, flag)) ?? [];
    return names.filter((name) => name.endsWith(".conf")).map((name) => `${path}/${name}`);
  });
  const configs = [...main, ...drops].flatMap(read);
  return { configs, complete: checks.length === before };
}

/** The kubelet's records of pulled images; none where it keeps none. */
function readPulledRecords(
  { kubeletRoot }: Examination,
  { sources }: Kubelet,
  files: NodeFiles,
  checks: Check[],
): TextFile[] {
  const name = "pulled-images";
  const flag = "kubelet-root-dir";
  const root = kubeletRoot ?? findFlag(sources, "root-dir")?.value ?? KUBELET_ROOT;
  const directory = `${root}/${PULLED_RECORDS}`;
  return (recordFailure(name, checks, () => files.list(directory, flag)) ?? [])
    .filter((file) => /^sha256-[0-9a-f]{64}$/.test(file))
    .flatMap((file) =>
      recordFailure(name, checks, () => files.read(`${directory}/${file}`, flag)) ?? []
    );
}

/** Paths are shown as they are on the node. */
function withoutRoot(check: Check, root: string): Check {
  if (root === "") return check;
  const strip = (text: string) => text.replaceAll(`${root}/`, "/");
  return { ...check, found: strip(check.found), advice: strip(check.advice) };
}

function byName(a: Check, b: Check): number {
  return CHECK_NAMES.indexOf(a.name) - CHECK_NAMES.indexOf(b.name);
}
