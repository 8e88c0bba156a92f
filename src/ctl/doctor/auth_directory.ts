/** The directory in which CRI-O looks for auth files, and what has been left there. */

import {
  adviceOnLink,
  describeLink,
  makePrivate,
  otherWriters,
} from "../../delivery/auth_file/auth_directory.ts";
import { isOwnName } from "../../delivery/auth_file/stale_files.ts";
import { type Check, count, fail, listSome, pass, warn } from "./check.ts";
import {
  type DirectoryAbove,
  type FileFacts,
  formatMode,
  type NamedFile,
} from "./examined_node.ts";

/** The directory as found on the node. */
export interface FoundAuthDirectory {
  readonly path: string;
  /** Where the path leads by symbolic links; the same where it has none. */
  readonly real: string;
  /** The directories above `real`, from the root. */
  readonly parents: readonly DirectoryAbove[];
  /** `undefined` when it is not there. */
  readonly facts: FileFacts | undefined;
  /** What is in it. */
  readonly files: readonly NamedFile[];
  /** What is in `in-use`, CRI-O's own directory in it. */
  readonly inUse: readonly NamedFile[];
  /** Whether this is a copy, whose owner may be the one who made it. */
  readonly copied: boolean;
}

/** What time it is and how old a file may get, both in milliseconds. */
export interface Ages {
  readonly now: number;
  /** As the setting; 0: files are never removed. */
  readonly staleAfter: number;
}

/** Checks the directory by the rules of the plugin, which refuses to write where others could. */
export function checkAuthDirectory(found: FoundAuthDirectory, ages: Ages): Check[] {
  const { path, real, facts } = found;
  const name = "auth-directory";
  const checks = [...checkLink(found), ...checkParents(found)];
  if (facts === undefined && real === path) {
    return [...checks, pass(name, `${path} does not exist yet: the first pull makes it`)];
  }
  if (facts?.kind !== "directory") {
    const what = real === path
      ? "is not a directory"
      : `leads to ${real}, which is not a directory`;
    return [fail(name, `${path} ${what}`, `remove it; the next pull makes the directory`)];
  }
  checks.push(...checkOwner(found, facts));
  if (checks.length === 0) {
    const owner = found.copied ? "(its owner is not checked in a copy)" : "and belongs to root";
    checks.push(pass(name, `${path} has mode ${formatMode(facts.mode)} ${owner}`));
  }
  return [...checks, ...checkFiles(found, ages), ...checkInUse(found, ages)];
}

/** The sandbox is for the directory as it was named. */
function checkLink({ path, real, facts }: FoundAuthDirectory): Check[] {
  if (real === path || facts?.kind !== "directory") return [];
  return [fail("auth-directory", `${path} ${describeLink(real)}`, adviceOnLink(path, real))];
}

function checkOwner({ path, copied }: FoundAuthDirectory, facts: FileFacts): Check[] {
  const name = "auth-directory";
  const checks: Check[] = [];
  if (facts.user !== 0 && !copied) {
    checks.push(fail(
      name,
      `${path} belongs to user ${facts.user}: the plugin refuses to write there`,
      `chown root ${path}`,
    ));
  }
  const writers = otherWriters(facts.mode, facts.group);
  if (writers !== undefined) {
    checks.push(fail(
      name,
      `${path} has mode ${formatMode(facts.mode)} and can be written to by ${writers}: ` +
        "the plugin refuses to write there",
      makePrivate(path),
    ));
  }
  return checks;
}

