/** The directory in which CRI-O looks for auth files: whoever can write to it decides what pulls use. */

import { UserError } from "../../errors.ts";
import { closedDirectory, fileError } from "../../process/files.ts";

/**
 * Makes the directory, for root's eyes only, if it is not there.
 *
 * @throws {UserError} when that fails, or something else is in its place.
 */
export function makeAuthDirectory(authDir: string): void {
  try {
    Deno.mkdirSync(authDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) refuseOtherKind(authDir);
    throw fileError(authDir, "create the directory", "auth-dir", error);
  }
}

/** Says what is in the directory's place. */
function refuseOtherKind(authDir: string): void {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(authDir);
    // deno-coverage-ignore-start -- a race with another process
  } catch {
    // It is gone again.
    return;
  }
  if (found.isDirectory) return;
  // deno-coverage-ignore-stop
  const what = found.isSymlink
    ? `a symbolic link to ${targetOf(authDir)}, which is not a directory, is there`
    : "something other than a directory is there";
  throw new UserError(
    "auth-directory-not-made",
    authDir,
    `cannot create the directory: ${what}`,
    "remove it, and the next pull makes the directory",
  );
}

function targetOf(link: string): string {
  try {
    return Deno.readLinkSync(link);
    // deno-coverage-ignore-start -- a race with another process
  } catch {
    return "somewhere else";
    // deno-coverage-ignore-stop
  }
}

/**
 * Refuses a directory in which another user chooses the credentials of pulls.
 *
 * The bits of the group are its own, or with an access control list the most that the list gives to
 * anyone (acl(5), "CORRESPONDENCE BETWEEN ACL ENTRIES AND FILE PERMISSION BITS"). The runtime cannot
 * read lists, so that even root's group may not have the bit: it may mean anyone.
 *
 * @param ownUser the user that this program runs as.
 * @throws {UserError} that says whose it is, or who can write to it.
 */
export function refuseUnsafeDirectory(authDir: string, ownUser: number | null): void {
  const { uid, gid, mode } = Deno.statSync(authDir);
  // deno-coverage-ignore-start -- not in every run: only root can give a directory away
  if (uid !== 0 && uid !== ownUser) {
    throw new UserError(
      "auth-directory-owner",
      authDir,
      `belongs to user ${uid}`,
      "it must belong to root: chown root",
    );
  }
  // deno-coverage-ignore-stop
  // deno-coverage-ignore -- for the compiler: Linux has both
  const writers = otherWriters(mode ?? 0, gid ?? 0);
  if (writers !== undefined) {
    throw new UserError(
      "auth-directory-writable",
      authDir,
      `can be written to by ${writers}`,
      makePrivate(authDir),
    );
  }
}

/** Who beside the owner can write to what has this mode; `undefined`: nobody. */
export function otherWriters(mode: number, group: number): string | undefined {
  if ((mode & 0o002) !== 0) return "everyone";
  if ((mode & 0o020) === 0) return undefined;
  return group === 0
    ? "root's group, or users whom an access control list names"
    : `group ${group}, or users whom an access control list names`;
}

/** How a directory is made private, from an access control list, too: the mode bounds what it gives. */
export function makePrivate(directory: string): string {
  return `make it private: chmod 0700 ${directory}`;
}

/**
 * Says that the directory is reached by way of a symbolic link, if that is so. The sandbox is for the
 * directory as the build named it, and the runtime does not let a file be looked at where a link leads.
 *
 * @throws {UserError} that says where it leads, and how to build for that.
 */
export function refuseLinkedDirectory(authDir: string): void {
  let real: string;
  try {
    real = Deno.realPathSync(authDir);
  } catch {
    return;
  }
  if (real === authDir) return;
  throw new UserError(
    "auth-directory-linked",
    authDir,
    describeLink(real),
    adviceOnLink(authDir, real),
  );
}

/** What is wrong with a directory that is another one in truth. */
export function describeLink(real: string): string {
  return `leads through a symbolic link to ${real}, outside of the plugin's sandbox`;
}

/** What to do about such a directory. */
export function adviceOnLink(authDir: string, real: string): string {
  const closed = closedDirectory(real);
  return closed === undefined
    ? `bind or build it with --auth-dir ${real}, or make ${authDir} a directory`
    : `make ${authDir} a directory: no build can write below ${closed}`;
}
