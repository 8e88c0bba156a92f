/** The directory in which CRI-O looks for auth files, and what has been left there. */

import { isOwnName } from "../auth/stale_files.ts";
import { type Check, count, fail, pass, warn } from "./check.ts";
import { type FileFacts, formatMode, type NamedFile } from "./node_files.ts";

/** The directory as found on the node. */
export interface FoundAuthDirectory {
  readonly path: string;
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
  const { path, facts, copied } = found;
  const name = "auth-directory";
  if (facts === undefined) {
    return [pass(name, `${path} does not exist yet: the first pull makes it`)];
  }
  if (facts.kind !== "directory") {
    return [fail(name, `${path} is no directory`, `remove it; the plugin makes the directory`)];
  }
  const checks: Check[] = [];
  if (facts.user !== 0 && !copied) {
    checks.push(fail(
      name,
      `${path} belongs to user ${facts.user}: the plugin refuses to write there`,
      `chown root ${path}`,
    ));
  }
  if ((facts.mode & 0o002) !== 0) {
    checks.push(fail(
      name,
      `${path} has mode ${formatMode(facts.mode)}: the plugin does not write where everyone can`,
      `chmod 0700 ${path}`,
    ));
  } else if ((facts.mode & 0o020) !== 0) {
    checks.push(warn(
      name,
      `${path} has mode ${formatMode(facts.mode)}: its group can choose the credentials of pulls`,
      `chmod 0700 ${path}`,
    ));
  }
  if (checks.length === 0) {
    const owner = copied ? "(its owner is not judged in a copy)" : "and is root's";
    checks.push(pass(name, `${path} has mode ${formatMode(facts.mode)} ${owner}`));
  }
  return [...checks, ...checkFiles(found, ages), ...checkInUse(found, ages)];
}

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
        ? "remove them: --stale-after 0s leaves them; and see why CRI-O looks elsewhere (crio-config)"
        : "the next pull removes them; if there were pulls since, see why CRI-O looks elsewhere",
    ));
  }
  const foreign = files.filter((file) => !isOwnName(file.name) && file.name !== IN_USE);
  if (foreign.length > 0) {
    const names = foreign.map((file) => file.name).join(", ");
    checks.push(warn(name, `${path} has foreign files: ${names}`, "see who put them there"));
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
    return [fail(IN_USE, `${place} is no directory`, advice)];
  }
  const aged = inUse.map(({ name, facts }) => ({ name, age: now - facts.modified }))
    .sort((a, b) => b.age - a.age);
  const left = aged.filter(({ age }) => age > LONGEST_PULL);
  const [oldest] = aged;
  if (left.length === 0) {
    const age = oldest === undefined ? "" : `, the oldest ${formatAge(oldest.age)} old`;
    return [pass(IN_USE, `${count(inUse.length, "file")} of pulls under way in ${place}${age}`)];
  }
  const listed = left.slice(0, MOST_LISTED).map(({ name, age }) => `${name} (${formatAge(age)})`);
  const more = left.length - listed.length;
  return [warn(
    IN_USE,
    `${place} has ${count(left.length, "file")} with credentials, older than any pull: ` +
      `CRI-O was stopped in the middle of these: ${listed.join(", ")}` +
      (more > 0 ? ` and ${more} more` : ""),
    "remove them while CRI-O pulls nothing: it does not do so itself",
  )];
}

/** Files that a finding lists; the others are counted. */
const MOST_LISTED = 5;

/** `90m`, `50h`, `9d` */
function formatAge(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 72 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
