/** The kubelet's provider configuration, and the plugin that it names. */

import { UserError } from "../../errors.ts";
import { PKI_CA_FILE } from "../../kubernetes/kubeadm.ts";
import {
  type CredentialProvider,
  PROVIDER_NAME,
} from "../../manifests/credential_provider_config.ts";
import type { Settings } from "../../settings/settings.ts";
import { API_SERVER_MANIFEST, checkAudience } from "./audience.ts";
import { type BuiltPlugin, readBuiltPlugin } from "./built_plugin.ts";
import { type Check, type CheckName, fail, recordFailure, skip } from "./check.ts";
import type { Examination } from "./examination.ts";
import type { Kubelet, KubeletConfigs } from "./examine_kubelet.ts";
import { readClusterDomain } from "./feature_gate.ts";
import { findFlag, type FoundFlag } from "./kubelet_flags.ts";
import { ExaminedNode, type TextFile } from "./examined_node.ts";
import { KUBEADM_FLAGS, PROVIDER_CONFIGS, PROVIDER_DIRECTORY } from "./places.ts";
import { checkProviderConfig, isProviderFile } from "./provider_config.ts";
import { checkProviderDirectory } from "./provider_directory.ts";

/** What is found out about our provider. */
interface ProviderFindings {
  readonly provider: CredentialProvider | undefined;
  /** Whether our provider, or that there is none, is known. */
  readonly isKnown: boolean;
  readonly binDir: string | undefined;
}

/** Finds and checks the kubelet's configuration and the directory of executables. */
export function checkProvider(
  { root, config, binDir }: Examination,
  { sources, running, complete }: Kubelet,
  files: ExaminedNode,
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
      // deno-coverage-ignore -- no test has flags that cannot be read
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
function readProviderFiles(path: string, files: ExaminedNode): TextFile[] | undefined {
  const flag = "config";
  if (files.facts(path, flag)?.kind !== "directory") {
    const file = files.read(path, flag);
    return file === undefined ? undefined : [file];
  }
  // deno-coverage-ignore -- a race with another process
  return (files.list(path, flag) ?? []).filter(isProviderFile)
    .map((name) => `${path}/${name}`)
    .filter((path) => files.facts(path, flag)?.kind !== "directory")
    // deno-coverage-ignore -- a race with another process
    .flatMap((path) => files.read(path, flag) ?? []);
}

interface InstalledPlugin {
  readonly path: string;
  readonly built: BuiltPlugin;
}

/**
 * The plugin that the tool was pointed at, else the one that the kubelet starts, and what is built into
 * it; `undefined` where that is not known.
 *
 * @param binDir the kubelet's directory of plugins; `undefined` where it is not known.
 * @param checks gets a failure where the file cannot be read.
 */
export function readPlugin(
  { plugin }: Examination,
  binDir: string | undefined,
  files: ExaminedNode,
  checks: Check[],
): InstalledPlugin | undefined {
  const installed = binDir === undefined ? undefined : `${binDir}/${PROVIDER_NAME}`;
  const path = plugin ?? installed;
  if (path === undefined) return undefined;
  return recordFailure("sandbox", checks, () => {
    const bytes = plugin === undefined
      ? files.readBytes(path, "bin-dir")
      : new ExaminedNode("").readBytes(path, "plugin");
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

/** What is said of checks about our provider where the file that may hold it could not be read. */
export function withoutProvider(): Check[] {
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
export function examineAudience(
  provider: CredentialProvider,
  settings: Settings,
  roles: TextFile | undefined,
  kubelet: KubeletConfigs,
  files: ExaminedNode,
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
    // deno-coverage-ignore -- no test has files that cannot be read here
    platform: failed || (platform === "kubeadm" && !isDomainKnown) ? undefined : platform,
    clusterDomain,
    roles,
  }));
  return checks;
}
