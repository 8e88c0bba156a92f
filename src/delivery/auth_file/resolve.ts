/** The auth file in which each pull source finds the credential that was chosen for it. */

import type { Choice, Chosen } from "../../credentials/choose.ts";
import { formatScope, isWildcard } from "../../credentials/scope.ts";
import { hideUserInfo } from "../../errors.ts";
import { formatRepository } from "../../sources/reference.ts";
import type { AuthFile, LeftOut } from "./auth_file.ts";
import { gives, lookUp } from "./lookup.ts";

/** An auth file, and what is to be said of it. */
export interface ComposedAuthFile {
  /** The file to write; `undefined` when there is nothing to put in it. */
  readonly file: AuthFile | undefined;
  /** What an operator should know. */
  readonly warnings: readonly string[];
}

/**
 * Builds the auth file for a choice.
 *
 * Afterwards each pull source finds exactly the credential chosen for it by the image library's
 * look-up, and a source without one finds what the global file alone would have given it. Only a
 * credential helper of the global file cannot have it both ways: it speaks for a whole host, so
 * where a namespace's credential needs it out of the way, other sources on that host lose it too.
 *
 * @param global the node's global auth file, of which every field is kept.
 */
export function composeAuthFile(
  { sources, chosen }: Pick<Choice, "sources" | "chosen">,
  global: AuthFile | undefined,
): ComposedAuthFile {
  const warnings = describeAllLeftOut(global?.leftOut ?? []);
  if (chosen.length === 0 && isEmpty(global)) return { file: undefined, warnings };

  const auths = new Map(global?.auths);
  const credHelpers = new Map(global?.credHelpers);
  for (const { credential: { scope, credential } } of chosen) {
    if (!isWildcard(scope)) auths.set(formatScope(scope), credential);
  }
  // Shorter paths first: a key added for one repository is also found by those below it.
  for (const { source, credential: { credential } } of chosen.toSorted(byPathLength)) {
    if (gives({ auths, credHelpers }, lookUp({ auths, credHelpers }, source), credential)) continue;
    credHelpers.delete(source.host);
    if (gives({ auths, credHelpers }, lookUp({ auths, credHelpers }, source), credential)) continue;
    auths.set(formatRepository(source), credential);
  }
  for (const source of sources) {
    if (chosen.some((choice) => choice.source === source)) continue;
    if (global?.credHelpers.has(source.host) && !credHelpers.has(source.host)) {
      warnings.push(
        `${formatRepository(source)} is pulled without the global credential helper of ` +
          `${source.host}, since another source on that host has a credential of the namespace`,
      );
    }
  }
  const file = { auths, credHelpers, otherFields: global?.otherFields ?? new Map(), leftOut: [] };
  return { file, warnings };
}

/** Entries of the global file that are reported one by one in each pull. */
const MAX_REPORTS = 5;

function describeAllLeftOut(leftOut: readonly LeftOut[]): string[] {
  const warnings = leftOut.slice(0, MAX_REPORTS).map(describeLeftOut);
  const rest = leftOut.length - warnings.length;
  if (rest > 0) warnings.push(`${rest} more entries of the global auth file are left out`);
  return warnings;
}

/** In words, what of the global file is left out and why. A user in a key is not shown. */
function describeLeftOut({ field, key, problem }: LeftOut): string {
  const name = JSON.stringify(hideUserInfo(key));
  return `the global auth file's ${name} in "${field}" ${problem}: left out, since CRI-O refuses a ` +
    "whole file for it";
}

function byPathLength(a: Chosen, b: Chosen): number {
  return a.source.path.length - b.source.path.length;
}

function isEmpty(file: AuthFile | undefined): boolean {
  return file === undefined ||
    file.auths.size + file.credHelpers.size + file.otherFields.size === 0;
}
