/** What a namespace's secrets hold for an image: read within the time limit, reported in few words. */

import type { Clock } from "../process/clock.ts";
import { UserError } from "../errors.ts";
import type { Secret } from "../kubernetes/secrets/secret.ts";
import type { Repository } from "../sources/reference.ts";
import { type Part, readSecret, type ScopedCredential } from "./docker_config.ts";
import { canonicalHost, covers } from "./scope.ts";
import { haveNoRelevantKey, splitIntoBatches } from "./secret_data.ts";

/** A secret, an entry of one, or its annotation, that was left out. */
export interface Skipped {
  readonly secret: string;
  readonly part: Part;
  /** The key of an entry. */
  readonly key: string | undefined;
  readonly reason: string;
}

/** What secrets hold for an image. */
export interface NamespaceCredentials {
  /** How many secrets there are. */
  readonly secrets: number;
  /** Those that cover a pull source, in the order of their secrets. */
  readonly credentials: readonly ScopedCredential[];
  /** The first of what was left out, as many as are reported. */
  readonly skipped: readonly Skipped[];
  /** How many secrets and entries were left out in all, those in `skipped` among them. */
  readonly skippedCount: number;
}

/** Whoever may write secrets could else fill the node's log with every pull. */
const MAX_REPORTS = 5;

/**
 * Reads the credentials that cover a pull source. Secrets and entries that name none of the sources'
 * hosts, and no wildcard, are not looked into.
 *
 * @param options.deadline in milliseconds of `clock.now()`.
 * @param options.maxReports how much of what is left out is reported. @default {@link MAX_REPORTS}
 * @throws {UserError} when there is more to read than the time allows.
 */
export function readCredentials(
  secrets: readonly Secret[],
  sources: readonly Repository[],
  { clock, deadline, maxReports = MAX_REPORTS }: {
    readonly clock: Clock;
    readonly deadline: number;
    readonly maxReports?: number | undefined;
  },
): NamespaceCredentials {
  const credentials: ScopedCredential[] = [];
  const skipped: Skipped[] = [];
  let skippedCount = 0;
  // Docker Hub's names all hold the one that is used for all of them.
  const hosts = [...new Set(sources.map(({ host }) => canonicalHost(host)))];
  const isRelevant = (text: string) =>
    text.includes("*") || hosts.some((host) => text.includes(host));
  const worthReading = function* () {
    for (const batch of splitIntoBatches(secrets)) {
      if (clock.now() >= deadline) throw outOfTime();
      if (!haveNoRelevantKey(batch, isRelevant)) yield* batch;
    }
  };
  for (const secret of worthReading()) {
    if (clock.now() >= deadline) throw outOfTime();
    const onSkipped = (
      name: string,
      key: string | undefined,
      reason: string,
      part: Part,
    ) => {
      skippedCount++;
      if (skipped.length < maxReports) skipped.push({ secret: name, part, key, reason });
    };
    const found = readSecret(secret, onSkipped, undefined, isRelevant);
    for (const credential of found) {
      if (sources.some((source) => covers(credential.scope, source))) credentials.push(credential);
    }
  }
  return { secrets: secrets.length, credentials, skipped, skippedCount };
}

/** The order in which of equally specific credentials the last one counts. */
export type Order = "by name" | "as named";

/**
 * What several readings hold together.
 *
 * @param order of the credentials: by the names of their secrets, or that of `parts`, which is the
 * order in which the service account names its secrets.
 * @param maxReports how much of what was left out is reported. @default {@link MAX_REPORTS}
 */
export function mergePages(
  parts: readonly NamespaceCredentials[],
  order: Order,
  maxReports: number = MAX_REPORTS,
): NamespaceCredentials {
  const sum = (count: (part: NamespaceCredentials) => number) =>
    parts.reduce((total, part) => total + count(part), 0);
  const credentials = parts.flatMap((part) => part.credentials);
  if (order === "by name") {
    credentials.sort((a, b) => a.secret < b.secret ? -1 : a.secret > b.secret ? 1 : 0);
  }
  return {
    secrets: sum((part) => part.secrets),
    credentials,
    skipped: parts.flatMap((part) => part.skipped).slice(0, maxReports),
    skippedCount: sum((part) => part.skippedCount),
  };
}

function outOfTime(): UserError {
  return new UserError(
    "secrets-too-slow",
    "secrets",
    "the namespace has more registry secrets than can be read within the time limit",
    "remove unused ones, make them smaller, or allow more time with --timeout",
  );
}
