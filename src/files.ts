/** Reading the small configuration files of a node. */

import { UserError } from "./errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** How to read one file and how to speak of it when that fails. */
export interface ReadOptions {
  /** Whether a UTF-8 byte order mark stays in the text. @default false */
  readonly keepByteOrderMark?: boolean;
  /** The flag that sets the file's path, named in errors about the sandbox. */
  readonly flag: string;
  /** Largest size accepted, in bytes. @default 4 MiB */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;

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
    // What there is at the path is not looked at first: that takes as long as reading a small file.
    using file = Deno.openSync(path);
    bytes = readAll(file, maxBytes, path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.IsADirectory) {
      throw new UserError(path, "is a directory, expected a file");
    }
    throw fileError(path, "read", options.flag, error);
  }
  try {
    const text = decodeUtf8(bytes);
    return options.keepByteOrderMark && startsWithMark(bytes) ? `\ufeff${text}` : text;
  } catch {
    throw new UserError(path, "is not UTF-8 text");
  }
}

/** Whether bytes begin with the byte order mark of UTF-8. */
function startsWithMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

function readAll(file: Deno.FsFile, maxBytes: number, path: string): Uint8Array {
  let buffer = new Uint8Array(8 * 1024);
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

/** A path or host that the sandbox does not allow. */
export class OutsideSandboxError extends UserError {
  /** The flag that sets the path or host. */
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
export function outsideSandbox(target: string, attempt: string, flag: string): UserError {
  return new OutsideSandboxError(target, attempt, flag);
}

/** The operating system's words, without the path that Deno appends to them. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const reason = /^(.*?\(os error \d+\))/.exec(error.message);
  return reason?.[1] ?? error.name;
}