/** Who can write to a directory above can put another one in the place of the auth directory. */
function checkParents({ path, parents, copied }: FoundAuthDirectory): Check[] {
  const name = "auth-directory";
  return parents.flatMap(({ path: above, facts }) => {
    const consequence = `who can replace ${path}, and so chooses the credentials of pulls`;
    if (facts.user !== 0 && !copied) {
      const found = `${above} belongs to user ${facts.user}, ${consequence}`;
      return [fail(name, found, `chown root ${above}`)];
    }
    const writers = otherWriters(facts.mode, facts.group);
    // In a sticky directory nobody but its owner replaces what is root's (unlink(2), EPERM).
    if (writers === undefined || (facts.mode & STICKY) !== 0) return [];
    return [fail(
      name,
      `${above} has mode ${formatMode(facts.mode)} and can be written to by ${writers}, ` +
        consequence,
      `chmod go-w ${above}`,
    )];
  });
}

const STICKY = 0o1000;

function checkFiles({ path, files }: FoundAuthDirectory, { now, staleAfter }: Ages): Check[] {
  const name = "auth-files";
  const checks: Check[] = [];
  const own = files.filter((file) => isOwnName(file.name));
  const open = own.filter(({ facts }) => (facts.mode & 0o077) !== 0);
  for (const file of open) {
    checks.push(fail(
      name,
      `${path}/${file.name} has mode ${formatMode(file.facts.mode)}, and holds live credentials`,
      `remove it: the plugin writes with mode 0600`,
    ));
  }
  const limit = staleAfter === 0 ? NEVER_TAKEN : staleAfter;
  const stale = own.filter(({ facts }) => now - facts.modified > limit);
  if (stale.length > 0) {
    const ages = stale.map(({ facts }) => now - facts.modified);
    checks.push(warn(
      name,
      `${path} has ${count(stale.length, "auth file")} that CRI-O never took, ` +
        `the oldest ${formatAge(Math.max(...ages))} old`,
      staleAfter === 0
        ? "remove them: --stale-after 0s leaves them; and check why CRI-O looks elsewhere (crio-config)"
        : "the next pull removes them; if there were pulls since, check why CRI-O looks elsewhere",
    ));
  }
  const foreign = files.filter((file) => !isOwnName(file.name) && file.name !== IN_USE);
  if (foreign.length > 0) {
    const names = foreign.map((file) => file.name).join(", ");
    checks.push(warn(name, `${path} has foreign files: ${names}`, "find out who put them there"));
  }
  if (checks.length === 0) {
    checks.push(pass(name, `${count(own.length, "auth file")} waiting for CRI-O`));
  }
  return checks;
}

const IN_USE = "in-use";

/** Age at which a file is worth a word where the settings keep all of them, in milliseconds. */
const NEVER_TAKEN = 3_600_000;

/** How long a pull may hold its file, in milliseconds. */
const LONGEST_PULL = 3_600_000;

function checkInUse({ path, files, inUse }: FoundAuthDirectory, { now }: Ages): Check[] {
  const entry = files.find(({ name }) => name === IN_USE);
  if (entry === undefined) return [];
  const place = `${path}/${IN_USE}`;
  if (entry.facts.kind !== "directory") {
    const advice = "remove it: CRI-O makes the directory when it takes the first file";
    return [fail(IN_USE, `${place} is not a directory`, advice)];
  }
  const aged = inUse.map(({ name, facts }) => ({ name, age: now - facts.modified }))
    .sort((a, b) => b.age - a.age);
  const left = aged.filter(({ age }) => age > LONGEST_PULL);
  const [oldest] = aged;
  if (left.length === 0) {
    const age = oldest === undefined ? "" : `, the oldest ${formatAge(oldest.age)} old`;
    return [pass(IN_USE, `${count(inUse.length, "file")} of pulls under way in ${place}${age}`)];
  }
  const listed = listSome(left.map(({ name, age }) => `${name} (${formatAge(age)})`));
  return [warn(
    IN_USE,
    `${place} has ${count(left.length, "file")} with credentials, older than any pull: ` +
      `CRI-O was stopped in the middle of these: ${listed}`,
    "remove them while CRI-O pulls nothing: it does not do so itself",
  )];
}

/** `90m`, `50h`, `9d` */
function formatAge(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 72 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
