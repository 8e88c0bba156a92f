/**
 * The provider files of OpenShift's platforms (`templates/common` of the Machine Config Operator):
 * what a generated file must keep, since it takes the place of the whole file.
 */

import type { Platform } from "./choices.ts";
import type { CredentialProvider, CredentialProviderConfig } from "./credential_provider_config.ts";
import { emptyConfig } from "./credential_provider_config.ts";

/** The provider file of a platform. */
export interface PlatformProviders {
  /** Where the kubelet of the platform finds it. */
  readonly path: string;
  /** What OpenShift ships in it. */
  readonly config: CredentialProviderConfig;
}

/** Where the kubelet finds the provider file by the documentation. */
export const PROVIDER_FILE = "/etc/kubernetes/credential-provider-config.yaml";

/** The plugin directory of OpenShift's kubelets. */
export const PLUGIN_DIRECTORY = "/usr/libexec/kubelet-image-credential-provider-plugins";

const DIRECTORY = "/etc/kubernetes/credential-providers";

/** The provider file of each platform. */
export const PLATFORM_PROVIDERS: { readonly [Name in Platform]: PlatformProviders } = {
  aws: providerFile("ecr", {
    matchImages: [
      "*.dkr.ecr.*.amazonaws.com",
      "*.dkr.ecr.*.amazonaws.com.cn",
      "*.dkr.ecr-fips.*.amazonaws.com",
      "*.dkr.ecr.us-iso-east-1.c2s.ic.gov",
      "*.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
    ],
    defaultCacheDuration: "12h",
  }),
  gcp: providerFile("gcr", {
    matchImages: ["gcr.io", "*.gcr.io", "*.pkg.dev", "container.cloud.google.com"],
    defaultCacheDuration: "1m",
    args: ["get-credentials", "--v=3"],
  }),
  azure: providerFile("acr", {
    matchImages: ["*.azurecr.io", "*.azurecr.cn", "*.azurecr.de", "*.azurecr.us"],
    defaultCacheDuration: "10m",
    args: ["/etc/kubernetes/cloud.conf"],
  }),
  none: providerFile("generic"),
};

function providerFile(
  name: string,
  provider?: Pick<CredentialProvider, "matchImages" | "defaultCacheDuration"> & { args?: string[] },
): PlatformProviders {
  const config = emptyConfig();
  if (provider !== undefined) {
    config.providers.push({
      args: [],
      ...provider,
      name: `${name}-credential-provider`,
      apiVersion: "credentialprovider.kubelet.k8s.io/v1",
      env: [],
      tokenAttributes: undefined,
    });
  }
  return { path: `${DIRECTORY}/${name}-credential-provider.yaml`, config };
}
