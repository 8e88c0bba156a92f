/** File systems that are too small, or read-only: a tmpfs in a mount namespace of its own. */

import { runPlugin } from "./plugin.ts";

/**
 * A tmpfs that only the processes run in it see; it ends with the process that holds it. Root mounts
 * it, and so may an ordinary user where the kernel lets users have namespaces.
 *
 * @example
 * await using small = await PrivateFileSystem.mount(node.path("etc/crio"), "size=16k");
 * const [command, ...args] = small.command;
 * await runPlugin(command, { args: [...args, cluster.executable], stdin });
 */
export class PrivateFileSystem implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;
  readonly #path: string;

  private constructor(holder: Deno.ChildProcess, path: string) {
    this.#holder = holder;
    this.#path = path;
  }

  /**
   * @param path the directory to mount it on.
   * @param options of tmpfs(5): `size=16k`, `nr_inodes=2`.
   * @throws {Error} when this machine does not allow it.
   */
  static async mount(path: string, options: string): Promise<PrivateFileSystem> {
    const holder = new Deno.Command("unshare", {
      args: [
        ...Deno.uid() === 0 ? [] : ["--map-root-user"],
        "--mount",
        "sh",
        "-c",
        `mount -t tmpfs -o "mode=0755,$1" tmpfs "$2" && echo mounted && exec cat`,
        "sh",
        options,
        path,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = holder.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    if (done) {
      await holder.stdin.close();
      await holder.status;
      throw new Error("no mount namespaces here");
    }
    return new PrivateFileSystem(holder, path);
  }

  /** Whether this machine allows it. */
  static async isPossible(): Promise<boolean> {
    try {
      await using _ = await PrivateFileSystem.mount("/mnt", "size=4k");
      return true;
    } catch {
      return false;
    }
  }

  /** The command that runs another one inside. */
  get command(): readonly [string, ...string[]] {
    const user = Deno.uid() === 0 ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", "--target", String(this.#holder.pid), "--mount", ...user, "--"];
  }

  /** Mounts it anew with other options: `ro`, or more room. */
  async remount(options: string): Promise<void> {
    const [command, ...args] = this.command;
    const { code, stderr } = await runPlugin(command, {
      args: [...args, "mount", "--options-mode", "ignore", "-o", `remount,${options}`, this.#path],
    });
    if (code !== 0) throw new Error(stderr);
  }

  /** Where a path inside is seen from outside. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.stdout.cancel();
    await this.#holder.status;
  }
}
