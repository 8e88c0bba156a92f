/** A node of the run: the kubelet's provider code, the plugin, and CRI-O's half of a pull. */

import { authFileName } from "../support/crio_consumer.ts";
import { TextLineStream } from "./text_lines.ts";
import { type ControlPlane, NODE } from "./control_plane.ts";
import type { Parts } from "./parts.ts";
import { type CommandResult, run } from "./process.ts";

/** What the kubelet is asked for. */
export interface PodPull {
  readonly namespace: string;
  readonly pod: string;
  readonly podUID: string;
  /** Empty for a static pod. */
  readonly serviceAccount: string;
  readonly image: string;
}

/** The kubelet's credential provider code, as a process that lives through several pulls. */
export class Kubelet implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<string, (log: string) => void>();
  readonly #ended: Promise<void>;

  constructor(parts: Parts, plane: ControlPlane, config: string, binDir: string) {
    this.#child = new Deno.Command(parts.kubeletCode, {
      args: [`-config=${config}`, `-bin-dir=${binDir}`, `-kubeconfig=${plane.nodeKubeconfig}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#ended = this.#read();
  }

  async #read(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
      TextLineStream(),
    );
    for await (const line of lines) {
      const { id, log } = JSON.parse(line);
      this.#waiting.get(id)?.(log);
      this.#waiting.delete(id);
    }
    // Whoever still waits is answered by its end.
    for (const answer of this.#waiting.values()) answer("the kubelet's provider code ended");
  }

  /** Asks for the credentials of a pull. Resolves to what the kubelet logged meanwhile. */
  async provide(pull: PodPull): Promise<string> {
    const id = crypto.randomUUID();
    const answer = new Promise<string>((resolve) => this.#waiting.set(id, resolve));
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify({ id, ...pull })}\n`));
    return await answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#ended;
    await this.#child.status;
  }
}

/** How CRI-O's pull of an image went. */
export interface PullResult extends CommandResult {
  /** Whether there was an auth file for it. */
  readonly authFile: boolean;
}

/** CRI-O's half: takes the auth file as CRI-O does, and lets its image library use it. */
export class Crio {
  readonly #skopeo: string;
  readonly #directory: string;
  readonly #authDir: string;
  readonly #registriesConf: string;

  constructor(parts: Parts, directory: string, authDir: string, registriesConf: string) {
    this.#skopeo = parts.skopeo;
    this.#directory = directory;
    this.#authDir = authDir;
    this.#registriesConf = registriesConf;
  }

  /** The library's drop-in directory, which lies below the home directory it is given. */
  static dropInDirectory(directory: string): string {
    return `${directory}/home/.config/containers/registries.conf.d`;
  }

  /** Takes the file away under a unique name; `undefined` if there is none. */
  async take(namespace: string, image: string): Promise<string | undefined> {
    const name = await authFileName(namespace, image);
    const inUse = `${this.#authDir}/in-use`;
    await Deno.mkdir(inUse, { recursive: true, mode: 0o700 });
    const taken = `${inUse}/${name.replace(/\.json$/, "")}-${crypto.randomUUID()}.json`;
    try {
      await Deno.rename(`${this.#authDir}/${name}`, taken);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    return taken;
  }

  /** Takes the file away and throws it away, if there is one. */
  async discard(namespace: string, image: string): Promise<void> {
    const taken = await this.take(namespace, image);
    if (taken !== undefined) await Deno.remove(taken);
  }

  /** Pulls an image's manifest and configuration through the mirrors; the auth file is gone after. */
  async pull(namespace: string, image: string): Promise<PullResult> {
    const taken = await this.take(namespace, image);
    const none = `${this.#directory}/no-auth.json`;
    await Deno.writeTextFile(none, "{}");
    try {
      const result = await this.#run([
        "inspect",
        "--no-tags",
        `--authfile=${taken ?? none}`,
        `docker://${image}:latest`,
      ]);
      return { ...result, authFile: taken !== undefined };
    } finally {
      if (taken !== undefined) await Deno.remove(taken);
    }
  }

  /** The user that the library finds for a registry in an auth file. */
  async login(authFile: string, registry: string): Promise<string> {
    const { stdout } = await this.#run([
      "login",
      "--get-login",
      `--authfile=${authFile}`,
      registry,
    ]);
    return stdout.trim();
  }

  #run([command = "", ...args]: readonly string[]): Promise<CommandResult> {
    return run(this.#skopeo, [`--registries-conf=${this.#registriesConf}`, command, ...args], {
      // What is not mirrored would leave this machine: a proxy that is not there keeps it in.
      env: { HOME: `${this.#directory}/home`, HTTPS_PROXY: "http://127.0.0.1:9" },
    });
  }
}

/** The node object that pods are bound to. */
export const NODE_OBJECT = { apiVersion: "v1", kind: "Node", metadata: { name: NODE } };
