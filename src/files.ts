/** Reading the small configuration files of a node. */

import { UserError } from "./errors.ts";

/** How to read one file and how to speak of it when that fails. */
export interface ReadOptions {
  /** The flag that sets the file's path, named in errors about the sandbox. */
  readonly flag: string;
  /** Largest size accepted, in bytes. @default 4 MiB */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a text file; `undefined` when there is none. A UTF-8 byte order mark is dropped.
 *
 * The read is synchronous: the process has nothing else to do, and a cold start pays for every
 * turn of the event loop.
 *
 * @throws {UserError} when there is something at the path that cannot be read as UTF-8 text.
 */
export function readTextFile(path: string, options: ReadOptions): string | undefined {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  let bytes: Uint8Array;
  try {
    using file = Deno.openSync(path, { read: true });
    const stat = file.statSync();
    if (stat.isDirectory) throw new UserError(path, "is a directory, expected a file");
    if (!stat.isFile) throw new UserError(path, "is not a regular file");
    if (stat.size > maxBytes) {
      throw new UserError(path, `is ${stat.size} bytes long, more than the ${maxBytes} accepted`);
    }
    bytes = readAll(file, stat.size, maxBytes, path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(path, "read", options.flag, error);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw new UserError(path, "is not UTF-8 text");
  }
}

function readAll(file: Deno.FsFile, size: number, maxBytes: number, path: string): Uint8Array {
  // One byte more than the size: the read that finds the end needs no second buffer.
  let buffer = new Uint8Array(size + 1);
  let length = 0;
  for (;;) {
    const count = file.readSync(buffer.subarray(length));
    if (count === null) return buffer.subarray(0, length);
    length += count;
    if (length > maxBytes) {
      throw new UserError(path, `is longer than the ${maxBytes} bytes accepted`);
    }
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

/** Turns an error of a file operation into one that says what was attempted and what to do. */
export function fileError(path: string, attempt: string, flag: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof Deno.errors.NotCapable) return outsideSandbox(path, attempt, flag);
  if (error instanceof Deno.errors.PermissionDenied) {
    return new UserError(path, `cannot ${attempt}: permission denied`);
  }
  return new UserError(path, `cannot ${attempt}: ${systemReason(error)}`);
}

/** A path or host that the executable's sandbox does not allow. */
export class OutsideSandbox extends UserError {
  /** The flag that would allow it. */
  readonly flag: string;

  constructor(target: string, attempt: string, flag: string) {
    super(
      target,
      `cannot ${attempt}: outside the sandbox of this executable`,
      `build it with --${flag} ${target} to allow that`,
    );
    this.flag = flag;
  }
}

/** The error for a path or host that the executable's sandbox does not allow. */
export function outsideSandbox(target: string, attempt: string, flag: string): OutsideSandbox {
  return new OutsideSandbox(target, attempt, flag);
}

/** The operating system's words, without the path that Deno appends to them. */
function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const reason = /^(.*?\(os error \d+\))/.exec(error.message);
  return reason?.[1] ?? error.name;
}
