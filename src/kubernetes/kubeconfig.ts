/** The parts of a kubeconfig (`k8s.io/client-go/tools/clientcmd/api/v1`) that find an API server. */

import { UserError } from "../errors.ts";
import {
  type Members,
  membersOf,
  optionalObject,
  optionalObjects,
  optionalText,
  requiredText,
  yamlError,
} from "../text/parse.ts";

/** The cluster of the current context. Members that the file does not set are empty. */
export interface KubeconfigCluster {
  readonly server: string;
  /** Path of a CA bundle as written: absolute, or relative to the kubeconfig's directory. */
  readonly certificateAuthority: string;
  /** Base64 of a CA bundle; it counts before the path. */
  readonly certificateAuthorityData: string;
  /** The name the server's certificate must have, when it is not the host of `server`. */
  readonly tlsServerName: string;
}

/**
 * Reads the current context's cluster; `undefined` when the file is the kubelet's own configuration,
 * which OpenShift keeps under the name of kubeadm's kubeconfig.
 *
 * @throws {UserError} when the text is no kubeconfig, or its current context leads to no cluster.
 */
export async function parseKubeconfig(
  text: string,
  path: string,
): Promise<KubeconfigCluster | undefined> {
  const config = membersOf(await parseDocument(text, path), path);
  if (config.all["kind"] === "KubeletConfiguration") return undefined;
  const contextName = requiredText(config, "current-context");
  const contexts = readNamed(config, "contexts", "context", (context) => ({
    cluster: optionalText(context, "cluster") ?? "",
  }));
  const clusters = readNamed(config, "clusters", "cluster", (cluster) => ({
    server: optionalText(cluster, "server") ?? "",
    certificateAuthority: optionalText(cluster, "certificate-authority") ?? "",
    certificateAuthorityData: optionalText(cluster, "certificate-authority-data") ?? "",
    tlsServerName: optionalText(cluster, "tls-server-name") ?? "",
  }));
  const context = contexts.find(({ name }) => name === contextName)?.value;
  if (context === undefined) {
    throw new UserError(
      "kubeconfig-incomplete",
      path,
      `"current-context" names no context: ${JSON.stringify(contextName)}`,
    );
  }
  const cluster = clusters.find(({ name }) => name === context.cluster)?.value;
  if (cluster === undefined) {
    throw new UserError(
      "kubeconfig-incomplete",
      path,
      `the context names no cluster: ${JSON.stringify(context.cluster)}`,
    );
  }
  return cluster;
}

/** A list whose entries have a name and, under a key, a value, which may be missing. */
function readNamed<Value>(
  config: Members,
  list: string,
  key: string,
  read: (value: Members) => Value,
): { readonly name: string; readonly value: Value | undefined }[] {
  return optionalObjects(config, list).map((entry) => {
    const value = optionalObject(entry, key);
    return { name: requiredText(entry, "name"), value: value && read(value) };
  });
}

async function parseDocument(text: string, path: string): Promise<unknown> {
  const { parseYaml } = await import("../text/yaml.ts");
  const parsed = parseYaml(text, "kubeconfig");
  if ("fault" in parsed) throw yamlError(path, parsed.fault);
  const [document] = parsed.documents;
  if (parsed.documents.length > 1) {
    throw new UserError("content-invalid", path, "has more than one YAML document");
  }
  if (parsed.documents.length === 0) {
    throw new UserError("content-invalid", path, "is empty, expected a kubeconfig");
  }
  return document;
}
