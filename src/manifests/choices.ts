/** What manifests can be made for: lists without imports, so that a command line can show them. */

/** The platforms of OpenShift that have a provider of their own, and `none`. */
export const PLATFORMS = ["aws", "gcp", "azure", "none"] as const;

/** A platform of OpenShift; `none` means those without a provider of their own. */
export type Platform = typeof PLATFORMS[number];

/** Versions of Ignition's specification that OpenShift 4.21 and later understand, newest last. */
export const IGNITION_VERSIONS = ["3.4", "3.5"] as const;
/** One of them. */
export type IgnitionVersion = typeof IGNITION_VERSIONS[number];

/** The versions of `CRIOCredentialProviderConfig`, oldest first: 4.22 has the first alone. */
export const CRIO_CONFIG_VERSIONS = ["v1alpha1", "v1"] as const;
/** One of them. */
export type CrioConfigVersion = typeof CRIO_CONFIG_VERSIONS[number];
