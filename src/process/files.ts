/** Reading the small configuration files of a node. */

import { UserError } from "../errors.ts";
import { decodeUtf8, looksLikeUtf16 } from "../text/utf8.ts";

/** A file that is there and readable, and whose bytes are no UTF-8 text. */
export class NotTextError extends UserError {}

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
 * Reads a text file; `undefined` when there is none. A UTF-8 byte order mark is dropped. What is no
 * regular file is not opened: opening a FIFO waits for a writer, and a device need never end. Only
 * `/dev/null` is read, as the empty file that a link to it means.
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
    // By the path, since an open file is looked at by its real path, for which the sandbox may not be.
    refuseOtherKinds(Deno.statSync(path), path);
    using file = Deno.openSync(path);
    bytes = readAll(file, maxBytes, path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(path, "read", options.flag, error);
  }
  if (looksLikeUtf16(bytes)) {
    throw new NotTextError(
      "file-not-utf8",
      path,
      "is UTF-16 text, as PowerShell writes it",
      "save it as UTF-8",
    );
  }
  try {
    const text = decodeUtf8(bytes);
    return options.keepByteOrderMark && startsWithMark(bytes) ? `\ufeff${text}` : text;
  } catch {
    throw new NotTextError("file-not-utf8", path, "is not UTF-8 text");
  }
}

/** Device number of `/dev/null`: 1:3 (`Documentation/admin-guide/devices.txt` of Linux). */
const NULL_DEVICE = 0x103;

/**
 * Refuses what is no regular file.
 *
 * @throws {UserError} that says what it is.
 */
export function refuseOtherKinds(found: Deno.FileInfo, path: string): void {
  if (found.isFile || (found.isCharDevice && found.rdev === NULL_DEVICE)) return;
  throw new UserError("file-not-regular", path, `is a ${kindOf(found)}, expected a file`);
}

/** What a path is that is no regular file. */
export function kindOf(found: Deno.FileInfo): string {
  if (found.isDirectory) return "directory";
  if (found.isFifo) return "named pipe (FIFO)";
  if (found.isSocket) return "socket";
  return "device";
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
      throw new UserError(
        "file-too-large",
        path,
        `is larger than ${maxBytes} bytes, the most that is read`,
      );
    }
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

/**
 * Directories that the runtime opens only to a program with all permissions (denoland/deno v2.9,
 * `check_special_file` of `runtime/permissions/lib.rs`).
 */
const CLOSED = ["/dev", "/proc", "/sys"];

/** Which of the directories that no build can be opened to a path is in, or is. */
export function closedDirectory(path: string): string | undefined {
  return CLOSED.find((directory) => path === directory || path.startsWith(`${directory}/`));
}

/** Turns an error of a file operation into one that says what was attempted and what to do. */
export function fileError(path: string, action: string, flag: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof Deno.errors.NotCapable) return outsideSandbox(path, action, flag);
  if (error instanceof Deno.errors.PermissionDenied) {
    return new UserError("permission-denied", path, `cannot ${action}: permission denied`);
  }
  return new UserError("file-failed", path, `cannot ${action}: ${systemReason(error)}`);
}

/** A path or host that the sandbox does not allow. */
export class OutsideSandboxError extends UserError {
  override readonly advice: string;

  constructor(target: string, action: string, flag: string) {
    const advice = `bind or build it with --${flag} ${target} to allow that`;
    super(
      "outside-sandbox",
      target,
      `cannot ${action}: outside the sandbox of this executable`,
      advice,
    );
    this.advice = advice;
  }
}

/** The error for a path or host that the executable's sandbox does not allow. */
export function outsideSandbox(target: string, action: string, flag: string): UserError {
  return new OutsideSandboxError(target, action, flag);
}

/** The operating system's words, without the path that Deno appends to them. */
export function systemReason(error: unknown): string {
  // deno-coverage-ignore -- for the compiler: the runtime throws errors alone
  if (!(error instanceof Error)) return "unknown error";
  const reason = /^(.*?\(os error \d+\))/.exec(error.message);
  return reason?.[1] ?? error.name;
}
