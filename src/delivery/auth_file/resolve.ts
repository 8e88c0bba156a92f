/** Which credential each pull source gets, and the auth file that makes it so. */

import { hideUserInfo } from "../../errors.ts";
import { quote } from "../../text/redact.ts";
import { formatRepository, type Repository } from "../../sources/reference.ts";
import type { AuthFile, LeftOut } from "./auth_file.ts";
import type { ScopedCredential } from "../../credentials/docker_config.ts";
import { equalCredentials, gives, lookUp } from "./lookup.ts";
import { compareSpecificity, covers, formatScope, isWildcard } from "../../credentials/scope.ts";

/** The outcome for one image. */
export interface Resolution {
  /** The file to write; `undefined` when there is nothing to put in it. */
  readonly file: AuthFile | undefined;
  /** The credential chosen for each pull source that has one. */
  readonly chosen: readonly Chosen[];
  /** What an operator should know. */
  readonly warnings: readonly string[];
}

/** A pull source with the namespace's credential for it. */
export interface Chosen {
  readonly source: Repository;
  readonly credential: ScopedCredential;
}

/**
 * Chooses credentials and builds the auth file.
 *
 * Afterwards each pull source finds exactly the credential chosen for it by the image library's
 * look-up, and a source without one finds what the global file alone would have given it. Only a
 * credential helper of the global file cannot have it both ways: it speaks for a whole host, so
 * where a namespace's credential needs it out of the way, other sources on that host lose it too.
 *
 * @param credentials in the order of their secrets, by name or as the service account names them: of
 * equally specific ones the last wins.
 * @param global the node's global auth file, of which every field is kept.
 */
export function resolveCredentials(
  sources: readonly Repository[],
  credentials: readonly ScopedCredential[],
  global: AuthFile | undefined,
): Resolution {
  const warnings = (global?.leftOut ?? []).map(describeLeftOut);
  const chosen: Chosen[] = [];
  for (const source of sources) {
    const credential = choose(source, credentials, warnings);
    if (credential !== undefined) chosen.push({ source, credential });
  }
  if (chosen.length === 0 && isEmpty(global)) return { file: undefined, chosen, warnings };

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
  return { file, chosen, warnings };
}

/** In words, what of the global file is left out and why. A user in a key is not shown. */
export function describeLeftOut({ field, key, problem }: LeftOut): string {
  const name = JSON.stringify(hideUserInfo(key));
  return `the global auth file's ${name} in "${field}" ${problem}: left out, since CRI-O refuses a ` +
    "whole file for it";
}

function choose(
  source: Repository,
  credentials: readonly ScopedCredential[],
  warnings: string[],
): ScopedCredential | undefined {
  let best: ScopedCredential | undefined;
  let tied: ScopedCredential | undefined;
  for (const candidate of credentials) {
    if (!covers(candidate.scope, source)) continue;
    const order = best === undefined ? 1 : compareSpecificity(candidate.scope, best.scope);
    if (order < 0) continue;
    if (order > 0) tied = undefined;
    else if (!equalCredentials(best?.credential, candidate.credential)) tied = best;
    best = candidate;
  }
  if (best !== undefined && tied !== undefined) {
    warnings.push(
      `${formatRepository(source)} has different credentials in ${describe(tied)} and ` +
        `${describe(best)}; the latter is used`,
    );
  }
  return best;
}

function describe({ secret, key, scope }: ScopedCredential): string {
  const also = scope.derived ? `, also for ${quote(formatScope(scope))}` : "";
  return `secret ${quote(secret)} (key ${quote(key)}${also})`;
}

function byPathLength(a: Chosen, b: Chosen): number {
  return a.source.path.length - b.source.path.length;
}

function isEmpty(file: AuthFile | undefined): boolean {
  return file === undefined ||
    file.auths.size + file.credHelpers.size + file.otherFields.size === 0;
}
