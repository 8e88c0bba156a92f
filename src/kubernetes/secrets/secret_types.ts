/** What of a secret holds registry credentials, or speaks of them (`k8s.io/api/core/v1`). */

/** Each with the data key of its credentials. */
export const SECRET_DATA_KEYS = {
  "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
  "kubernetes.io/dockercfg": ".dockercfg",
} as const;

/** A type of secret that holds registry credentials. */
export type SecretType = keyof typeof SECRET_DATA_KEYS;

/** The annotation of a secret that names further registries for its credentials. */
export const ALSO_FOR_ANNOTATION = "crio-credential-provider/also-for";
