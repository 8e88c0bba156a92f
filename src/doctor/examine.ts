/** Is this node ready? The story of an examination: the node's files in, findings out. */

import { readGlobalAuthFile } from "../auth/auth_file.ts";
import { staleAge } from "../auth/stale_files.ts";
import { UserError } from "../errors.ts";
import { type ApiServer, findApiServer } from "../kubernetes/api_server.ts";
import { PROVIDER_NAME } from "../manifests/credential_provider_config.ts";
import { readRegistriesFiles } from "../registries/config.ts";
import { applyFlags, type Settings } from "../settings.ts";
import { askVersion, checkApiServer } from "./api_server.ts";
import { checkAuthDirectory } from "./auth_directory.ts";
import { type BuiltPlugin, readBuiltPlugin } from "./built_plugin.ts";
import { attempt, type Check, CHECK_NAMES, explainFailure } from "./check.ts";
import { checkCrio, CRIO_CONF, CRIO_CONF_DIRECTORY, CRIO_VERSION_FILES } from "./crio.ts";
import { checkFeatureGate } from "./feature_gate.ts";
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
import { checkMatchImages } from "./match_images.ts";
import { NodeFiles, type TextFile } from "./node_files.ts";
import { KUBELET_CONFIGS, PROVIDER_CONFIGS, PROVIDER_DIRECTORY } from "./places.ts";
import { checkProviderArguments } from "./provider_arguments.ts";
import { checkProviderConfig, checkSecretsAnnotation, isProviderFile } from "./provider_config.ts";
import { checkProviderDirectory } from "./provider_directory.ts";
import { checkProviderEnvironment } from "./provider_environment.ts";
import { checkPulledImages, KUBELET_ROOT, PULLED_RECORDS } from "./pulled_images.ts";
import { checkMirrors, checkRegistries, pullHosts } from "./registries.ts";
import { checkSandbox } from "./sandbox.ts";

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
  /** The command line of the running kubelet, words ended by NULs; empty: not known. */
  readonly commandLine: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Examines a node. Nothing is changed, and nobody but the API server is spoken to. */
export async function examineNode(examination: Examination): Promise<Check[]> {
  const { root, given, now } = examination;
  const files = new NodeFiles(root);
  const copied = root !== "";
  const checks: Check[] = [];

  const kubelet = readKubeletFlags(examination, files, checks);
  const { provider, binDir } = checkProvider(examination, kubelet, files, checks);
  const plugin = readPlugin(examination, binDir, files, checks);
  const base = plugin?.built.settings ?? examination.settings;
  const args = checkProviderArguments(provider?.args ?? [], base);
  const settings = applyFlags(args.settings, given);
  checks.push(...args.checks);
  if (provider !== undefined) {
    checks.push(
      ...checkProviderEnvironment(provider.env, plugin?.built.form),
      ...checkSecretsAnnotation(provider, settings.secretsAnnotation),
    );
  }

  const texts = attempt("registries", checks, () => readRegistriesFiles(below(root, settings)));
  const registries = texts && checkRegistries(texts);
  if (registries !== undefined) {
    const { configuration } = registries;
    checks.push(...registries.checks, ...checkMirrors(configuration));
    if (provider !== undefined) {
      checks.push(...checkMatchImages(provider.matchImages, configuration.registries));
    }
  }

  const { authDir, kubeletAuthFile, journaldSocket } = settings;
  attempt("auth-directory", checks, () => {
    const flag = "auth-dir";
    const directory = {
      path: authDir,
      facts: files.facts(authDir, flag),
      files: files.listFacts(authDir, flag),
      inUse: files.listFacts(`${authDir}/in-use`, flag),
      copied,
    };
    checks.push(...checkAuthDirectory(directory, { now, staleAfter: staleAge(settings) }));
  });
  const global = attempt("global-auth-file", checks, () => {
    const file = readGlobalAuthFile(files.at(kubeletAuthFile));
    const facts = files.facts(kubeletAuthFile, "kubelet-auth-file");
    const hosts = pullHosts(registries?.configuration.registries ?? []);
    checks.push(...checkGlobalAuthFile({ path: kubeletAuthFile, file, facts }, hosts));
    return file;
  });

  const server = await findServer(settings, root, checks);
  const api = server === undefined
    ? undefined
    : checkApiServer(server, await askVersion(server, settings.timeout), copied);
  checks.push(...api?.checks ?? []);
  if (plugin !== undefined) {
    const local = server && { ...server, caOrigin: server.caOrigin.slice(root.length) };
    checks.push(...checkSandbox(plugin.path, plugin.built, settings, copied ? local : server));
  }
  attempt("journald", checks, () => {
    const facts = journaldSocket === ""
      ? undefined
      : files.facts(journaldSocket, "journald-socket");
    // Sockets are not copied.
    if (!copied || facts !== undefined) checks.push(...checkJournald(journaldSocket, facts));
  });
  checks.push(...checkCrio(readCrio(files, checks), settings));
  const gates = {
    configs: readKubeletConfigs(examination, kubelet, files, checks),
    flag: findFlag(kubelet.sources, "feature-gates"),
    version: api?.version,
  };
  checks.push(...checkFeatureGate(gates));
  checks.push(...checkPulledImages({
    ...gates,
    mode: settings.pulledImages,
    records: readPulledRecords(examination, kubelet, files, checks),
    global,
    registries: registries?.configuration,
  }));
  return checks.map((check) => withoutRoot(check, root)).sort(byName);
}

