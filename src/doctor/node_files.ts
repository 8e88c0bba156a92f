/** The files of a node: its own, or a copy below some directory. */

import { fileError, readTextFile } from "../files.ts";

/** What the file system says of a file. */
export interface FileFacts {
  readonly kind: "file" | "directory" | "socket" | "other";
  /** Permission bits. */
  readonly mode: number;
  /** Owner. */
  readonly user: number;
  /** Last change, in milliseconds since 1970. */
  readonly modified: number;
}

/** A file, and what the file system says of it. */
export interface NamedFile {
  readonly name: string;
  readonly facts: FileFacts;
}

/** A text file as read. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Reads a node's files. Paths are those of the node. Each method takes the flag that names the path,
 * for errors about the tool's sandbox.
 */
export class NodeFiles {
  readonly #root: string;

  /** @param root the directory that stands for `/`; empty for the node's own. */
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
  read(path: string, flag: string): TextFile | undefined {
    const text = readTextFile(this.at(path), { flag });
    return text === undefined ? undefined : { path, text };
  }

  /**
   * Reads a file whole; `undefined` when there is none.
   *
   * @throws {UserError} when it cannot be read.
   */
  readBytes(path: string, flag: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#try(path, "read", flag, (place) => Deno.readFileSync(place));
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
   * @throws {UserError} when that cannot be told.
   */
  facts(path: string, flag: string): FileFacts | undefined {
    return this.#try(path, "look at", flag, (place) => toFacts(Deno.statSync(place)));
  }

  /**
   * The files and directories in a directory, without following links; empty when there is none.
   *
   * @throws {UserError} when that cannot be told.
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
      return facts === undefined ? [] : [{ name, facts }];
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
  const kind = stat.isFile
    ? "file"
    : stat.isDirectory
    ? "directory"
    : stat.isSocket
    ? "socket"
    : "other";
  return {
    kind,
    mode: (stat.mode ?? 0) & 0o7777,
    user: stat.uid ?? 0,
    modified: stat.mtime?.getTime() ?? 0,
  };
}

/** Permission bits as `chmod` takes them. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
