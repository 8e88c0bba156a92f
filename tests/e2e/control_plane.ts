/** etcd and kube-apiserver, and kubectl to talk to them. */

import { CertificateAuthority, type IssuedCertificate } from "../support/ca.ts";
import type { Parts } from "./parts.ts";
import { type CommandResult, freePort, mustRun, Program, run } from "./process.ts";

/** How the API server is started: as its distribution starts it. */
export type Distribution = "kubeadm" | "OpenShift";

/** The issuer of the tokens, which is their audience too unless `--api-audiences` says otherwise. */
const ISSUERS: Readonly<Record<Distribution, string>> = {
  kubeadm: "https://kubernetes.default.svc.cluster.local",
  OpenShift: "https://kubernetes.default.svc",
};

export const NODE = "node-1";

/** Where a control plane is, and whose it is like. */
export interface ControlPlaneOptions {
  /** The host of its URL. */
  readonly host: "127.0.0.1" | "localhost";
  readonly distribution: Distribution;
}

/** A control plane of the run: RBAC and the node authorizer on, tokens by `TokenRequest`. */
export class ControlPlane implements AsyncDisposable {
  readonly url: string;
  readonly caFile: string;
  readonly ca: CertificateAuthority;
  /** Kubeconfig of the node's identity. */
  readonly nodeKubeconfig: string;
  readonly #directory: string;
  readonly #parts: Parts;
  readonly #etcdPort = freePort();
  readonly #port: number;
  readonly #serviceAccountKey: CryptoKey;
  #distribution: Distribution;
  #client: Deno.HttpClient | undefined;
  #etcd: Program | undefined;
  #apiserver: Program | undefined;

  private constructor(
    parts: Parts,
    directory: string,
    port: number,
    ca: CertificateAuthority,
    serviceAccountKey: CryptoKey,
    { host, distribution }: ControlPlaneOptions,
  ) {
    this.#parts = parts;
    this.#directory = directory;
    this.#port = port;
    this.#serviceAccountKey = serviceAccountKey;
    this.ca = ca;
    this.#distribution = distribution;
    this.url = `https://${host}:${port}`;
    this.caFile = `${directory}/ca.crt`;
    this.nodeKubeconfig = `${directory}/node.kubeconfig`;
  }

