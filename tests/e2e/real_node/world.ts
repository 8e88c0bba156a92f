/** A cluster of one real node, with a mirror: what the cases play in. */

import assert from "node:assert/strict";
import { ControlPlane, NODE } from "../control_plane.ts";
import type { NodeParts, Parts } from "../parts.ts";
import { mustRun, sleep } from "../process.ts";
import { DistributionRegistry, makeImage } from "../registry.ts";
import { ClosedProxy } from "./closed_proxy.ts";
import { Journald } from "./journald.ts";
import { AUTH_DIR, BIN_DIR, DROP_IN, install, PROVIDER_CONFIG, RealNode } from "./node.ts";

/** What is judged. */
export interface Programs {
  /** The plugin, or another program in its place. */
  readonly plugin: string;
  /** The operator's tool. */
  readonly ctl: string;
}

/** What a case asks of a pod. */
export interface PodOptions {
  readonly image: string;
  /** @default "Always" */
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  readonly imagePullSecrets?: readonly string[];
  /** @default "default" */
  readonly serviceAccountName?: string;
  /** An image that is mounted as a volume. */
  readonly volume?: string;
}

/** A pod, by its names. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** An event of a pod. */
export interface PodEvent {
  readonly reason: string;
  readonly message: string;
}

/** How the containers of a pod are. */
export interface PodState {
  readonly running: boolean;
  /** How often its container was started again. */
  readonly restarts: number;
  readonly waitingFor: string;
  readonly message: string;
}

/** The host of the mirror, as in the documented example. */
export const MIRROR = "localhost:5000";

const API_SERVER_PORT = 6443;

/** A program that sleeps, and ends when it is told to. */
const SLEEPER = `#include <signal.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }
`;

export class RealWorld implements AsyncDisposable {
  readonly directory: string;
  readonly programs: Programs;
  readonly plane: ControlPlane;
  readonly mirror: DistributionRegistry;
  readonly node: RealNode;
  readonly journald: Journald;
  /** Where the mirror's log was once it had the pause image. */
  pausePushed = 0;
  readonly #disposables: AsyncDisposableStack;
  /** What the plugin was installed with. */
  #arguments: readonly string[] = [];

  private constructor(
    members: Pick<
      RealWorld,
      "directory" | "programs" | "plane" | "mirror" | "node" | "journald"
    >,
    disposables: AsyncDisposableStack,
  ) {
    this.directory = members.directory;
    this.programs = members.programs;
    this.plane = members.plane;
    this.mirror = members.mirror;
    this.node = members.node;
    this.journald = members.journald;
    this.#disposables = disposables;
  }

