/** Executables as files: read whole, and put in place whole. */

import { UserError } from "../errors.ts";
import { fileError, refuseOtherKinds } from "../process/files.ts";
import { writeAll } from "../process/write_all.ts";
import { ExecutableError } from "./program.ts";

/** The largest file that is read, in bytes. A compiled executable has some 100 MB. */
const MAX_BYTES = 1024 ** 3;

/** What an executable of either form can begin with: ELF(5), or the line of a script. */
const BEGINNINGS = ["\x7fELF", "#!"];

/** A file with what is kept when it is replaced. */
export interface ExecutableFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * Reads an executable. Of what is none only the first bytes are read, so that neither a large file nor
 * a device is read to its end.
 *
 * @throws {UserError} when there is none, or it cannot be read.
 */
export function readExecutableFile(path: string): ExecutableFile {
  try {
    const found = Deno.statSync(path);
    refuseOtherKinds(found, path);
    if (found.size > MAX_BYTES) {
      throw new UserError("file-too-large", path, `is too large for an executable of this project`);
    }
    using file = Deno.openSync(path);
    const head = new Uint8Array(Math.min(found.size, 4));
    readFull(file, head, path);
    const beginning = String.fromCharCode(...head);
    if (!BEGINNINGS.some((known) => beginning.startsWith(known))) {
      throw new UserError(
        "content-invalid",
        path,
        "is not an executable: it begins neither with ELF nor with #!",
      );
    }
    const bytes = new Uint8Array(found.size);
    bytes.set(head);
    readFull(file, bytes.subarray(head.length), path);
    // deno-coverage-ignore -- for the compiler: Linux has it
    return { bytes, mode: (found.mode ?? 0o755) & 0o777 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError("file-missing", path, "does not exist");
    }
    throw fileError(path, "read", "file", error);
  }
}

function readFull(file: Deno.FsFile, into: Uint8Array, path: string): void {
  for (let at = 0; at < into.length;) {
    const count = file.readSync(into.subarray(at));
    // deno-coverage-ignore-start -- a race with another process
    if (count === null) {
      throw new UserError("content-invalid", path, "became shorter while it was read");
      // deno-coverage-ignore-stop
    }
    at += count;
  }
}

/**
 * Does something with an executable, and names the file where that fails.
 *
 * @throws {UserError} in place of an {@link ExecutableError}.
 */
export async function readOrExplain<Result>(
  path: string,
  action: () => Promise<Result>,
): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof ExecutableError)) throw error;
    throw new UserError("content-invalid", path, error.message);
  }
}

/**
 * Puts a file in place whole, such as an executable: it is written beside its place and then given its
 * name, so that nobody finds a part of it, and a running copy of what was there keeps its own.
 *
 * @throws {UserError} when it cannot; then what was at the path is still there.
 */
export function placeFile(
  path: string,
  chunks: readonly Uint8Array[],
  mode: number,
): void {
  const temporary = `${path}.new`;
  let file: Deno.FsFile;
  try {
    refuseOccupied(path);
    // Nobody else may read or run it before it is whole.
    file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new UserError(
        "content-invalid",
        temporary,
        "is in the way",
        "another run writes it, or one was interrupted: then remove it",
      );
    }
    throw fileError(temporary, "write", "out", error);
  }
  try {
    using opened = file;
    for (const chunk of chunks) writeAll(opened, chunk);
    opened.syncSync();
    Deno.chmodSync(temporary, mode);
    Deno.renameSync(temporary, path);
    // deno-coverage-ignore-start -- a disk that fails
  } catch (error) {
    removeQuietly(temporary);
    throw fileError(path, "write", "out", error);
    // deno-coverage-ignore-stop
  }
}

/** Refuses to put a file in the place of a directory or a device, which renaming would do. */
function refuseOccupied(path: string): void {
  try {
    if (Deno.statSync(path).isFile) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw fileError(path, "write", "out", error);
  }
  throw new UserError(
    "file-not-regular",
    path,
    "is there and is not a file",
    "name a file, or a place for one",
  );
}

// deno-coverage-ignore-start -- a disk that fails
function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // deno-coverage-ignore-stop
    // The error that led here is the one to report.
  }
}
