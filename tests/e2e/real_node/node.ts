/** A node as its distribution sets it up: CRI-O and the kubelet, with the files they read. */

import { dirname } from "node:path";
import { NodeFiles } from "../../support/node_files.ts";
import type { ControlPlane } from "../control_plane.ts";
import { NODE } from "../control_plane.ts";
import type { NodeParts } from "../parts.ts";
import { mustRun, Program } from "../process.ts";
import { NODE_ADDRESS } from "./namespaces.ts";

/** Where the pages put the plugin, and what the kubelet is told of it. */
export const BIN_DIR = "/usr/libexec/kubelet-image-credential-provider-plugins";
export const PROVIDER_CONFIG = "/etc/kubernetes/credential-provider-config.yaml";
export const AUTH_DIR = "/etc/crio/auth";
export const DROP_IN = "/etc/containers/registries.conf.d/50-crio-credential-provider.conf";

const CRIO_SOCKET = "/run/crio/crio.sock";
const STATIC_PODS = "/etc/kubernetes/manifests";

/** What the node is started with. */
export interface NodeOptions {
  /** For what is large, and for the logs. */
  readonly directory: string;
  /** The control group below which those of the pods are. */
  readonly cgroup: string;
  /** CRI-O's auth file for the pause image. */
  readonly pauseAuthFile: string;
  /** The HTTP proxy that stands between CRI-O and what is not mirrored. */
  readonly proxy: string;
}

/** How the kubelet pulls. */
export interface PullSettings {
  /** One image after the other, which is the kubelet's default. */
  readonly serializeImagePulls: boolean;
  readonly maxParallelImagePulls?: number;
}

/** In namespaces of its own, so that this process's `/` is the node's. */
export class RealNode extends NodeFiles {
  readonly #parts: NodeParts;
  readonly #plane: ControlPlane;
  readonly #options: NodeOptions;
  #crio: Program | undefined;
  #kubelet: Program | undefined;

  constructor(parts: NodeParts, plane: ControlPlane, options: NodeOptions) {
    super("");
    this.#parts = parts;
    this.#plane = plane;
    this.#options = options;
  }

  /** Writes what a distribution brings and kubeadm makes: nothing of it is the plugin's. */
  async prepare(): Promise<void> {
    const { directory, pauseAuthFile } = this.#options;
    await this.write(
      "/etc/containers/registries.conf",
      `unqualified-search-registries = ["docker.io"]\n`,
    );
    await this.write("/etc/containers/policy.json", {
      default: [{ type: "insecureAcceptAnything" }],
    });
    await Deno.mkdir(dirname(DROP_IN), { recursive: true });
    await this.write("/etc/cni/net.d/10-bridge.conflist", {
      cniVersion: "0.4.0",
      name: "e2e",
      plugins: [{
        type: "bridge",
        bridge: "cni-e2e",
        isGateway: true,
        ipMasq: false,
        ipam: { type: "host-local", ranges: [[{ subnet: "10.98.0.0/16" }]], dataDir: "/run/cni" },
      }],
    });
    await this.write("/etc/crio/crio.conf", crioConfig(this.#parts, directory, pauseAuthFile));
    await this.write(
      "/var/lib/kubelet/config.yaml",
      this.#kubeletConfig({ serializeImagePulls: true }),
    );
    await this.write(
      "/etc/kubernetes/kubelet.conf",
      await Deno.readTextFile(this.#plane.nodeKubeconfig),
    );
    await this.write("/etc/kubernetes/pki/ca.crt", await Deno.readTextFile(this.#plane.caFile));
    await this.write(
      "/etc/default/kubelet",
      `KUBELET_EXTRA_ARGS=--image-credential-provider-bin-dir=${BIN_DIR} ` +
        `--image-credential-provider-config=${PROVIDER_CONFIG}\n`,
    );
    await Deno.mkdir(STATIC_PODS, { recursive: true });
  }

  #kubeletConfig(pulls: PullSettings): unknown {
    return {
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      authentication: {
        anonymous: { enabled: false },
        x509: { clientCAFile: "/etc/kubernetes/pki/ca.crt" },
      },
      authorization: { mode: "AlwaysAllow" },
      cgroupDriver: "cgroupfs",
      cgroupRoot: `/${this.#options.cgroup}`,
      cgroupsPerQOS: true,
      containerRuntimeEndpoint: `unix://${CRIO_SOCKET}`,
      enableServer: false,
      enforceNodeAllocatable: ["pods"],
      evictionHard: {
        "memory.available": "1Mi",
        "nodefs.available": "1Mi",
        "imagefs.available": "1Mi",
      },
      failCgroupV1: false,
      failSwapOn: false,
      imageGCHighThresholdPercent: 100,
      localStorageCapacityIsolation: false,
      makeIPTablesUtilChains: false,
      oomScoreAdj: 0,
      staticPodPath: STATIC_PODS,
      ...pulls,
    };
  }

  async startCrio(): Promise<void> {
    await Deno.remove(CRIO_SOCKET).catch(() => {});
    this.#crio = new Program("CRI-O", this.#parts.crio, {
      args: [],
      log: this.#log("crio"),
      env: { HTTPS_PROXY: this.#options.proxy, NO_PROXY: "127.0.0.1,localhost" },
    });
    await this.#crio.until(async () => {
      using connection = await Deno.connect({ transport: "unix", path: CRIO_SOCKET });
      return connection !== undefined;
    });
  }

  /** As systemd does when the service is stopped, or as the kernel does. */
  async stopCrio(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.#crio?.end(signal);
  }

  /** Starts the kubelet, with the arguments that kubeadm's unit gives it. */
  async startKubelet(pulls: PullSettings = { serializeImagePulls: true }): Promise<void> {
    await this.write("/var/lib/kubelet/config.yaml", this.#kubeletConfig(pulls));
    const extra = /^KUBELET_EXTRA_ARGS=(.*)$/m.exec(
      await Deno.readTextFile("/etc/default/kubelet"),
    );
    this.#kubelet = new Program("kubelet", this.#parts.kubelet, {
      args: [
        "--kubeconfig=/etc/kubernetes/kubelet.conf",
        "--config=/var/lib/kubelet/config.yaml",
        `--hostname-override=${NODE}`,
        `--node-ip=${NODE_ADDRESS}`,
        "--v=2",
        ...(extra?.[1] ?? "").split(" "),
      ],
      log: this.#log("kubelet"),
    });
    const since = Date.now();
    await this.#kubelet.until(() => this.#isReady(since));
  }

