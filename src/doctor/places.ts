/** Where `doctor` looks when nothing says where. */

import { PLATFORMS } from "../manifests/choices.ts";
import { PLATFORM_PROVIDERS, PLUGIN_DIRECTORY } from "../manifests/platform_providers.ts";
import { requiredPermissions } from "../sandbox.ts";
import type { Settings } from "../settings.ts";
import {
  CRIO_CONF,
  CRIO_CONF_DIRECTORY,
  CRIO_VERSION_FILES,
  DEFAULT_AUTH_DIRECTORY,
} from "./crio.ts";
import { FLAG_FILES, UNIT_DIRECTORY } from "./kubelet_flags.ts";

/** Where the kubelet's `CredentialProviderConfig` is by the documentation and by OpenShift. */
export const PROVIDER_CONFIGS: readonly string[] = [
  "/etc/kubernetes/credential-provider-config.yaml",
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

/** What `doctor` may read with these settings when its command line names nothing else. */
export function placesToRead(settings: Settings): string[] {
  const own = requiredPermissions(settings).filter(({ kind }) => kind === "read");
  return [
    ...new Set([
      ...own.map(({ target }) => target),
      ...PROVIDER_CONFIGS,
      PROVIDER_DIRECTORY,
      ...FLAG_FILES,
      UNIT_DIRECTORY,
      ...KUBELET_CONFIGS,
      ...KUBELET_CONFIG_DIRECTORIES,
      DEFAULT_AUTH_DIRECTORY,
      CRIO_CONF,
      CRIO_CONF_DIRECTORY,
      ...CRIO_VERSION_FILES,
    ]),
  ];
}