  /**
   * Starts the control plane, the mirror and CRI-O, and writes what a node has before the plugin is
   * installed.
   */
  static async start(
    { parts, nodeParts, programs, directory, cgroup }: {
      readonly parts: Parts;
      readonly nodeParts: NodeParts;
      readonly programs: Programs;
      readonly directory: string;
      readonly cgroup: string;
    },
  ): Promise<RealWorld> {
    await using started = new AsyncDisposableStack();
    const journald = started.use(await Journald.start());
    await Deno.mkdir(`${directory}/control-plane`);
    const plane = started.use(
      await ControlPlane.start(parts, `${directory}/control-plane`, API_SERVER_PORT, {
        host: "localhost",
        distribution: "kubeadm",
      }),
    );
    const passwords = ["myuser", "a", "b", "new", "own", "pause"]
      .map((name): [string, string] => [name, crypto.randomUUID()]);
    const mirror = started.use(
      await DistributionRegistry.start(
        parts,
        `${directory}/mirror`,
        Object.fromEntries(passwords),
        MIRROR,
      ),
    );
    const pauseAuthFile = "/etc/crio/pause-auth.json";
    const proxy = started.use(new ClosedProxy());
    const node = started.use(
      new RealNode(nodeParts, plane, { directory, cgroup, pauseAuthFile, proxy: proxy.url }),
    );
    await node.prepare();
    await node.write(pauseAuthFile, { auths: { [MIRROR]: { auth: mirror.auth("pause") } } });
    const members = { directory, programs, plane, mirror, node, journald };
    const world = new RealWorld(members, started.move());
    try {
      await world.#makeSleeper();
      await world.push("pause");
      world.pausePushed = await mirror.logLength();
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  async #makeSleeper(): Promise<void> {
    const files = `${this.directory}/files`;
    await Deno.mkdir(files);
    await mustRun("cc", ["-static", "-Os", "-s", "-x", "c", "-o", `${files}/sleeper`, "-"], {
      stdin: SLEEPER,
    });
  }

  /**
   * Pushes an image of its own into the mirror as `library/<name>`.
   *
   * @param name with `:<tag>`, or without for `latest`.
   * @param size of its layer, in megabytes beyond the program's. @default nothing
   * @returns its digest.
   */
  async push(name: string, size = 0): Promise<string> {
    const layout = `${this.directory}/images/${crypto.randomUUID()}`;
    let files = `${this.directory}/files`;
    if (size > 0) {
      const large = `${this.directory}/large`;
      await Deno.mkdir(large, { recursive: true });
      await Deno.copyFile(`${files}/sleeper`, `${large}/sleeper`);
      await mustRun("dd", ["if=/dev/urandom", `of=${large}/data`, "bs=1M", `count=${size}`]);
      files = large;
    }
    const digest = await makeImage(layout, { files, command: ["/sleeper"], label: name });
    await this.mirror.push(layout, `library/${name}`);
    await Deno.remove(layout, { recursive: true });
    return digest;
  }

  /** Installs the plugin with the commands of the pages. */
  async install(args: readonly string[] = []): Promise<void> {
    const { programs, plane } = this;
    this.#arguments = args;
    const file = async (name: string, words: readonly string[]) => {
      const path = `${this.directory}/${name}`;
      await Deno.writeTextFile(path, await this.generate(words));
      return path;
    };
    await install("0755", programs.plugin, `${BIN_DIR}/.new`);
    await mustRun("mv", [`${BIN_DIR}/.new`, `${BIN_DIR}/crio-credential-provider`]);
    await install("0755", programs.ctl, "/usr/local/bin/crio-credential-ctl");
    const audience = `--audience=${plane.audience}`;
    const config = await file("credential-provider-config.yaml", [
      "kubelet-config",
      audience,
      "--match-image=docker.io",
      ...args.map((arg) => `--arg=${arg}`),
    ]);
    await install("0644", config, PROVIDER_CONFIG);
    const dropIn = await file("50-crio-credential-provider.conf", [
      "registries-conf",
      `--mirror=docker.io=${MIRROR}`,
      `--insecure=${MIRROR}`,
    ]);
    await install("0644", dropIn, DROP_IN);
    const rbac = await file("rbac.yaml", ["rbac", "--all-nodes", audience]);
    await plane.mustKubectl(["apply", "-f", rbac]);
  }

  /** Installs with these arguments for the plugin, unless it is so already. */
  async withArguments(args: readonly string[]): Promise<void> {
    if (JSON.stringify(args) === JSON.stringify(this.#arguments)) return;
    await this.install(args);
    await this.node.restartKubelet();
  }

  /** What `crio-credential-ctl generate` prints. */
  generate(args: readonly string[], stdin = ""): Promise<string> {
    return mustRun(this.programs.ctl, ["generate", ...args], { stdin });
  }

  /**
   * A namespace with the documented Role (unless without), and a secret for the mirror.
   *
   * @param user of the mirror. @default no secret
   */
  async namespace(name: string, user?: string, { role = true } = {}): Promise<void> {
    await this.plane.createNamespace(name);
    if (role) await this.allow(name);
    if (user !== undefined) await this.secret(name, user);
  }

  /** Applies the documented Role. */
  async allow(namespace: string): Promise<void> {
    const manifests = await this.generate(["rbac", `--namespace=${namespace}`]);
    await this.plane.mustKubectl(["apply", "-f", "-"], manifests);
    await this.plane.untilAllowed(namespace);
  }

  /** Lets the service account `default` name its secrets, by the documented Role and annotation. */
  async nameSecrets(namespace: string, ...names: readonly string[]): Promise<void> {
    const secrets = names.map((name) => `--secret=${name}`);
    const manifests = await this.generate(["rbac", `--namespace=${namespace}`, ...secrets]);
    await this.plane.mustKubectl(["apply", "-f", "-"], manifests);
    const annotation = `crio-credential-provider/secrets=${names.join()}`;
    await this.plane.mustKubectl(
      ["annotate", "serviceaccount", "default", "-n", namespace, "--overwrite", annotation],
    );
  }

  /** Creates or replaces a namespace's secret, as the pages do. */
  async secret(namespace: string, user: string, name = "mirror"): Promise<void> {
    const args = [`--namespace=${namespace}`, `--registry=${MIRROR}`, `--username=${user}`];
    const manifest = await this.generate(
      ["secret", ...args, `--name=${name}`],
      this.mirror.password(user),
    );
    await this.plane.mustKubectl(["apply", "-f", "-"], manifest);
  }

  /** Creates a pod. */
  async createPod(pod: PodName, options: PodOptions): Promise<void> {
    const { namespace, name } = pod;
    await this.plane.request(`/api/v1/namespaces/${namespace}/pods`, {
      method: "POST",
      body: {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { namespace, name },
        spec: podSpec(options),
      },
    });
  }

  /** Creates a pod and waits until it runs. @throws {Error} with its events when it does not. */
  async run(pod: PodName, options: PodOptions, seconds = 60): Promise<void> {
    await this.createPod(pod, options);
    await this.untilRunning(pod, seconds);
  }

  async untilRunning(pod: PodName, seconds = 60): Promise<void> {
    await this.until(pod, ({ running }) => running, seconds);
  }

  /** Creates a pod and waits until its image cannot be had. @returns the events' words for it. */
  async refuse(pod: PodName, options: PodOptions): Promise<string> {
    await this.createPod(pod, options);
    return await this.untilRefused(pod);
  }

  async untilRefused(pod: PodName): Promise<string> {
    const { message } = await this.until(
      pod,
      ({ waitingFor }) => /^(?:ErrImage\w+|ImagePullBackOff)$/.test(waitingFor),
      60,
    );
    const failed = (await this.events(pod)).map(({ message }) => message)
      .filter((message) => message.startsWith("Failed to pull"));
    return [...failed, message].join("\n");
  }

  /** Waits until a pod is as it should be. @throws {Error} with its events when it never is. */
  async until(
    pod: PodName,
    condition: (state: PodState) => boolean,
    seconds: number,
  ): Promise<PodState> {
    let state: PodState = { running: false, restarts: 0, waitingFor: "", message: "" };
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      state = await this.state(pod);
      if (condition(state)) return state;
      await sleep(100);
    }
    const events = await this.events(pod);
    const lines = events.map(({ reason, message }) => `${reason}: ${message}`);
    throw new Error(
      `pod ${pod.namespace}/${pod.name}, ${state.waitingFor}:\n${lines.join("\n")}`,
    );
  }

  async state({ namespace, name }: PodName): Promise<PodState> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    // A static pod is told to the API server by the kubelet, some time after its start.
    const pod: PodObject = await this.plane.request(path).catch(() => ({}));
    const [container] = pod.status?.containerStatuses ?? [];
    const { reason = "", message = "" } = container?.state?.waiting ?? {};
    return {
      running: container?.state?.running !== undefined,
      restarts: container?.restartCount ?? 0,
      waitingFor: reason,
      message,
    };
  }

  /** The process of a pod's container, which needs no API server to be found, by the pod's UID. */
  async containerProcess(uid: string): Promise<number | undefined> {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      // What ends meanwhile is not the one.
      const read = (file: string) => Deno.readTextFile(`/proc/${name}/${file}`).catch(() => "");
      if (await read("comm") === "sleeper\n" && (await read("cgroup")).includes(`/pod${uid}/`)) {
        return Number(name);
      }
    }
    return undefined;
  }

