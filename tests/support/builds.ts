/** Executables that were built already: a compiled one takes a second, and 100 MB. */

/** How many are kept beyond those in use. */
const KEPT = 3;

interface Build {
  readonly directory: string;
  readonly path: Promise<string>;
  /** How many are about to use it. */
  users: number;
}

/**
 * Builds by key, the latest few of them, in a directory that is gone when the file of tests is done.
 *
 * @example
 * await builds.put(JSON.stringify(settings), node.path("bin/plugin"), (out) => compile({ out }));
 */
export class Builds {
  readonly #builds = new Map<string, Build>();

  constructor() {
    globalThis.addEventListener("unload", () => {
      for (const { directory } of this.#builds.values()) remove(directory);
    });
  }

  /**
   * The path of a build, which stays as long as it is among the latest few.
   *
   * @param build makes it in a directory, and gives its path.
   */
  get(key: string, build: (directory: string) => Promise<string>): Promise<string> {
    return this.#use(key, build, (path) => path);
  }

  /** Puts a build at a path, as a link: it stays there until it is removed. */
  async put(
    key: string,
    path: string,
    build: (directory: string) => Promise<string>,
  ): Promise<void> {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await this.#use(key, build, (built) => {
      // What an earlier build left there is replaced.
      Deno.linkSync(built, `${path}.new`);
      Deno.renameSync(`${path}.new`, path);
      // Renaming a link to another link of the same file does nothing, not even that.
      remove(`${path}.new`);
    });
  }

  async #use<Result>(
    key: string,
    build: (directory: string) => Promise<string>,
    action: (path: string) => Result,
  ): Promise<Result> {
    const entry = this.#builds.get(key) ?? start(build);
    // The latest used comes last.
    this.#builds.delete(key);
    this.#builds.set(key, entry);
    entry.users++;
    try {
      return action(await entry.path);
    } catch (error) {
      this.#builds.delete(key);
      remove(entry.directory);
      throw error;
    } finally {
      entry.users--;
      this.#removeOldest();
    }
  }

  #removeOldest(): void {
    const unused = [...this.#builds].filter(([, { users }]) => users === 0);
    for (const [key, { directory }] of unused.slice(0, -KEPT)) {
      this.#builds.delete(key);
      remove(directory);
    }
  }
}

function start(build: (directory: string) => Promise<string>): Build {
  const directory = Deno.makeTempDirSync({ prefix: "crio-credential-provider-build-" });
  return { directory, path: build(directory), users: 0 };
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
