/** The types of secrets that hold registry credentials (`k8s.io/api/core/v1`). */

/** Each with the data key that its credentials stand under. */
export const SECRET_DATA_KEYS = {
  "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
  "kubernetes.io/dockercfg": ".dockercfg",
} as const;

/** A type of secret that holds registry credentials. */
export type SecretType = keyof typeof SECRET_DATA_KEYS;
