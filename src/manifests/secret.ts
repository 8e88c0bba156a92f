/** A registry secret, as `kubectl create secret docker-registry` makes it. */

import { ALSO_FOR_ANNOTATION } from "../kubernetes/secrets/secret_types.ts";
import type { Manifest } from "./yaml.ts";

/** Whose secret it is, and what is in it. */
export interface RegistrySecret {
  readonly namespace: string;
  readonly name: string;
  /** Key of the entry: a host with port and path if needed. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Further registries that the credential opens, for the annotation. */
  readonly alsoFor: readonly string[];
}

/** Makes the manifest, which carries the password. */
export function createRegistrySecret(secret: RegistrySecret): Manifest {
  const { namespace, name, registry, username, password, alsoFor } = secret;
  const auth = toBase64(`${username}:${password}`);
  const config = { auths: { [registry]: { username, password, auth } } };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace,
      ...(alsoFor.length > 0 && { annotations: { [ALSO_FOR_ANNOTATION]: alsoFor.join(", ") } }),
    },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": toBase64(JSON.stringify(config)) },
  };
}

function toBase64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
