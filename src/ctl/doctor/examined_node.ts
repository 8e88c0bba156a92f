/** The node that is examined: this one, or a copy of its files below some directory. */

import {
  fileError,
  type ReadOptions,
  readTextFile,
  refuseOtherKinds,
} from "../../process/files.ts";

/** What the file system says of a file. */
export interface FileFacts {
  readonly kind: "file" | "directory" | "socket" | "other";
  /** Permission bits. */
  readonly mode: number;
  /** Owner. */
  readonly user: number;
  readonly group: number;
  /** Last change, in milliseconds since 1970. */
  readonly modified: number;
}

/** A file, and what the file system says of it. */
export interface NamedFile {
  readonly name: string;
  readonly facts: FileFacts;
}

/** A directory above another path. */
export interface DirectoryAbove {
  readonly path: string;
  readonly facts: FileFacts;
}

/** A text file as read. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** Symbolic links that are followed in one path, as many as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Reads a node's files. Paths are those of the node. Each method takes the flag that names the path,
 * for errors about the tool's sandbox.
 */
export class ExaminedNode {
  readonly #root: string;

  /** @param root the directory in the place of `/`; empty for the node's own. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Where the file is on this machine. */
  at(path: string): string {
    return this.#root + path;
  }

  /**
   * Reads a text file; `undefined` when there is none.
   *
   * @throws {UserError} when there is something that cannot be read as text.
   */
  read(
    path: string,
    flag: string,
    options: Omit<ReadOptions, "flag"> = {},
  ): TextFile | undefined {
    const text = readTextFile(this.at(path), { ...options, flag });
    return text === undefined ? undefined : { path, text };
  }

  /**
   * Reads a file whole; `undefined` when there is none.
   *
   * @throws {UserError} when it cannot be read, or is no regular file.
   */
  readBytes(path: string, flag: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#try(path, "read", flag, (place) => {
      refuseOtherKinds(Deno.statSync(place), place);
      return Deno.readFileSync(place);
    });
  }

  /**
   * The names in a directory in the order of their bytes; `undefined` when there is none.
   *
   * @throws {UserError} when it cannot be listed.
   */
  list(path: string, flag: string): string[] | undefined {
    return this.#try(path, "list", flag, (place) => {
      return [...Deno.readDirSync(place)].map(({ name }) => name).sort();
    });
  }

  /**
   * What a path leads to, through symbolic links; `undefined` when there is nothing.
   *
   * @throws {UserError} when that cannot be found out.
   */
  facts(path: string, flag: string): FileFacts | undefined {
    return this.#try(path, "look at", flag, (place) => toFacts(Deno.statSync(place)));
  }

  /**
   * The files and directories in a directory, without following links; empty when there is none.
   *
   * @throws {UserError} when that cannot be found out.
   */
  listFacts(path: string, flag: string): NamedFile[] {
    return (this.list(path, flag) ?? []).flatMap((name) => {
      const facts = this.#try(
        `${path}/${name}`,
        "look at",
        flag,
        (place) => toFacts(Deno.lstatSync(place)),
      );
      // It may have been taken since.
      // deno-coverage-ignore -- a race with another process
      return facts === undefined ? [] : [{ name, facts }];
    });
  }

  /**
   * The directories above a path, from the root down, the root itself left out.
   *
   * @throws {UserError} when they cannot be looked at.
   */
  above(path: string, flag: string): DirectoryAbove[] {
    const found: DirectoryAbove[] = [];
    for (let end = path.indexOf("/", 1); end !== -1; end = path.indexOf("/", end + 1)) {
      const directory = path.slice(0, end);
      const facts = this.facts(directory, flag);
      if (facts !== undefined) found.push({ path: directory, facts });
    }
    return found;
  }

  /**
   * Where a path leads by its symbolic links, as the node sees it: what is at the end need not exist.
   * The links of a copy stay below its root.
   *
   * @throws {UserError} when that cannot be found out.
   */
  realPath(path: string, flag: string): string {
    // deno-coverage-ignore-start -- for a node's own files: tests/artifact/doctor_test.ts
    if (this.#root === "") {
      const real = this.#try(path, "follow", flag, (place) => Deno.realPathSync(place));
      if (real !== undefined) return real;
      // deno-coverage-ignore-stop
    }
    let rest = path.split("/");
    let real = "";
    for (let links = 0; rest.length > 0;) {
      const [name = "", ...others] = rest;
      rest = others;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        real = real.slice(0, Math.max(0, real.lastIndexOf("/")));
        continue;
      }
      const target = links < MAX_LINKS ? this.#link(`${real}/${name}`, flag) : undefined;
      if (target === undefined) {
        real += `/${name}`;
        continue;
      }
      links++;
      if (target.startsWith("/")) real = "";
      rest = [...target.split("/"), ...rest];
    }
    // deno-coverage-ignore -- no test has a link to the root
    return real === "" ? "/" : real;
  }

  /** What a symbolic link says; `undefined` when there is none. */
  #link(path: string, flag: string): string | undefined {
    return this.#try(path, "look at", flag, (place) => {
      return Deno.lstatSync(place).isSymlink ? Deno.readLinkSync(place) : undefined;
    });
  }

  #try<Result>(
    path: string,
    what: string,
    flag: string,
    action: (place: string) => Result,
  ): Result | undefined {
    try {
      return action(this.at(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof Deno.errors.NotADirectory) return undefined;
      throw fileError(this.at(path), what, flag, error);
    }
  }
}

function toFacts(stat: Deno.FileInfo): FileFacts {
  const kind = stat.isFile ? "file" : stat.isDirectory
    ? "directory"
    // deno-coverage-ignore -- sockets are not copied, and only copies are examined here
    : stat.isSocket
    ? "socket"
    : "other";
  return {
    kind,
    // deno-coverage-ignore-start -- for the compiler: Linux has all of these
    mode: (stat.mode ?? 0) & 0o7777,
    user: stat.uid ?? 0,
    group: stat.gid ?? 0,
    modified: stat.mtime?.getTime() ?? 0,
    // deno-coverage-ignore-stop
  };
}

/** Permission bits as `chmod` takes them. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
