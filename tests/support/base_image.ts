/**
 * An image to build others on, with buildah, without a registry: a shell and `rpm` of this machine, and
 * scripts that play the two commands of an OpenShift node's image that a build calls.
 */

import { PROJECT } from "../../scripts/support/project.ts";

/** What a command ended with. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `rpm-ostree install FILE`, without its look for what the package depends on. */
const RPM_OSTREE = `#!/bin/sh -e
[ "$1" = install ] && shift
exec rpm --nodeps --nosignature --upgrade "$@"
`;

/** `ostree container commit`, which tidies up a layer. */
const OSTREE = `#!/bin/sh
[ "$*" = "container commit" ]
`;

/** A storage for images of its own, so that nothing of this machine's is touched. */
export class Buildah implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws {Error} when buildah is not there, or cannot work here. */
  static async start(): Promise<Buildah> {
    const buildah = new Buildah(await Deno.makeTempDir());
    try {
      await buildah.must("info");
      return buildah;
    } catch (error) {
      await buildah[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a command of buildah. */
  async run(...args: readonly string[]): Promise<Output> {
    const storage = [
      ...["--root", `${this.#directory}/storage`, "--runroot", `${this.#directory}/run`],
      ...["--storage-driver", "vfs"],
    ];
    const output = await new Deno.Command("buildah", {
      args: [...storage, ...args],
      // A fixed place for what it keeps beside its storage.
      env: { TMPDIR: this.#directory },
    }).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  }

  /** Runs a command of buildah that must succeed. */
  async must(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code === 0) return stdout.trim();
    throw new Error(`buildah ${args.join(" ")}\n${stdout}${stderr}`);
  }

  /**
   * Makes the base image.
   *
   * @returns its name.
   */
  async makeBase(): Promise<string> {
    const root = `${this.#directory}/base`;
    const programs = ["sh", "rm", "uname", "stat", "ls", "rpm", "rpmdb"];
    const files = await Promise.all(programs.map(pathOf));
    // Deno links to what its runtime part links to.
    const libraries = (await Promise.all([...files, Deno.execPath()].map(librariesOf))).flat();
    await Deno.mkdir(`${root}/usr/bin`, { recursive: true });
    await Deno.symlink("usr/bin", `${root}/bin`);
    for (const path of new Set([...files, ...libraries])) await copyInto(root, path);
    for (const directory of ["etc/rpm", "tmp", "usr/lib", "var/lib/rpm"]) {
      await Deno.mkdir(`${root}/${directory}`, { recursive: true });
    }
    await command("cp", ["-r", "/usr/lib/rpm", `${root}/usr/lib/rpm`]);
    await Deno.writeTextFile(`${root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
    await Deno.writeTextFile(`${root}/etc/group`, "root:x:0:\n");
    // Debian's rpm keeps its database in the home directory otherwise.
    await Deno.writeTextFile(`${root}/etc/rpm/macros`, "%_dbpath /var/lib/rpm\n");
    for (const [name, text] of [["rpm-ostree", RPM_OSTREE], ["ostree", OSTREE]] as const) {
      await Deno.writeTextFile(`${root}/usr/bin/${name}`, text, { mode: 0o755 });
    }
    const container = await this.must("from", "scratch");
    await this.must("copy", "--quiet", container, root, "/");
    await this.must("run", "--isolation", "chroot", container, "rpm", "--initdb");
    await this.must("commit", "--quiet", "--rm", container, "localhost/node-base");
    return "localhost/node-base";
  }

  /**
   * Builds an image.
   *
   * @param context directory of the files beside the Containerfile.
   * @param options further arguments of `buildah build`.
   */
  build(context: string, ...options: readonly string[]): Promise<Output> {
    return this.run("build", "--isolation", "chroot", ...options, context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("rm", "--all");
    await this.run("rmi", "--all", "--force");
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** Where the Containerfile of the pages is. */
export const CONTAINERFILE = `${PROJECT}/docs/operate/Containerfile`;

async function command(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}\n${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

async function pathOf(program: string): Promise<string> {
  return (await command("/bin/sh", ["-c", `command -v ${program}`])).trim();
}

/** The libraries that the loader finds for a program, itself included, as ldd(1) prints them. */
async function librariesOf(path: string): Promise<string[]> {
  const printed = await command("ldd", [path]);
  return [...printed.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)].map(([, library = ""]) => library);
}

/** Copies a file to the same path below a directory, without the links on its way. */
async function copyInto(root: string, path: string): Promise<void> {
  await Deno.mkdir(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
  await Deno.copyFile(path, `${root}${path}`);
}
