/** Where `doctor` looks when nothing says where. */

import { PLATFORMS } from "../../manifests/choices.ts";
import {
  PLATFORM_PROVIDERS,
  PLUGIN_DIRECTORY,
  PROVIDER_FILE,
} from "../../manifests/platform_providers.ts";
import { requiredPermissions } from "../../settings/sandbox.ts";
import type { Settings } from "../../settings/settings.ts";
import { PKI_CA_FILE } from "../../kubernetes/kubeadm.ts";
import { CONTAINERD_CONF, CONTAINERD_CONF_DIRECTORY } from "./containerd.ts";
import { API_SERVER_MANIFEST } from "./audience.ts";
import {
  CRIO_CONF,
  CRIO_CONF_DIRECTORY,
  CRIO_VERSION_FILES,
  DEFAULT_AUTH_DIRECTORY,
  LIBRARY_AUTH_FILES,
} from "./crio.ts";
import { FLAG_FILES, UNIT_DIRECTORY } from "./kubelet_flags.ts";
import { KUBELET_ROOT, PULLED_RECORDS } from "./pulled_images.ts";

/** Where the kubelet's `CredentialProviderConfig` is by the documentation and by OpenShift. */
export const PROVIDER_CONFIGS: readonly string[] = [
  PROVIDER_FILE,
  ...PLATFORMS.map((platform) => PLATFORM_PROVIDERS[platform].path),
];

/** Where the plugin is by the documentation and by OpenShift. */
export const PROVIDER_DIRECTORY = PLUGIN_DIRECTORY;

/** The kubelet's configuration: kubeadm's and OpenShift's, whose name is that of kubeadm's kubeconfig. */
export const KUBELET_CONFIGS = [
  "/var/lib/kubelet/config.yaml",
  "/etc/kubernetes/kubelet.conf",
] as const;

/** Drop-ins of the kubelet's configuration by its documentation and by OpenShift. */
const KUBELET_CONFIG_DIRECTORIES = [
  "/etc/kubernetes/kubelet.conf.d",
  "/etc/openshift/kubelet.conf.d",
] as const;

/** What kubeadm writes on each node that it sets up. */
export const KUBEADM_FLAGS = FLAG_FILES[0];

/**
 * Registries files of root, as which CRI-O runs (`newConfigWrapperWithHomeDir` of the image library's
 * `pkg/sysregistriesv2`).
 */
export const ROOTS_REGISTRIES_CONF = "/root/.config/containers/registries.conf";
export const ROOTS_REGISTRIES_DROP_INS = "/root/.config/containers/registries.conf.d";

/** What `doctor` may read with these settings when its command line names nothing else. */
export function placesToRead(settings: Settings): string[] {
  const own = requiredPermissions(settings).filter(({ kind }) => kind === "read");
  return [
    ...new Set([
      ...own.map(({ target }) => target),
      // A plugin that is built with an address does not read it; that it is there shows the platform.
      settings.apiserverEnvFile,
      ...PROVIDER_CONFIGS,
      PROVIDER_DIRECTORY,
      ...FLAG_FILES,
      UNIT_DIRECTORY,
      ...KUBELET_CONFIGS,
      ...KUBELET_CONFIG_DIRECTORIES,
      `${KUBELET_ROOT}/${PULLED_RECORDS}`,
      DEFAULT_AUTH_DIRECTORY,
      CRIO_CONF,
      CRIO_CONF_DIRECTORY,
      CONTAINERD_CONF,
      CONTAINERD_CONF_DIRECTORY,
      ...settings.containerdHostsDir,
      ...CRIO_VERSION_FILES,
      ...LIBRARY_AUTH_FILES,
      API_SERVER_MANIFEST,
      PKI_CA_FILE,
      ROOTS_REGISTRIES_CONF,
      ROOTS_REGISTRIES_DROP_INS,
    ]),
  ];
}
