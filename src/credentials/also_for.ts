/** The further scopes that the owner of a secret gives its credentials, in an annotation of it. */

import { UserError } from "../errors.ts";
import { formatScope, isWildcard, parseScope, type Scope } from "./scope.ts";

/** Most entries of an annotation: each is compared with every pull source of every pull. */
export const MAX_ALSO_FOR = 32;

/** Longest annotation that is read, in characters: as many names of the longest kind. */
const LONGEST = MAX_ALSO_FOR * 1024;

/** An entry: a credential of the secret opens something else, too. */
export interface AlsoFor {
  /** The key whose credential it is, as written; `undefined`: the secret's one key. */
  readonly from: string | undefined;
  readonly to: Scope;
}

/**
 * Reads the annotation: `KEY=SCOPE, SCOPE, …`, with white space around keys and scopes. One without
 * entries gives nothing away, on purpose.
 *
 * @throws {UserError} when any entry is malformed, so that nothing of the annotation counts. The place
 * is left empty, and nothing of the annotation is part of the error.
 */
export function parseAlsoFor(text: string): AlsoFor[] {
  if (text.trim() === "") return [];
  if (text.length > LONGEST) throw malformed(`is longer than ${LONGEST} characters`);
  const entries = text.split(",");
  if (entries.length > MAX_ALSO_FOR) {
    throw malformed(`has ${entries.length} entries, and at most ${MAX_ALSO_FOR} are read`);
  }
  return entries.map((entry, index) => {
    const where = `entry ${index + 1}`;
    if (entry.trim() === "") throw malformed(`${where} is empty`);
    const equals = entry.indexOf("=");
    const from = equals === -1 ? undefined : entry.slice(0, equals).trim();
    if (from !== undefined && parseScope(from) === undefined) {
      throw malformed(`${where} names no registry before the =`);
    }
    return { from, to: parseTarget(entry.slice(equals + 1).trim(), where) };
  });
}

/** One host, named in full: a pattern would send the credential to hosts that nobody named. */
function parseTarget(text: string, where: string): Scope {
  const scope = parseScope(text);
  if (scope === undefined || scope.path.includes("=")) {
    throw malformed(`${where} names no registry to open, but something else`);
  }
  if (isWildcard(scope)) throw malformed(`${where} names a registry by a *, which is not taken`);
  return { ...scope, derived: true };
}

/** Whether nothing is wrong with an annotation as far as can be said without the secret's keys. */
export function isWellFormed(text: string): boolean {
  try {
    parseAlsoFor(text);
    return true;
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UserError)) throw error;
    return false;
  }
}

/**
 * Finds the keys whose credentials an entry is about: the one that is written so, else those that
 * mean the same repositories, as `docker.io` and `https://index.docker.io/v1/` do.
 *
 * @param keys of the secret, all of them.
 * @returns a function of an entry and its index.
 * @throws {UserError} by that function, when there is no such key, or the entry leaves open which is meant.
 */
export function keyFinder(
  keys: readonly string[],
): (entry: AlsoFor, index: number) => readonly string[] {
  let byScope: ReadonlyMap<string, string[]> | undefined;
  return ({ from }, index) => {
    const where = `entry ${index + 1}`;
    if (from === undefined) {
      if (keys.length === 1) return keys;
      throw malformed(`${where} does not say which of the secret's ${keys.length} keys is meant`);
    }
    if (keys.includes(from)) return [from];
    byScope ??= Map.groupBy(keys, scopeOf);
    const found = byScope.get(scopeOf(from));
    if (found !== undefined) return found;
    throw malformed(`${where} is from a key that the secret does not have`);
  };
}

/** The repositories that a key means, as a text that is equal for equal ones. */
function scopeOf(key: string): string {
  const scope = parseScope(key);
  return scope === undefined ? "" : formatScope(scope);
}

function malformed(problem: string): UserError {
  return new UserError(
    "annotation-invalid",
    "",
    problem,
    "write it like docker.io=mirror.example.com/hub, with commas between entries",
  );
}