  async uid({ namespace, name }: PodName): Promise<string> {
    const { metadata }: { readonly metadata: { readonly uid: string } } = await this.plane.request(
      `/api/v1/namespaces/${namespace}/pods/${name}`,
    );
    return metadata.uid;
  }

  async events({ namespace, name }: PodName): Promise<PodEvent[]> {
    const selector = encodeURIComponent(`involvedObject.name=${name}`);
    const list: { readonly items: readonly PodEvent[] } = await this.plane.request(
      `/api/v1/namespaces/${namespace}/events?fieldSelector=${selector}`,
    );
    return list.items.map(({ reason, message }) => ({ reason, message }));
  }

  /** Deletes pods at once, and waits until they are gone. */
  async deletePods(...pods: readonly PodName[]): Promise<void> {
    const path = ({ namespace, name }: PodName) => `/api/v1/namespaces/${namespace}/pods/${name}`;
    for (const pod of pods) {
      await this.plane.request(path(pod), { method: "DELETE", body: { gracePeriodSeconds: 1 } });
    }
    for (const pod of pods) {
      while (await this.plane.request(path(pod)).then(() => true, () => false)) await sleep(100);
    }
  }

  /** Waits until RBAC no longer lets a namespace's account list secrets. */
  async untilForbidden(namespace: string): Promise<void> {
    const as = `--as=system:serviceaccount:${namespace}:default`;
    const question = ["auth", "can-i", "list", "secrets", "-n", namespace, as];
    for (let tries = 0; tries < 100; tries++) {
      if ((await this.plane.kubectl(question)).stdout.trim() === "no") return;
      await sleep(100);
    }
    throw new Error(`${namespace} may still list secrets`);
  }