/** The kubelet's flags as far as they can be found. */
interface Kubelet {
  readonly sources: readonly FlagSource[];
  /** Whether they are those of a running kubelet. */
  readonly running: boolean;
}

const COMMAND_LINE = "the kubelet's command line";

function readKubeletFlags(
  { commandLine }: Examination,
  files: NodeFiles,
  checks: Check[],
): Kubelet {
  if (commandLine !== "") {
    const words = splitWords(commandLine);
    return { sources: [{ origin: COMMAND_LINE, words }], running: true };
  }
  const drops = attempt("provider-config", checks, () => files.list(UNIT_DIRECTORY, "config")) ??
    [];
  const paths = [
    ...FLAG_FILES,
    ...drops.filter((name) => name.endsWith(".conf")).map((name) => `${UNIT_DIRECTORY}/${name}`),
  ];
  const sources = paths.flatMap((path) => {
    const file = attempt("provider-config", checks, () => files.read(path, "config"));
    return file === undefined ? [] : [{ origin: path, words: splitWords(file.text) }];
  });
  return { sources: sources.reverse(), running: false };
}

/** Finds and checks the kubelet's configuration and the directory of executables. */
function checkProvider(
  { root, config, binDir }: Examination,
  { sources, running }: Kubelet,
  files: NodeFiles,
  checks: Check[],
) {
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
    const path = usual.find((path) => attempt(name, checks, () => files.facts(path, option)));
    return path === undefined ? undefined : { value: path, origin: "the usual place" };
  };
  const configFlag = "image-credential-provider-config";
  const directoryFlag = "image-credential-provider-bin-dir";
  const foundConfig = find(config, "config", configFlag, PROVIDER_CONFIGS);
  const foundDirectory = find(binDir, "bin-dir", directoryFlag, [PROVIDER_DIRECTORY]);
  const findings = attempt("provider-config", checks, () => {
    if (foundConfig === undefined) throw unfound(configFlag, running, "config");
    return checkProviderConfig({
      path: foundConfig.value,
      origin: foundConfig.origin,
      files: readProviderFiles(foundConfig.value, files),
    });
  });
  checks.push(...findings?.checks ?? []);
  const names = (findings?.providers ?? []).map(({ name }) => name);
  attempt("provider-directory", checks, () => {
    if (foundDirectory === undefined) throw unfound(directoryFlag, running, "bin-dir");
    const { value: path, origin } = foundDirectory;
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
    }));
  });
  return { provider: findings?.provider, binDir: foundDirectory?.value };
}

