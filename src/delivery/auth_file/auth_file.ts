/** Auth files, containers-auth.json(5): the node's global one is read, CRI-O's is written. */

import {
  makeAuthDirectory,
  refuseLinkedDirectory,
  refuseUnsafeDirectory,
} from "./auth_directory.ts";
import { UserError } from "../../errors.ts";
import { fileError, readTextFile } from "../../process/files.ts";
import { writeAll } from "../../process/write_all.ts";
import { isNamed, isObject, membersOf, namedObjects, parseJson } from "../../text/parse.ts";
import { encodeUtf8 } from "../../text/utf8.ts";
import { type Patience, type Placing, putInPlace } from "./placing.ts";

/** An auth file. Maps, because keys come from strangers: `__proto__` is a key like any other. */
export interface AuthFile {
  /** Entries by registry or repository, as they are in the file. */
  readonly auths: ReadonlyMap<string, unknown>;
  /** Credential helpers by `host[:port]`. */
  readonly credHelpers: ReadonlyMap<string, unknown>;
  /** Every other field of the file. */
  readonly otherFields: ReadonlyMap<string, unknown>;
  /** What of the file is left out, because the image library would refuse the whole file for it. */
  readonly leftOut: readonly LeftOut[];
}

/** An entry of an auth file that is of a wrong type. */
export interface LeftOut {
  /** The field it is in. */
  readonly field: "auths" | "credHelpers";
  readonly key: string;
  /** What is wrong, in words that follow the key. */
  readonly problem: string;
}

/**
 * Reads the node's global auth file; `undefined` when there is none.
 *
 * @throws {UserError} when it cannot be read, or is no auth file.
 */
export function readGlobalAuthFile(path: string): AuthFile | undefined {
  const text = readTextFile(path, { flag: "kubelet-auth-file" });
  return text === undefined ? undefined : parseAuthFile(text, path);
}

/**
 * Parses an auth file. Names are matched as Go's JSON decoder matches them, so that `Auths` is `auths`.
 *
 * An entry of a wrong type is left out: for it the image library refuses a whole file
 * (`pkg/docker/config`, `dockerConfigFile`), the namespace's credentials included.
 *
 * @throws {UserError} when the text is not an auth file.
 */
export function parseAuthFile(text: string, where: string): AuthFile {
  // Go decodes null into any value, and leaves it empty.
  const content = membersOf(parseJson(text, where) ?? {}, where);
  const leftOut: LeftOut[] = [];
  const read = (field: LeftOut["field"], check: (value: unknown) => string | undefined) => {
    const entries = new Map<string, unknown>();
    for (const part of namedObjects(content, field)) {
      if (part === null) entries.clear();
      for (const [key, value] of Object.entries(part ?? {})) {
        const problem = check(value);
        if (problem === undefined) entries.set(key, value);
        else leftOut.push({ field, key, problem });
      }
    }
    return entries;
  };
  const isOther = ([key]: [string, unknown]) =>
    !isNamed(key, "auths") && !isNamed(key, "credHelpers");
  return {
    auths: read("auths", checkEntry),
    credHelpers: read("credHelpers", (helper) => isText(helper) ? undefined : "must be a string"),
    otherFields: new Map(Object.entries(content.all).filter(isOther)),
    leftOut,
  };
}

/** The members of an entry that the image library decodes (`dockerAuthConfig`). */
const ENTRY_MEMBERS = ["auth", "identitytoken"] as const;

function checkEntry(entry: unknown): string | undefined {
  if (entry === null) return undefined;
  if (!isObject(entry)) return "must be an object";
  for (const [key, value] of Object.entries(entry)) {
    const name = ENTRY_MEMBERS.find((name) => isNamed(key, name));
    if (name !== undefined && !isText(value)) return `must have a string for its "${name}"`;
  }
  return undefined;
}

/** Whether Go decodes a value into a string. */
function isText(value: unknown): boolean {
  return value === null || typeof value === "string";
}

/**
 * The file's text: JSON with tabs, as `podman login` writes it.
 *
 * @throws {UserError} when a field is nested too deeply to be written.
 */
export function formatAuthFile(file: AuthFile): string {
  const fields: [string, unknown][] = [["auths", Object.fromEntries(file.auths)]];
  if (file.credHelpers.size > 0) fields.push(["credHelpers", Object.fromEntries(file.credHelpers)]);
  try {
    return JSON.stringify(Object.fromEntries([...fields, ...file.otherFields]), null, "\t");
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      "global-auth-file-too-deep",
      "auth file",
      "the global auth file is nested too deeply to be copied",
    );
  }
}