  /** The audience of a token that this API server accepts. */
  get audience(): string {
    return ISSUERS[this.#distribution];
  }

  /** @param directory of the run; the CA is put there as `ca.crt`. */
  static async start(
    parts: Parts,
    directory: string,
    port: number,
    options: ControlPlaneOptions,
  ): Promise<ControlPlane> {
    const ca = await CertificateAuthority.create("kubernetes");
    const keys = await crypto.subtle.generateKey(
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["sign", "verify"],
    );
    const plane = new ControlPlane(parts, directory, port, ca, keys.privateKey, options);
    await Deno.writeTextFile(plane.caFile, ca.certificatePem);
    await writeKey(`${directory}/sa.key`, "pkcs8", keys.privateKey);
    await writeKey(`${directory}/sa.pub`, "spki", keys.publicKey);
    const serving = await ca.issue({ hosts: ["127.0.0.1", "localhost"] });
    await Deno.writeTextFile(`${directory}/apiserver.crt`, serving.certPem);
    await Deno.writeTextFile(`${directory}/apiserver.key`, serving.keyPem);
    const admin = await plane.#writeKubeconfig("admin", "kubernetes-admin", "system:masters");
    plane.#client = Deno.createHttpClient({
      caCerts: [ca.certificatePem],
      cert: admin.certPem,
      key: admin.keyPem,
    });
    await plane.#writeKubeconfig("node", `system:node:${NODE}`, "system:nodes");
    try {
      plane.#startEtcd();
      await plane.startApiserver();
    } catch (error) {
      await plane[Symbol.asyncDispose]();
      throw error;
    }
    return plane;
  }

  async #writeKubeconfig(
    name: string,
    commonName: string,
    organization: string,
  ): Promise<IssuedCertificate> {
    const issued = await this.ca.issue({
      hosts: [],
      commonName,
      organization,
      client: true,
    });
    const { certPem, keyPem } = issued;
    const base64 = (text: string) => new TextEncoder().encode(text).toBase64();
    // As kubeadm writes it.
    const cluster = {
      server: this.url,
      "certificate-authority-data": base64(this.ca.certificatePem),
    };
    const user = {
      "client-certificate-data": base64(certPem),
      "client-key-data": base64(keyPem),
    };
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "e2e", cluster }],
      users: [{ name, user }],
      contexts: [{ name: "e2e", context: { cluster: "e2e", user: name } }],
      "current-context": "e2e",
    };
    const path = `${this.#directory}/${name}.kubeconfig`;
    await Deno.writeTextFile(path, JSON.stringify(kubeconfig), { mode: 0o600 });
    return issued;
  }

  #startEtcd(): void {
    const client = `http://127.0.0.1:${this.#etcdPort}`;
    const peer = `http://127.0.0.1:${freePort()}`;
    this.#etcd = new Program("etcd", this.#parts.etcd, {
      log: `${this.#directory}/etcd.log`,
      args: [
        `--data-dir=${this.#directory}/etcd`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
      ],
    });
  }

  /** @param distribution from now on. @default as before */
  async startApiserver(distribution: Distribution = this.#distribution): Promise<void> {
    this.#distribution = distribution;
    const file = (name: string) => `${this.#directory}/${name}`;
    this.#apiserver = new Program("kube-apiserver", this.#parts.kubeApiserver, {
      log: file("apiserver.log"),
      args: [
        `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
        "--bind-address=127.0.0.1",
        `--secure-port=${this.#port}`,
        `--tls-cert-file=${file("apiserver.crt")}`,
        `--tls-private-key-file=${file("apiserver.key")}`,
        `--cert-dir=${file("apiserver-certs")}`,
        `--client-ca-file=${this.caFile}`,
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        `--service-account-issuer=${this.audience}`,
        ...(distribution === "OpenShift" ? [`--api-audiences=${this.audience}`] : []),
        `--service-account-key-file=${file("sa.pub")}`,
        `--service-account-signing-key-file=${file("sa.key")}`,
        "--service-cluster-ip-range=10.0.0.0/24",
      ],
    });
    await this.#apiserver.until(async () =>
      (await this.kubectl(["get", "--raw", "/readyz"])).stdout === "ok"
    );
  }

  async stopApiserver(): Promise<void> {
    await this.#apiserver?.stop();
  }

  /**
   * Asks the API server as the cluster's administrator, which takes less than kubectl does.
   *
   * @returns the object of its answer.
   * @throws {Error} with its answer, when that is a refusal.
   */
  async request(
    path: string,
    { method = "GET", body }: { readonly method?: string; readonly body?: unknown } = {},
  ) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(this.#client !== undefined && { client: this.#client }),
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** Runs kubectl as the cluster's administrator. */
  kubectl(args: readonly string[], stdin?: string): Promise<CommandResult> {
    return run(this.#parts.kubectl, [`--kubeconfig=${this.#directory}/admin.kubeconfig`, ...args], {
      ...(stdin !== undefined && { stdin }),
    });
  }

  /** The same, where it must succeed. */
  mustKubectl(args: readonly string[], stdin?: string): Promise<string> {
    return mustRun(
      this.#parts.kubectl,
      [`--kubeconfig=${this.#directory}/admin.kubeconfig`, ...args],
      { ...(stdin !== undefined && { stdin }) },
    );
  }

  /** Runs a shell command that calls kubectl, as an operator would paste it. */
  paste(command: string): Promise<string> {
    return mustRun("/bin/sh", ["-c", `kubectl() { "$KUBECTL" "$@"; }; ${command}`], {
      env: { KUBECTL: this.#parts.kubectl, KUBECONFIG: `${this.#directory}/admin.kubeconfig` },
    });
  }

  /**
   * Runs a shell script as the cluster's administrator does.
   *
   * @param words the script's arguments.
   * @param programs what is on its path beside kubectl, by name.
   */
  async script(
    text: string,
    words: readonly string[],
    programs: Readonly<Record<string, string>>,
  ): Promise<CommandResult> {
    const directory = await Deno.makeTempDir({ dir: this.#directory });
    try {
      const all = { ...programs, kubectl: this.#parts.kubectl };
      for (const [name, path] of Object.entries(all)) {
        await Deno.symlink(path, `${directory}/${name}`);
      }
      await Deno.writeTextFile(`${directory}/script.sh`, text);
      return await run("/bin/sh", [`${directory}/script.sh`, ...words], {
        env: {
          KUBECONFIG: `${this.#directory}/admin.kubeconfig`,
          PATH: `${directory}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
        },
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }

  /** Creates objects. */
  async create(...objects: readonly unknown[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.mustKubectl(["apply", "-f", "-"], JSON.stringify(list));
  }

  /** A namespace with its service account `default`. */
  async createNamespace(namespace: string): Promise<void> {
    await this.create(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } },
    );
  }

  /** A pod on the node, which nobody runs; its UID goes into tokens. */
  async createPod(namespace: string, name: string, serviceAccount = "default"): Promise<string> {
    await this.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace },
      spec: {
        nodeName: NODE,
        serviceAccountName: serviceAccount,
        containers: [{ name: "main", image: "docker.io/library/nginx" }],
      },
    });
    return await this.mustKubectl([
      "get",
      "pod",
      name,
      "-n",
      namespace,
      "-o",
      "jsonpath={.metadata.uid}",
    ]);
  }

  /** Waits until RBAC lets a service account list its namespace's secrets. */
  async untilAllowed(namespace: string): Promise<void> {
    await this.#apiserver?.until(async () => {
      const as = `--as=system:serviceaccount:${namespace}:default`;
      const { stdout } = await this.kubectl([
        "auth",
        "can-i",
        "list",
        "secrets",
        "-n",
        namespace,
        as,
      ]);
      return stdout.trim() === "yes";
    }, 10);
  }

  /** A token of the service account `default`, issued by `TokenRequest`. */
  async token(namespace: string, serviceAccount = "default"): Promise<string> {
    const args = [
      "create",
      "token",
      serviceAccount,
      "-n",
      namespace,
      `--audience=${this.audience}`,
    ];
    return (await this.mustKubectl(args)).trim();
  }

  /** A token like the API server's own, signed with its key, that expired an hour ago. */
  async expiredToken(namespace: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const valid = await this.token(namespace);
    const encode = (bytes: Uint8Array) =>
      bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    const [header = "", payload = ""] = valid.split(".");
    const claims = JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(payload, { alphabet: "base64url" })),
    );
    const expired = { ...claims, iat: now - 7200, nbf: now - 7200, exp: now - 3600 };
    const signed = `${header}.${encode(new TextEncoder().encode(JSON.stringify(expired)))}`;
    const signature = await crypto.subtle.sign(
      { name: "ECDSA", hash: "SHA-256" },
      this.#serviceAccountKey,
      new TextEncoder().encode(signed),
    );
    return `${signed}.${encode(new Uint8Array(signature))}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    await this.#apiserver?.stop();
    await this.#etcd?.stop();
  }
}

/** Writes a key in PEM. */
async function writeKey(path: string, format: "pkcs8" | "spki", key: CryptoKey): Promise<void> {
  const bytes = new Uint8Array(await crypto.subtle.exportKey(format, key));
  const label = format === "spki" ? "PUBLIC KEY" : "PRIVATE KEY";
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  const pem = [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
  await Deno.writeTextFile(path, pem, { mode: 0o600 });
}
