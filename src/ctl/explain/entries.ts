/**
 * Everything that secrets hold, entry by entry, beside what the pull has of it. A pull passes over what
 * names none of its hosts; an explanation reports that, too, and decides nothing by it.
 */

import { mismatch, rank, type RankedCredential } from "../../credentials/choose.ts";
import { type Part, readSecret, type ScopedCredential } from "../../credentials/docker_config.ts";
import { covers, formatScope, parseScope, type Scope } from "../../credentials/scope.ts";
import { ALSO_FOR_ANNOTATION } from "../../kubernetes/secrets/secret_types.ts";
import type { Repository } from "../../sources/reference.ts";
import type { SecretsRead } from "./read_secrets.ts";

/** A secret, or an entry of one, that speaks for no repository at all. */
export interface Unusable {
  readonly secret: string;
  readonly key?: string;
  /** The annotation that is ignored; everything else of the secret counts. */
  readonly annotation?: string;
  readonly reason: string;
  /** That this pull does not look into it, and so does not log it. */
  readonly passedOver?: true;
}

/** An entry that names repositories and yet opens none. */
export interface EntryWithoutCredential {
  readonly secret: string;
  readonly key: string;
  readonly scope: Scope;
  readonly verdict: "no-credential" | "broken";
  readonly reason: string;
}

/** What secrets hold. */
export interface SecretEntries {
  /** Every credential, in the order in which of equally specific ones the last one counts. */
  readonly credentials: readonly ScopedCredential[];
  /** What only looks like a credential. */
  readonly withoutCredential: readonly EntryWithoutCredential[];
  /** What cannot be used at all. */
  readonly unusable: readonly Unusable[];
}

/** Reads every entry of secrets. */
export function readEntries(
  { secrets, found }: Pick<SecretsRead, "secrets" | "found">,
): SecretEntries {
  const logged = new Set(found.skipped.map(({ secret, key, part }) => idOf(secret, key, part)));
  const unusable: Unusable[] = [];
  const annotation = ALSO_FOR_ANNOTATION;
  const withoutCredential: EntryWithoutCredential[] = [];
  const onSkipped = (secret: string, key: string | undefined, reason: string, part: Part) => {
    const scope = key === undefined ? undefined : parseScope(key);
    if (key !== undefined && scope !== undefined) {
      const broken = `broken: ${reason}`;
      withoutCredential.push({ secret, key, scope, verdict: "broken", reason: broken });
      return;
    }
    unusable.push({
      secret,
      ...(key !== undefined && { key }),
      ...(part === "annotation" && { annotation }),
      reason,
      ...(!logged.has(idOf(secret, key, part)) && { passedOver: true }),
    });
  };
  const onMarker = (secret: string, key: string) => {
    const scope = parseScope(key);
    // deno-coverage-ignore -- for the compiler: the key was parsed before
    if (scope === undefined) return;
    const reason = "holds no credential, as credential helpers leave it behind";
    withoutCredential.push({ secret, key, scope, verdict: "no-credential", reason });
  };
  const credentials = secrets.flatMap((secret) => readSecret(secret, onSkipped, onMarker));
  for (const { name, ignoresAlsoFor } of secrets) {
    if (!ignoresAlsoFor) continue;
    const reason = `annotation ${annotation} is not looked at: --also-for off`;
    unusable.push({ secret: name, annotation, reason });
  }
  return { credentials, withoutCredential, unusable };
}

/**
 * Every credential with what becomes of it at a pull source: those that cover it as the pull ranks them,
 * then the others, those that the pull passes over among them.
 *
 * What is said to be chosen comes from what the pull has, whatever else the secrets hold. That this is all
 * of it that covers a source is the promise of `readCredentials`, which a property test holds.
 */
export function judgeCredentials(
  source: Repository,
  { credentials }: SecretsRead["found"],
  all: Pick<SecretEntries, "credentials">,
): RankedCredential[] {
  const covering = rank(source, credentials)
    .filter(({ candidate }) => covers(candidate.scope, source));
  const ranked = new Set(covering.map(({ candidate }) => idOfCredential(candidate)));
  const others = all.credentials.filter((each) => !ranked.has(idOfCredential(each)));
  return [
    ...covering,
    ...others.map((candidate) => ({ candidate, ...mismatch(candidate.scope, source) })),
  ];
}

function idOf(...parts: readonly (string | undefined)[]): string {
  return JSON.stringify(parts);
}

function idOfCredential({ secret, key, scope }: ScopedCredential): string {
  return idOf(secret, key, formatScope(scope), scope.derived ? "derived" : "key");
}