  /** Waits until a program has logged something since a place in its log. @returns the words. */
  async untilLogged(
    name: "crio" | "kubelet",
    since: number,
    pattern: RegExp,
    seconds = 6,
  ): Promise<string> {
    for (let tries = 0; tries < seconds * 50; tries++) {
      const [found] = pattern.exec(await this.node.logSince(name, since)) ?? [];
      if (found !== undefined) return found;
      await sleep(20);
    }
    throw new Error(`${name} did not log ${pattern}`);
  }

  /** Does something, and tells as whom an image was pulled meanwhile. */
  async pulledAs(name: string, action: () => Promise<unknown>): Promise<string[]> {
    const since = await this.mirror.logLength();
    await action();
    return await this.mirror.authorizedUsers(`library/${name}`, since);
  }

  /** What lies in the auth directory, without what CRI-O has taken. */
  async authFiles(): Promise<string[]> {
    return (await list(AUTH_DIR)).filter((name) => name !== "in-use");
  }

  /** What CRI-O has taken and not deleted. */
  inUse(): Promise<string[]> {
    return list(`${AUTH_DIR}/in-use`);
  }

  /** Waits until nothing of a namespace is left in the auth directory. */
  async untilTaken(namespace: string): Promise<void> {
    const left = async () =>
      [...await this.authFiles(), ...await this.inUse()]
        .filter((name) => name.startsWith(`${namespace}-`));
    let names = await left();
    for (let tries = 0; tries < 100 && names.length > 0; tries++) {
      await sleep(100);
      names = await left();
    }
    assert.deepEqual(names, []);
  }

  /** Deletes all pods and what they left in the auth directory: the next case begins with none. */
  async clear(): Promise<void> {
    const list: { readonly items: readonly { readonly metadata: PodName }[] } = await this.plane
      .request("/api/v1/pods");
    await this.deletePods(...list.items.map(({ metadata }) => metadata));
    for (const name of await this.authFiles()) await Deno.remove(`${AUTH_DIR}/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disposables[Symbol.asyncDispose]();
  }
}

interface PodObject {
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly restartCount?: number;
      readonly state?: {
        readonly running?: unknown;
        readonly waiting?: { readonly reason?: string; readonly message?: string };
      };
    }[];
  };
}

/** A pod's specification. */
export function podSpec(
  {
    image,
    imagePullPolicy = "Always",
    imagePullSecrets = [],
    serviceAccountName,
    volume,
  }: PodOptions,
): unknown {
  return {
    nodeName: NODE,
    ...(serviceAccountName !== undefined && { serviceAccountName }),
    dnsPolicy: "Default",
    // Nobody in this cluster makes the ConfigMap that such a volume wants.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    imagePullSecrets: imagePullSecrets.map((name) => ({ name })),
    containers: [{
      name: "main",
      image,
      imagePullPolicy,
      ...(volume !== undefined && { volumeMounts: [{ name: "image", mountPath: "/image" }] }),
    }],
    ...(volume !== undefined &&
      { volumes: [{ name: "image", image: { reference: volume, pullPolicy: "Always" } }] }),
  };
}

async function list(directory: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(directory));
    return entries.map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
