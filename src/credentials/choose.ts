/**
 * Which of a namespace's credentials counts for a repository, and why each of the others does not.
 *
 * The pull takes the first of each ranking; `explain` shows all of it.
 */

import { formatRepository, type Repository } from "../sources/reference.ts";
import { quote } from "../redact.ts";
import { equalCredentials, type ScopedCredential } from "./docker_config.ts";
import { compareSpecificity, covers, formatScope, type Scope } from "./scope.ts";

/** What becomes of a credential at one repository. */
export type RankVerdict =
  | "chosen"
  | "shorter-path"
  | "wider-host"
  | "earlier-in-order"
  | "by-annotation"
  | "other-path"
  | "other-port"
  | "other-host";

/** A credential with its place in a ranking. */
export interface RankedCredential {
  readonly candidate: ScopedCredential;
  readonly verdict: RankVerdict;
  /** The verdict in words. */
  readonly reason: string;
}

/** A pull source with the namespace's credential for it. */
export interface Chosen {
  readonly source: Repository;
  readonly credential: ScopedCredential;
}

/** What the credentials of a namespace come to for an image. */
export interface Choice {
  /** The repositories that the image is pulled from, in the order in which they are asked. */
  readonly sources: readonly Repository[];
  /** The credentials that were chosen from. */
  readonly credentials: readonly ScopedCredential[];
  /** The credential of each source that has one, in the order of the sources. */
  readonly chosen: readonly Chosen[];
  /** What an operator should know. */
  readonly warnings: readonly string[];
}

/**
 * Chooses the most specific credential for each source.
 *
 * @param credentials in the order of their secrets, by name or as the service account names them: of
 * equally specific ones the last wins.
 */
export function choose(
  sources: readonly Repository[],
  credentials: readonly ScopedCredential[],
): Choice {
  const chosen: Chosen[] = [];
  const warnings: string[] = [];
  for (const source of sources) {
    const [best, ...others] = rank(source, credentials);
    if (best?.verdict !== "chosen") continue;
    chosen.push({ source, credential: best.candidate });
    const tied = others.find(({ candidate, verdict }) =>
      verdict === "earlier-in-order" &&
      !equalCredentials(candidate.credential, best.candidate.credential)
    );
    if (tied === undefined) continue;
    warnings.push(
      `${formatRepository(source)} has different credentials in ${describe(tied.candidate)} and ` +
        `${describe(best.candidate)}; the latter is used`,
    );
  }
  return { sources, credentials, chosen, warnings };
}

/**
 * Every credential with what becomes of it at a repository: the chosen one, the others that cover the
 * repository from the most specific down, and those that do not cover it.
 *
 * @param credentials in the order in which of equally specific ones the last wins.
 */
export function rank(
  repository: Repository,
  credentials: readonly ScopedCredential[],
): RankedCredential[] {
  const covering: ScopedCredential[] = [];
  const others: ScopedCredential[] = [];
  for (const each of credentials) (covers(each.scope, repository) ? covering : others).push(each);
  // Of equally specific ones the last counts; sorting keeps their order.
  covering.reverse().sort((a, b) => compareSpecificity(b.scope, a.scope));
  const [best, ...rest] = covering;
  const passedOver = others.map((candidate) => ({
    candidate,
    ...mismatch(candidate.scope, repository),
  }));
  if (best === undefined) return passedOver;
  return [
    { candidate: best, verdict: "chosen", reason: whyChosen(best, rest) },
    ...rest.map((candidate) => ({ candidate, ...compareWith(best, candidate) })),
    ...passedOver,
  ];
}

type Judgement = Omit<RankedCredential, "candidate">;

function whyChosen(best: ScopedCredential, [next]: readonly ScopedCredential[]): string {
  if (next === undefined) return "the only one of the namespace that covers it";
  return compareSpecificity(next.scope, best.scope) === 0
    ? "as specific as others, and the last in the order of secrets and keys"
    : "the most specific one that covers it";
}

function compareWith(best: ScopedCredential, { scope, credential }: ScopedCredential): Judgement {
  if (scope.path.length < best.scope.path.length) {
    return { verdict: "shorter-path", reason: "less specific: its path is shorter" };
  }
  if (compareSpecificity(keyed(scope), keyed(best.scope)) < 0) {
    return { verdict: "wider-host", reason: "less specific: more of its host is a wildcard" };
  }
  if (compareSpecificity(scope, best.scope) < 0) {
    const reason = "as specific as the chosen one, which a key names; this one an annotation";
    return { verdict: "by-annotation", reason };
  }
  const reason = "as specific as the chosen one, but earlier in the order of secrets and keys; " +
    (equalCredentials(credential, best.credential)
      ? "both hold the same credential"
      : "they hold different credentials");
  return { verdict: "earlier-in-order", reason };
}

/** The scope as if a key named it. */
function keyed({ host, path }: Scope): Scope {
  return { host, path };
}

/** Why a scope does not cover a repository. */
export function mismatch(scope: Scope, { host, path }: Repository): Judgement {
  if (covers({ host: scope.host, path: "" }, { host, path })) {
    return { verdict: "other-path", reason: "another path" };
  }
  const anyPort = { host: withoutPort(scope.host), path: "" };
  if (covers(anyPort, { host: withoutPort(host), path })) {
    return { verdict: "other-port", reason: "another port of that host" };
  }
  return { verdict: "other-host", reason: "another host" };
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "");
}

function describe({ secret, key, scope }: ScopedCredential): string {
  const also = scope.derived ? `, also for ${quote(formatScope(scope))}` : "";
  return `secret ${quote(secret)} (key ${quote(key)}${also})`;
}