  /** Whether the kubelet has reported the node as ready since a moment. */
  async #isReady(since: number): Promise<boolean> {
    const node: NodeObject = await this.#plane.request(`/api/v1/nodes/${NODE}`);
    return (node.status?.conditions ?? []).some(({ type, status, lastHeartbeatTime }) =>
      // Times are in whole seconds.
      type === "Ready" && status === "True" && Date.parse(lastHeartbeatTime) + 1000 > since
    );
  }

  async stopKubelet(): Promise<void> {
    await this.#kubelet?.end("SIGTERM");
  }

  async restartKubelet(pulls?: PullSettings): Promise<void> {
    await this.stopKubelet();
    await this.startKubelet(pulls);
  }

  #log(name: string): string {
    return `${this.#options.directory}/${name}.log`;
  }

  /** How much of a log there is: a place to read on from. */
  async logLength(name: "crio" | "kubelet"): Promise<number> {
    return (await Deno.stat(this.#log(name))).size;
  }

  /** What a program logged since a place. */
  async logSince(name: "crio" | "kubelet", since: number): Promise<string> {
    const bytes = await Deno.readFile(this.#log(name));
    return new TextDecoder().decode(bytes.subarray(since));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#kubelet?.stop();
    await this.#crio?.stop();
  }
}

interface NodeObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastHeartbeatTime: string;
    }[];
  };
}

/** The pause image, which is pulled through the mirror like any other. */
const PAUSE_IMAGE = "docker.io/library/pause:latest";

function crioConfig(parts: NodeParts, directory: string, pauseAuthFile: string): string {
  return `[crio]
root = "${directory}/storage"
runroot = "/run/crio-storage"
storage_driver = "overlay"
log_dir = "/var/log/crio/pods"
version_file = "/run/crio/version"
version_file_persist = "/var/lib/crio/version"
clean_shutdown_file = "/var/lib/crio/clean.shutdown"
internal_wipe = false

[crio.api]
listen = "${CRIO_SOCKET}"

[crio.runtime]
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
default_runtime = "runc"
selinux = false
apparmor_profile = "unconfined"
pinns_path = "${parts.pinns}"
enable_criu_support = false
hooks_dir = []

[crio.runtime.runtimes.runc]
runtime_path = "${parts.runc}"
monitor_path = "${parts.conmon}"
monitor_cgroup = "pod"

[crio.image]
pause_image = "${PAUSE_IMAGE}"
pause_image_auth_file = "${pauseAuthFile}"
namespaced_auth_dir = "${AUTH_DIR}"

[crio.network]
network_dir = "/etc/cni/net.d"
plugin_dirs = ["${parts.cni}"]

[crio.nri]
enable_nri = false

[crio.metrics]
enable_metrics = false
`;
}

/** `install -D` as the pages have it. */
export async function install(mode: string, from: string, to: string): Promise<void> {
  await mustRun("install", ["-D", "-m", mode, from, to]);
}
