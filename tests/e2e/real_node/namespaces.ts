/**
 * Namespaces of their own for a real node: of the network, of mounts and of processes. Whatever is
 * started, mounted and changed there is gone with them, also when the run is killed.
 */

import { mustRun } from "../process.ts";

/** The arguments of unshare(1) that make the namespaces. */
const UNSHARE = [
  ...["--net", "--mount", "--propagation", "private"],
  // Whoever is the first process takes all others with it.
  ...["--pid", "--fork", "--kill-child", "--mount-proc"],
];

/** The shell stays the first process, which has to collect those that nobody else waits for. */
const SHELL = ["/bin/sh", "-c", `"$@"; exit $?`, "sh"];

/** Where the control groups are. */
const CGROUPS = "/sys/fs/cgroup";

/** Why there can be no real node here; `undefined` where there can. */
export async function whyNoNode(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "a real node needs root";
  const words = (error: unknown) => error instanceof Error ? error.message : String(error);
  try {
    await mustRun("unshare", [...UNSHARE, "/bin/true"]);
  } catch (error) {
    return `a real node needs namespaces of its own: ${words(error).trim()}`;
  }
  try {
    const probe = await Cgroups.make(`crio-credential-provider-probe-${Deno.pid}`);
    await probe[Symbol.asyncDispose]();
  } catch (error) {
    return `a real node needs control groups: ${words(error)}`;
  }
  return undefined;
}

/** A control group of the run in every hierarchy, below which the kubelet puts its own. */
export class Cgroups implements AsyncDisposable {
  readonly name: string;
  readonly #paths: readonly string[];
  readonly #controllers: readonly Controllers[];

  private constructor(
    name: string,
    paths: readonly string[],
    controllers: readonly Controllers[],
  ) {
    this.name = name;
    this.#paths = paths;
    this.#controllers = controllers;
  }

