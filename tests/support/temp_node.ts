/** A node's files under a temporary directory, and the settings that point at them. */

import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import type { CertificateAuthority } from "./ca.ts";
import { NodeFiles } from "./node_files.ts";

export interface TempNodeOptions {
  /** An API server to go to: its URL is set, and its CA stands in the CA file. */
  apiServer?: { readonly url: string; readonly ca: CertificateAuthority };
  /** Settings put over those of the directory. */
  settings?: Partial<Settings>;
  /** The directory that stands for `/`; it is removed in the end. @default a temporary one */
  root?: string;
}

/**
 * Lays a node out: directories for the registries configuration, an `authDir` that is not there
 * yet, no global auth file, no kubeconfig.
 *
 * @example
 * await using node = await tempNode({ apiServer: api });
 * await node.writeRegistriesConf(`[[registry]] ...`);
 * await buildScript({ settings: node.settings, out: node.path("out") });
 */
export async function tempNode(options: TempNodeOptions = {}): Promise<TempNode> {
  const directory = options.root ?? await Deno.makeTempDir({ prefix: "crio-credential-provider-" });
  await Deno.mkdir(directory, { recursive: true });
  // The sandbox goes by real paths, and the place for temporary files may be a link.
  const node = new TempNode(await Deno.realPath(directory), options);
  for (const path of node.settings.registriesConfDir) await Deno.mkdir(path, { recursive: true });
  if (options.apiServer !== undefined && node.settings.caFile !== "") {
    await node.writeCa(options.apiServer.ca.certificatePem);
  }
  return node;
}

export class TempNode extends NodeFiles {
  readonly settings: Settings;

  constructor(root: string, { apiServer, settings }: TempNodeOptions) {
    super(root);
    this.settings = {
      ...DEFAULT_SETTINGS,
      registriesConf: [this.path("etc/containers/registries.conf")],
      registriesConfDir: [this.path("etc/containers/registries.conf.d")],
      authDir: this.path("etc/crio/auth"),
      kubeletAuthFile: this.path("var/lib/kubelet/config.json"),
      // Without meaning on a node with CRI-O, so that nobody sets it there.
      ...(settings?.runtime === "containerd" && {
        containerdHostsDir: [this.path("etc/containerd/certs.d"), this.path("etc/docker/certs.d")],
      }),
      apiserverEnvFile: this.path("etc/kubernetes/apiserver-url.env"),
      kubeconfig: [this.path("etc/kubernetes/kubelet.conf")],
      caFile: this.path("etc/kubernetes/pki/ca.crt"),
      apiserver: apiServer?.url ?? "",
      journaldSocket: "",
      // Most tests look at the files themselves, so nobody takes them.
      waitForTaken: 0,
      ...settings,
    };
  }

  /** Writes the main registries file. */
  async writeRegistriesConf(toml: string): Promise<void> {
    await this.write(first(this.settings.registriesConf), toml);
  }

  /** Writes `name` into the first drop-in directory. */
  async writeDropIn(name: string, toml: string): Promise<void> {
    await this.write(`${first(this.settings.registriesConfDir)}/${name}`, toml);
  }

  /** Writes containerd's `hosts.toml` of a registry into the first hosts directory. */
  async writeHostsToml(registry: string, toml: string): Promise<void> {
    await this.write(`${first(this.settings.containerdHostsDir)}/${registry}/hosts.toml`, toml);
  }

  /** Writes the node's global auth file: a value, or text. */
  async writeGlobalAuthFile(content: unknown): Promise<void> {
    await this.write(this.settings.kubeletAuthFile, content);
  }

  /** Writes the CA file. */
  async writeCa(pem: string): Promise<void> {
    await this.write(this.settings.caFile, pem);
  }

  /** Writes OpenShift's file with the API server's address. */
  async writeApiserverEnv(host: string, port: number): Promise<void> {
    const text = `KUBERNETES_SERVICE_HOST='${host}'\nKUBERNETES_SERVICE_PORT='${port}'\n`;
    await this.write(this.settings.apiserverEnvFile, text);
  }

  /**
   * Writes the kubelet's kubeconfig, which needs `caFile: ""` in the settings for its CA to count.
   *
   * @param caPem put in as `certificate-authority-data`.
   */
  async writeKubeconfig(
    { server, caPem, caFile, tlsServerName }: {
      server: string;
      caPem?: string;
      caFile?: string;
      tlsServerName?: string;
    },
  ): Promise<void> {
    const cluster = {
      server,
      "certificate-authority": caFile,
      "certificate-authority-data": caPem && new TextEncoder().encode(caPem).toBase64(),
      "tls-server-name": tlsServerName,
    };
    const name = "default";
    const user = "system:node:node-1";
    // JSON is YAML.
    await this.write(first(this.settings.kubeconfig), {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name, cluster }],
      contexts: [{ name, context: { cluster: name, user } }],
      "current-context": name,
      users: [{ name: user, user: {} }],
    });
  }

  /** What CRI-O and everyone else sees in the auth directory, sorted; temporary files included. */
  async authDirEntries(): Promise<string[]> {
    try {
      const entries = await Array.fromAsync(Deno.readDir(this.settings.authDir));
      return entries.map(({ name }) => name).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}

function first(paths: readonly string[]): string {
  const [path] = paths;
  if (path === undefined) throw new TypeError("the settings name no such file");
  return path;
}
