/** The parts of a kubeconfig (`k8s.io/client-go/tools/clientcmd/api/v1`) that find an API server. */

import { CORE_SCHEMA, loadAll, mergeTag, YAMLException } from "js-yaml";
import * as v from "valibot";
import { UserError } from "../errors.ts";
import { check, object } from "../schema.ts";

const Text = v.nullish(v.string(), "");

const Context = object({ name: v.string(), context: v.nullish(object({ cluster: Text })) });

const Cluster = object({
  name: v.string(),
  cluster: v.nullish(object({
    server: Text,
    "certificate-authority": Text,
    "certificate-authority-data": Text,
    "tls-server-name": Text,
  })),
});

const Kubeconfig = object({
  "current-context": v.string(),
  contexts: v.nullish(v.array(Context), []),
  clusters: v.nullish(v.array(Cluster), []),
});

/** The cluster of the current context. Members that the file does not set are empty. */
export interface KubeconfigCluster {
  readonly server: string;
  /** Path of a CA bundle as written: absolute, or relative to the kubeconfig's directory. */
  readonly certificateAuthority: string;
  /** Base64 of a CA bundle; it counts before the path. */
  readonly certificateAuthorityData: string;
  /** The name the server's certificate must bear, when it is not the host of `server`. */
  readonly tlsServerName: string;
}

/** OpenShift keeps the kubelet's own configuration under the name of kubeadm's kubeconfig. */
const KubeletConfiguration = v.object({ kind: v.literal("KubeletConfiguration") });

/**
 * Reads the current context's cluster; `undefined` when the file is the kubelet's own configuration.
 *
 * @throws {UserError} when the text is no kubeconfig, or its current context leads to no cluster.
 */
export function parseKubeconfig(text: string, path: string): KubeconfigCluster | undefined {
  const document = parseYaml(text, path);
  if (v.is(KubeletConfiguration, document)) return undefined;
  const config = check(Kubeconfig, document, path);
  const contextName = config["current-context"];
  const context = config.contexts.find((entry) => entry.name === contextName)?.context;
  if (!context) {
    throw new UserError(path, `"current-context" names no context: ${JSON.stringify(contextName)}`);
  }
  const cluster = config.clusters.find((entry) => entry.name === context.cluster)?.cluster;
  if (!cluster) {
    throw new UserError(path, `the context names no cluster: ${JSON.stringify(context.cluster)}`);
  }
  return {
    server: cluster.server,
    certificateAuthority: cluster["certificate-authority"],
    certificateAuthorityData: cluster["certificate-authority-data"],
    tlsServerName: cluster["tls-server-name"],
  };
}

/** With merge keys (`<<`), which client-go follows too. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);

function parseYaml(text: string, path: string): unknown {
  let documents: unknown[];
  try {
    documents = loadAll(text, { schema: SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // The library's message quotes the file, which may hold a client key.
    const place = error.mark === undefined
      ? path
      : `${path}:${error.mark.line + 1}:${error.mark.column + 1}`;
    throw new UserError(place, "not valid YAML");
  }
  if (documents.length > 1) throw new UserError(path, "holds more than one YAML document");
  if (documents.length === 0) throw new UserError(path, "is empty, expected a kubeconfig");
  return documents[0];
}