function unfound(flag: string, running: boolean, option: string): UserError {
  return running
    ? new UserError(`--${flag}`, `is not among the flags of the running kubelet`, "add it")
    : new UserError(
      `--${flag}`,
      "was found in no file that makes the kubelet's flags, and nothing is in the usual places",
      `install the plugin, or say where it is with --${option}`,
    );
}

/** The file, or those of a directory in the order of their names' bytes. */
function readProviderFiles(path: string, files: NodeFiles): TextFile[] {
  const flag = "config";
  if (files.facts(path, flag)?.kind !== "directory") {
    const file = files.read(path, flag);
    if (file !== undefined) return [file];
    throw new UserError(
      path,
      "does not exist; the kubelet does not start without it",
      "install it",
    );
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
  return attempt("sandbox", checks, () => {
    const bytes = plugin === undefined
      ? files.readBytes(path, "bin-dir")
      : new NodeFiles("").readBytes(path, "plugin");
    if (bytes === undefined) {
      // That nothing is installed is told by the check of the directory.
      if (plugin === undefined) return undefined;
      throw new UserError(path, "does not exist");
    }
    const built = readBuiltPlugin(bytes);
    if (built !== undefined) return { path, built };
    throw new UserError(
      path,
      "is no build of this project: what it may touch is not known",
      "install what deno task build or deno task compile makes",
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

function readCrio(files: NodeFiles, checks: Check[]) {
  const read = (path: string) => attempt("crio-config", checks, () => files.read(path, "root"));
  const drops = attempt(
    "crio-config",
    checks,
    () =>
      (files.list(CRIO_CONF_DIRECTORY, "root") ?? []).map((name) =>
        `${CRIO_CONF_DIRECTORY}/${name}`
      )
        .filter((path) => files.facts(path, "root")?.kind === "file"),
  ) ?? [];
  const [version] = CRIO_VERSION_FILES.flatMap((path) => read(path) ?? []);
  return { version, configs: [CRIO_CONF, ...drops].flatMap((path) => read(path) ?? []) };
}

/** The kubelet's configuration, then its drop-ins (`--config-dir`: every `.conf` file). */
function readKubeletConfigs(
  { kubeletConfigs }: Examination,
  { sources }: Kubelet,
  files: NodeFiles,
  checks: Check[],
): TextFile[] {
  const name = "feature-gate";
  const flag = "kubelet-config";
  const read = (path: string) => attempt(name, checks, () => files.read(path, flag)) ?? [];
  const isDirectory = (path: string) =>
    attempt(name, checks, () => files.facts(path, flag))?.kind === "directory";
  const given = Map.groupBy(kubeletConfigs, isDirectory);
  const find = (option: string) => {
    const found = findFlag(sources, option);
    return found === undefined ? undefined : [found.value];
  };
  const main = given.get(false) ?? find("config") ?? KUBELET_CONFIGS;
  const directories = given.get(true) ?? find("config-dir") ?? [];
  const drops = directories.flatMap((path) => {
    const names = attempt(name, checks, () => files.list(path, flag)) ?? [];
    return names.filter((name) => name.endsWith(".conf")).map((name) => `${path}/${name}`);
  });
  return [...main, ...drops].flatMap(read);
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
  return (attempt(name, checks, () => files.list(directory, flag)) ?? [])
    .filter((file) => /^sha256-[0-9a-f]{64}$/.test(file))
    .flatMap((file) => attempt(name, checks, () => files.read(`${directory}/${file}`, flag)) ?? []);
}

/** Paths are told as they are on the node. */
function withoutRoot(check: Check, root: string): Check {
  if (root === "") return check;
  const strip = (text: string) => text.replaceAll(`${root}/`, "/");
  return { ...check, found: strip(check.found), advice: strip(check.advice) };
}

function byName(a: Check, b: Check): number {
  return CHECK_NAMES.indexOf(a.name) - CHECK_NAMES.indexOf(b.name);
}