  /** Also enables the controllers that a kubelet needs, until the groups are disposed of. */
  static async make(name: string): Promise<Cgroups> {
    const { first, second } = await hierarchies();
    const roots = [...first, ...second];
    if (roots.length === 0) throw new Error(`no hierarchy is mounted below ${CGROUPS}`);
    await using undo = new AsyncDisposableStack();
    // Where there are hierarchies of version 1, the controllers are in those.
    const controllers: Controllers[] = [];
    for (const root of first.length > 0 ? [] : second) {
      controllers.push(undo.use(await Controllers.enable(root)));
    }
    const cgroups = undo.use(
      new Cgroups(name, roots.map((root) => `${root}/${name}`), controllers),
    );
    for (const path of cgroups.#paths) await Deno.mkdir(path, { recursive: true });
    undo.move();
    return cgroups;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#paths) {
      // What was stopped may take a moment to leave its group.
      for (let tries = 0; tries < 50 && !await removeGroups(path); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    for (const controllers of this.#controllers) await controllers[Symbol.asyncDispose]();
  }
}

/** What a kubelet wants to limit in the groups of its pods, as version 2 names it. */
const CONTROLLERS = ["cpu", "cpuset", "io", "memory", "pids"];

/** The controllers that groups below a root of version 2 have only for the run. */
export class Controllers implements AsyncDisposable {
  readonly #file: string;
  #added: readonly string[] = [];

  private constructor(root: string) {
    this.#file = `${root}/cgroup.subtree_control`;
  }

  /**
   * Enables those that are missing. With nothing missing, nothing is written.
   *
   * @param wanted @default those that a kubelet needs
   * @throws {Error} when the machine does not have one of them.
   */
  static async enable(root: string, wanted: readonly string[] = CONTROLLERS): Promise<Controllers> {
    const controllers = new Controllers(root);
    const enabled = (await Deno.readTextFile(controllers.#file)).split(/\s+/);
    const missing = wanted.filter((name) => !enabled.includes(name));
    // One write is done whole or not at all: cgroup-v2.rst of the kernel, "Enabling and Disabling".
    if (missing.length > 0) await controllers.#write(missing.map((name) => `+${name}`).join(" "));
    controllers.#added = missing;
    return controllers;
  }

  async #write(line: string): Promise<void> {
    await Deno.writeTextFile(this.#file, `${line}\n`, { append: true, create: false });
  }

  /** Disables those again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const added = this.#added;
    this.#added = [];
    for (const name of added) {
      try {
        await this.#write(`-${name}`);
      } catch (error) {
        // Others have come to use it meanwhile, so that it is theirs.
        if (!(error instanceof Error && "code" in error && error.code === "EBUSY")) throw error;
      }
    }
  }
}

/** The mounted hierarchies, of both versions where the machine has both. */
async function hierarchies(): Promise<{ first: string[]; second: string[] }> {
  const mounts = (await Deno.readTextFile("/proc/mounts")).split("\n").map((line) =>
    line.split(" ")
  );
  const ofType = (wanted: string) =>
    mounts.filter(([, path = "", type]) => type === wanted && path.startsWith(CGROUPS))
      .map(([, path = ""]) => path);
  return { first: ofType("cgroup"), second: ofType("cgroup2") };
}

/** Removes a group with those below it. @returns whether it is gone. */
async function removeGroups(path: string): Promise<boolean> {
  try {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory) await removeGroups(`${path}/${name}`);
    }
    await mustRun("rmdir", [path]);
    return true;
  } catch {
    return !await Deno.stat(path).then(() => true, () => false);
  }
}

/**
 * Starts a program in new namespaces. Its standard input ends when this process does, however that
 * comes about: {@link endWithParent} has it end then, too.
 */
export function enterNamespaces(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  return new Deno.Command("unshare", {
    args: [...UNSHARE, ...SHELL, ...command],
    env: { ...env },
    stdin: "piped",
  }).spawn();
}

/** Ends this process, and all others in its namespaces with it, when the one outside has ended. */
export async function endWithParent(): Promise<void> {
  await new Response(Deno.stdin.readable).text();
  Deno.exit(1);
}

/** The kernel's settings that a kubelet changes for the whole machine, as it wants to find them. */
const KERNEL_SETTINGS: Readonly<Record<string, string>> = {
  "/proc/sys/vm/overcommit_memory": "1",
  "/proc/sys/kernel/panic": "10",
  "/proc/sys/kernel/panic_on_oops": "1",
};

/** Directories of the machine that can be written to as on a node; nothing of it gets out. */
const OVERLAID = ["/etc", "/var/lib", "/usr/libexec", "/usr/local/bin"];

/** Directories that begin empty. */
const EMPTY = ["/run", "/var/log", "/var/lib/kubelet", "/etc/containers"];

/** The address of the node; no packet to or from it leaves the namespace. */
export const NODE_ADDRESS = "10.99.0.1";

/**
 * Makes of fresh namespaces a place for a node: with an address, and with directories of its own.
 *
 * @param directory of the run.
 */
export async function settleIn(directory: string): Promise<void> {
  await mustRun("ip", ["link", "set", "lo", "up"]);
  await mustRun("ip", ["link", "add", "node0", "type", "veth", "peer", "name", "node1"]);
  await mustRun("ip", ["address", "add", `${NODE_ADDRESS}/24`, "dev", "node0"]);
  for (const link of ["node0", "node1"]) await mustRun("ip", ["link", "set", link, "up"]);
  // The kubelet looks for the address of the way out.
  await mustRun("ip", ["route", "add", "default", "dev", "node0"]);

  const layers = `${directory}/layers`;
  await Deno.mkdir(layers);
  await mustRun("mount", ["-t", "tmpfs", "tmpfs", layers]);
  for (const [index, path] of OVERLAID.entries()) {
    if (!await Deno.stat(path).then(() => true, () => false)) continue;
    const layer = `${layers}/${index}`;
    for (const part of ["upper", "work"]) await Deno.mkdir(`${layer}/${part}`, { recursive: true });
    const options = `lowerdir=${path},upperdir=${layer}/upper,workdir=${layer}/work`;
    await mustRun("mount", ["-t", "overlay", "overlay", "-o", options, path]);
  }
  for (const path of EMPTY) {
    await Deno.mkdir(path, { recursive: true });
    await mustRun("mount", ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", path]);
  }
  await mustRun("mount", ["--make-rshared", "/var/lib/kubelet"]);

  const bind = async (path: string, name: string, content: string) => {
    await Deno.writeTextFile(`${layers}/${name}`, content);
    await mustRun("mount", ["--bind", `${layers}/${name}`, path]);
  };
  for (const [path, value] of Object.entries(KERNEL_SETTINGS)) {
    await bind(path, path.replaceAll("/", "-"), `${value}\n`);
  }
  await bind(
    "/proc/cgroups",
    "cgroups",
    mountedControllers(await Deno.readTextFile("/proc/cgroups")),
  );
}

/**
 * A controller without hierarchy is not to be used: its last column, "enabled", becomes 0. Where there
 * is but version 2, no controller has one of its own.
 */
function mountedControllers(text: string): string {
  if (!/^\w+\t[1-9]/m.test(text)) return text;
  return text.replaceAll(/^(\w+\t0\t\d+)\t1$/gm, "$1\t0");
}