/**
 * Where CRI-O looks for the auth file of an image:
 * `<auth dir>/<namespace>-<hexadecimal SHA-256 of the image as the kubelet named it>.json`.
 */
export async function authFilePath(
  authDir: string,
  namespace: string,
  image: string,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encodeUtf8(image));
  return `${authDir}/${namespace}-${new Uint8Array(digest).toHex()}.json`;
}

/** What became of the auth file of a pull. */
export interface Placed {
  /** In words, for the log. */
  readonly outcome:
    | "wrote the auth file"
    | "wrote the auth file over one that was not taken"
    | "no credentials"
    | "no credentials any more, removed the auth file";
  /** Time that was spent on waiting until CRI-O took an earlier file, in milliseconds. */
  readonly waited: number;
  /**
   * Takes the file back when the kubelet does not get the answer. Nothing is done where CRI-O has taken
   * it, or another run has put its own in its place. Never throws.
   */
  readonly withdraw: () => void;
}

/**
 * Hands the credentials of a pull to CRI-O: all that leaves the program for it goes through here.
 *
 * @param path the file, by {@link authFilePath}.
 * @param file `undefined` when there is nothing to put in it. Then a file that an earlier pull left
 * is removed: CRI-O would take credentials that are no longer the namespace's.
 * @param patience how long a file that CRI-O has not taken yet is waited for, by `patienceOf`.
 * @throws {UserError} when the file cannot be written or removed.
 */
export async function placeAuthFile(
  authDir: string,
  path: string,
  file: AuthFile | undefined,
  patience: Patience,
): Promise<Placed> {
  if (file === undefined) {
    const removed = removeAuthFile(path);
    return {
      outcome: removed ? "no credentials any more, removed the auth file" : "no credentials",
      waited: 0,
      withdraw: () => {},
    };
  }
  const written = await writeAuthFile(authDir, path, formatAuthFile(file), patience);
  return {
    outcome: written.replaced
      ? "wrote the auth file over one that was not taken"
      : "wrote the auth file",
    waited: written.waited,
    withdraw: () => withdraw(path, written.inode),
  };
}

function withdraw(path: string, inode: number | null): void {
  try {
    if (Deno.lstatSync(path).ino === inode) Deno.removeSync(path);
  } catch {
    // It was taken.
  }
}

/** A file that is in place. */
export interface WrittenFile extends Placing {
  readonly inode: number | null;
}

/**
 * Puts a file in place whole: CRI-O may take it at any moment. It is written beside its place, for
 * root's eyes only, flushed and then moved there. The directory is not flushed: should the node fail,
 * the file is there whole or not at all, and the pull that it was for has failed too.
 *
 * @throws {UserError} when that fails; then no file is left.
 */
export async function writeAuthFile(
  authDir: string,
  path: string,
  text: string,
  patience: Patience,
): Promise<WrittenFile> {
  const { temporary, inode } = writeTemporary(authDir, text);
  try {
    return { inode, ...await putInPlace(temporary, path, patience) };
  } catch (error) {
    removeFile(temporary);
    throw error;
  }
}

function writeTemporary(
  authDir: string,
  text: string,
): { readonly temporary: string; readonly inode: number | null } {
  makeAuthDirectory(authDir);
  const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const temporary = `${authDir}/.auth-${random}.tmp`;
  try {
    return { temporary, inode: writeFlushed(authDir, temporary, text) };
  } catch (error) {
    removeFile(temporary);
    throw fileError(temporary, "write the auth file", "auth-dir", error);
  }
}

function writeFlushed(authDir: string, path: string, text: string): number | null {
  try {
    // With `createNew` a link that someone planted under this name is not followed.
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    const { uid, ino } = file.statSync();
    refuseUnsafeDirectory(authDir, uid);
    writeAll(file, encodeUtf8(text));
    file.syncSync();
    return ino;
  } catch (error) {
    // deno-coverage-ignore -- only in a sandbox: tests/faults/file_system_test.ts
    if (error instanceof Deno.errors.NotCapable) refuseLinkedDirectory(authDir);
    throw error;
  }
}

/**
 * Removes an auth file.
 *
 * @returns whether there was one.
 * @throws {UserError} when it is there and cannot be removed.
 */
export function removeAuthFile(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError(path, "remove the outdated auth file", "auth-dir", error);
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
    // deno-coverage-ignore -- a disk that fails twice
  } catch {
    // It was never made, or the disk is beyond help; the error that led here is the one to report.
  }
}
