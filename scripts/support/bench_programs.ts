/** What a benchmark runs: the plugin as nodes have it, the floor programs beside it, a node for both. */

import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import type { TempNode } from "../../tests/support/temp_node.ts";
import { buildScript } from "../build.ts";
import { compile } from "../compile.ts";
import type { BenchServer } from "./bench_server.ts";
import type { Command } from "./measure.ts";

/** The image whose registry has a mirror. */
const IMAGE = "docker.io/library/nginx";
const MIRROR = "localhost:5000";

/** One that has none. */
const OTHER_IMAGE = "quay.io/team/app";

/** Of the secret that the benchmark's API server has in its namespace `one`. */
const SECRET = "secret-0";

/** A program of a benchmark, by the name of its row. */
export type Programs = Map<string, Command>;

/**
 * Builds the programs, and lays out what they read.
 *
 * Floor programs are compiled as the plugin is: the same runtime, no code cache, the engine's flags and
 * the sandbox of a node's plugin.
 *
 * @param go path of a build of the Go program for the same node. @default none
 */
export async function preparePrograms(
  node: TempNode,
  server: BenchServer,
  go?: string,
): Promise<Programs> {
  const { settings } = node;
  const { hostname, host, port } = new URL(server.url);
  await node.writeRegistriesConf(
    `unqualified-search-registries = ["docker.io"]\n\n[[registry]]\nlocation = "docker.io"\n\n` +
      `[[registry.mirror]]\nlocation = "${MIRROR}"\n`,
  );
  await node.writeCa(server.caPem);
  await node.writeApiserverEnv(hostname, Number(port));
  await node.write(node.path("etc/kubernetes/kubelet.conf"), kubeconfigOf(server));
  await Deno.mkdir(settings.authDir, { recursive: true, mode: 0o700 });

  const none = requestFor(OTHER_IMAGE, server, "one");
  const pull = (namespace: string) => requestFor(IMAGE, server, namespace);
  const compiled = (name: string, own: Partial<Settings>, program?: string) =>
    compile({
      settings: { ...settings, ...own },
      out: node.path(`bin/${name}`),
      ...(program !== undefined && { program }),
    });
  const programs: Programs = new Map();
  const add = (row: string, executable: string, stdin: string, args: readonly string[] = []) =>
    programs.set(row, { executable, stdin, args });

  add("empty program", await compiled("empty", {}, ""), none);
  add("handshake", await compiled("handshake", {}, handshakeProgram(server)), none);
  const get = await compiled("get", {}, getProgram(server));
  for (const namespace of ["one", "many", "most"]) add(`GET ${namespace}`, get, none, [namespace]);

  const ours = await compiled("ours", {});
  add("no mirror", ours, none);
  add("one", ours, pull("one"));
  add("one, named", ours, requestFor(IMAGE, server, "one", SECRET));
  const hosts = { apiserver: "", apiserverHosts: [host] };
  add("one, env file", await compiled("env-file", hosts), pull("one"));
  // The address and the CA are both the kubeconfig's, as on a worker that kubeadm joined.
  const discovered = {
    ...hosts,
    caFile: "",
    apiserverEnvFile: node.path("none/apiserver-url.env"),
  };
  add("one, kubeconfig", await compiled("kubeconfig", discovered), pull("one"));
  const containerd = await compiled("containerd", await containerdSettings(node));
  add("no mirror, containerd", containerd, none);
  add("one, containerd", containerd, pull("one"));
  add("many", ours, pull("many"));
  add("most", ours, pull("most"));

  const script = async (name: string, program?: string) => {
    const path = await buildScript({
      settings,
      deno: Deno.execPath(),
      out: node.path(`script/${name}`),
      ...(program !== undefined && { program }),
    });
    // A cache of its own, as on a node: each run of the runtime goes through what others have put
    // into a common one and it has not merged yet.
    const cache = `DENO_DIR=${node.path(`cache/${name}`)}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace("/usr/bin/env -i", `$& ${cache}`));
    return path;
  };
  add("script: empty", await script("empty", ""), none);
  const scriptForm = await script("ours");
  add("script: no mirror", scriptForm, none);
  for (const namespace of ["one", "many", "most"]) {
    add(`script: ${namespace}`, scriptForm, pull(namespace));
  }
  if (go !== undefined) {
    add("Go: no mirror", go, none);
    for (const namespace of ["one", "many", "most"]) add(`Go: ${namespace}`, go, pull(namespace));
  }
  return programs;
}

/** Settings for a node with containerd, and the mirror as it is configured there. */
async function containerdSettings(node: TempNode): Promise<Partial<Settings>> {
  const directory = node.path("etc/containerd/certs.d");
  await node.write(
    `${directory}/docker.io/hosts.toml`,
    `server = "https://registry-1.docker.io"\n\n[host."https://${MIRROR}"]\n`,
  );
  return { runtime: "containerd", containerdHostsDir: [directory] };
}

function requestFor(
  image: string,
  { tokens }: BenchServer,
  namespace: string,
  secret?: string,
): string {
  return JSON.stringify({
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    kind: "CredentialProviderRequest",
    image,
    serviceAccountToken: tokens[namespace] ?? "",
    ...(secret !== undefined &&
      { serviceAccountAnnotations: { [DEFAULT_SETTINGS.secretsAnnotation]: secret } }),
  });
}

/** A kubeconfig as kubeadm writes it. */
function kubeconfigOf({ url, caPem }: BenchServer): string {
  const user = "system:node:worker-0";
  const client = "/var/lib/kubelet/pki/kubelet-client-current.pem";
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${new TextEncoder().encode(caPem).toBase64()}
    server: ${url}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: ${user}
  name: ${user}@kubernetes
current-context: ${user}@kubernetes
kind: Config
preferences: {}
users:
- name: ${user}
  user:
    client-certificate: ${client}
    client-key: ${client}
`;
}

/** The bare request: a client, `fetch`, `json`. Its argument is the namespace. */
function getProgram({ url, caPem, tokens }: BenchServer): string {
  const query = new URLSearchParams({ fieldSelector: "type=kubernetes.io/dockerconfigjson" });
  return [
    `const client = Deno.createHttpClient({ caCerts: [${JSON.stringify(caPem)}] });`,
    `const [namespace] = Deno.args;`,
    `const url = ${JSON.stringify(`${url}/api/v1/namespaces/`)} + namespace + "/secrets?${query}";`,
    `const token = ${JSON.stringify(tokens)}[namespace];`,
    `const response = await fetch(url, { client, headers: { Authorization: "Bearer " + token } });`,
    `await response.json();`,
  ].join("\n");
}

/** A TLS handshake and nothing else, which ends as the plugin does. */
function handshakeProgram({ url, caPem }: BenchServer): string {
  const { hostname, port } = new URL(url);
  const options = { hostname, caCerts: [caPem], alpnProtocols: ["http/1.1"] };
  return [
    `const tcp = await Deno.connect(${JSON.stringify({ hostname, port: Number(port) })});`,
    `const tls = await Deno.startTls(tcp, ${JSON.stringify(options)});`,
    `await tls.handshake();`,
    `Deno.exit(0);`,
  ].join("\n");
}
