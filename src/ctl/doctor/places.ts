/** Where `doctor` looks when nothing says where. */

import { PLATFORMS } from "../../manifests/choices.ts";
import {
  PLATFORM_PROVIDERS,
  PLUGIN_DIRECTORY,
  PROVIDER_FILE,
} from "../../manifests/platform_providers.ts";
import { FLAG_FILES } from "./kubelet_flags.ts";

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

/** What kubeadm writes on each node that it sets up. */
export const KUBEADM_FLAGS = FLAG_FILES[0];

/**
 * The registries file of root, as which CRI-O runs (`newConfigWrapperWithHomeDir` of the image library's
 * `pkg/sysregistriesv2`).
 */
export const ROOTS_REGISTRIES_CONF = "/root/.config/containers/registries.conf";
/** The directory of root's drop-ins, by the same rule. */
export const ROOTS_REGISTRIES_DROP_INS = "/root/.config/containers/registries.conf.d";
