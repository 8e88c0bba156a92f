/**
 * Why each pull source gets the credential it gets. The choice itself is `resolveCredentials`', as in
 * a pull; what is added here is the reason, by the comparisons that it is made with.
 */

import type { AuthFile } from "../../delivery/auth_file/auth_file.ts";
import { readSecret, type ScopedCredential } from "../../credentials/docker_config.ts";
import { judgeEntry, whyUnfindable } from "../../delivery/auth_file/library_entry.ts";
import { equalCredentials, gives, type Lookup, lookUp } from "../../delivery/auth_file/lookup.ts";
import { type Chosen, resolveCredentials } from "../../delivery/auth_file/resolve.ts";
import {
  compareSpecificity,
  covers,
  formatScope,
  parseScope,
  type Scope,
} from "../../credentials/scope.ts";
import { hideUserInfo } from "../../errors.ts";
import type { Secret } from "../../kubernetes/secrets/list.ts";
import { formatRepository, parseRepository, type Repository } from "../../sources/reference.ts";
import { type Login, readLogin } from "./login.ts";

/** What became of a candidate. */
export type Verdict =
  | "chosen"
  | "other-host"
  | "other-port"
  | "other-path"
  | "shorter-path"
  | "wider-host"
  | "earlier-in-order"
  | "no-credential"
  | "broken"
  | "never-found"
  | "behind-namespace";

/** What might have been used for a pull source. */
export interface Candidate {
  /** Where it stands: in a secret, or in the global auth file as an entry or a helper. */
  readonly origin: "secret" | "global-entry" | "global-helper";
  /** Name of the secret. */
  readonly secret?: string;
  /** The key as written. */
  readonly key: string;
  /** What the key is read as: host with optional port and path. */
  readonly scope?: string;
  /** Who would log in, if that was asked for. */
  readonly user?: string;
  readonly verdict: Verdict;
  /** The verdict in words. */
  readonly reason: string;
}

/** What a look-up of the pull source in the resulting file ends at. */
export type Used =
  | {
    readonly kind: "secret";
    readonly secret: string;
    readonly key: string;
    /** The keys of the resulting file that lead there. */
    readonly foundUnder: readonly string[];
    readonly user?: string;
  }
  /** Several keys only where the image library takes one of them in no particular order. */
  | { readonly kind: "global"; readonly keys: readonly string[]; readonly user?: string }
  /** The credential helper of the global file for a host. */
  | { readonly kind: "helper"; readonly host: string }
  /** The look-up fails at these entries, and so does the pull from there. */
  | { readonly kind: "error"; readonly keys: readonly string[]; readonly reason: string }
  /** With the keys of entries that hold no credential, if some are found. */
  | { readonly kind: "none"; readonly keys: readonly string[] };

/** One pull source. */
export interface ExplainedSource {
  /** `host[:port]/path` */
  readonly repository: string;
  /** Those of the namespace, the likelier first, then those of the global file. */
  readonly candidates: readonly Candidate[];
  readonly used: Used;
}

/** A secret, or an entry of one, that speaks for no repository at all. */
export interface Unusable {
  readonly secret: string;
  readonly key?: string;
  readonly reason: string;
}

/** An entry of the resulting file. */
export interface FileEntry {
  readonly key: string;
  readonly origin: "secret" | "global";
  readonly secret?: string;
  /** Whether it stands in the place of an entry of the global file. */
  readonly replacesGlobal: boolean;
}

/** What the global auth file contributes. */
export interface GlobalContribution {
  readonly kept: readonly string[];
  readonly replaced: readonly string[];
  /** Hosts of credential helpers. */
  readonly helpersKept: readonly string[];
  readonly helpersLeftOut: readonly string[];
  /** Names of the other fields, all of which are kept. */
  readonly otherFields: readonly string[];
}

/** The part of an explanation that is about credentials. */
export interface ExplainedCredentials {
  readonly sources: readonly ExplainedSource[];
  readonly unusable: readonly Unusable[];
  readonly global: GlobalContribution;
  /** `undefined` when no file is written, because nothing would be in it. */
  readonly entries: readonly FileEntry[] | undefined;
  /**
   * The secrets whose keys cover the image itself, if they hold several credentials: a pod whose own pull
   * secrets these are is pulled for once with each.
   */
  readonly ownPairs: readonly string[];
  readonly warnings: readonly string[];
}

/** What may be shown. */
export interface Disclosure {
  /** Whether user names are part of the explanation. */
  readonly showUsers: boolean;
}

/** What else an explanation goes by. */
export interface ExplainOptions extends Disclosure {
  /** The image as the kubelet names it. */
  readonly image?: string;
}

/**
 * Explains which credential each pull source gets.
 *
 * @param secrets in the order of their names.
 */
export function explainCredentials(
  sources: readonly Repository[],
  secrets: readonly Secret[],
  global: AuthFile | undefined,
  disclosure: ExplainOptions,
): ExplainedCredentials {
  const { credentials, withoutCredential, unusable } = readSecrets(secrets);
  const { file, chosen, warnings } = resolveCredentials(sources, credentials, global);
  const choices = new Map(chosen.map(({ source, credential }) => [source, credential]));
  const tell = (login: Login | undefined) =>
    disclosure.showUsers && login !== undefined ? { user: login.user } : {};

  const explained = sources.map((source): ExplainedSource => {
    const choice = choices.get(source);
    const found = file === undefined ? NOT_FOUND : lookUp(file, source);
    return {
      repository: formatRepository(source),
      candidates: [
        ...judgeCredentials(source, credentials, choice)
          .map(({ candidate, ...judged }) => ({
            ...describe(candidate),
            ...tell(readLogin(candidate.credential)),
            ...judged,
          })),
        ...withoutCredential.map((entry) => judgeWithoutCredential(source, entry)),
        ...judgeGlobal(source, choice, found, file, global).map(({ entry, ...judged }) => ({
          ...judged,
          ...tell(readLogin(entry)),
        })),
      ],
      used: use(source, choice, found, file, tell),
    };
  });
  return {
    sources: explained,
    unusable,
    global: contribution(global, file),
    entries: file && [...file.auths].map(([key, entry]) => fileEntry(key, entry, chosen, global)),
    ownPairs: findOwnPairs(credentials, disclosure.image),
    warnings,
  };
}

function findOwnPairs(
  credentials: readonly ScopedCredential[],
  image: string | undefined,
): readonly string[] {
  const repository = image === undefined ? undefined : parseRepository(image);
  if (repository === undefined) return [];
  const own = credentials.filter(({ scope }) => covers(scope, repository));
  const isOne = own.every(({ credential }) => equalCredentials(credential, own[0]?.credential));
  return isOne ? [] : [...new Set(own.map(({ secret }) => secret))];
}

const NOT_FOUND: Lookup = { kind: "none" };

/** An entry that names repositories and yet opens none. */
interface EntryWithoutCredential {
  readonly secret: string;
  readonly key: string;
  readonly scope: Scope;
  readonly verdict: "no-credential" | "broken";
  readonly reason: string;
}

function readSecrets(secrets: readonly Secret[]) {
  const unusable: Unusable[] = [];
  const withoutCredential: EntryWithoutCredential[] = [];
  const credentials = secrets.flatMap((secret) =>
    readSecret(secret, (name, key, reason) => {
      const scope = key === undefined ? undefined : parseScope(key);
      if (key === undefined) unusable.push({ secret: name, reason });
      else if (scope === undefined) unusable.push({ secret: name, key, reason });
      else {
        const broken = `broken: ${reason}`;
        withoutCredential.push({ secret: name, key, scope, verdict: "broken", reason: broken });
      }
    }, (name, key) => {
      const scope = parseScope(key);
      if (scope === undefined) return;
      const reason = "holds no credential, as credential helpers leave it behind";
      withoutCredential.push({ secret: name, key, scope, verdict: "no-credential", reason });
    })
  );
  return { credentials, withoutCredential, unusable };
}

interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
}

interface JudgedCredential extends Judgement {
  readonly candidate: ScopedCredential;
}

/** The chosen one first, then the others that cover the source from the most specific down. */
function judgeCredentials(
  source: Repository,
  credentials: readonly ScopedCredential[],
  choice: ScopedCredential | undefined,
): JudgedCredential[] {
  const covering = credentials.filter(({ scope }) => covers(scope, source));
  const others = credentials.filter(({ scope }) => !covers(scope, source));
  // Of equally specific ones the last counts, so they are shown from the last to the first.
  const ranked = covering.toReversed().sort((a, b) => compareSpecificity(b.scope, a.scope));
  return [
    ...ranked.map((candidate) => ({
      candidate,
      ...(candidate === choice ? chosenAmong(candidate, ranked) : comparedWith(choice, candidate)),
    })),
    ...others.map((candidate) => ({ candidate, ...mismatch(candidate.scope, source) })),
  ];
}

function chosenAmong(choice: ScopedCredential, ranked: readonly ScopedCredential[]): Judgement {
  const rivals = ranked.filter(({ scope }) => compareSpecificity(scope, choice.scope) === 0);
  const reason = ranked.length === 1
    ? "the only one of the namespace that covers it"
    : rivals.length === 1
    ? "the most specific one that covers it"
    : "as specific as others, and the last in the order of secrets and keys";
  return { verdict: "chosen", reason };
}

function comparedWith(
  choice: ScopedCredential | undefined,
  candidate: ScopedCredential,
): Judgement {
  const { scope } = candidate;
  const best = choice?.scope ?? scope;
  if (scope.path.length < best.path.length) {
    return { verdict: "shorter-path", reason: "less specific: its path is shorter" };
  }
  if (compareSpecificity(scope, best) < 0) {
    return { verdict: "wider-host", reason: "less specific: more of its host is a wildcard" };
  }
  const same = equalCredentials(candidate.credential, choice?.credential);
  const reason = "as specific as the chosen one, but earlier in the order of secrets and keys" +
    (same ? "; both hold the same credential" : "; they hold different credentials");
  return { verdict: "earlier-in-order", reason };
}

/** Why a scope does not cover a repository. */
function mismatch(scope: Scope, { host, path }: Repository): Judgement {
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

function judgeWithoutCredential(source: Repository, entry: EntryWithoutCredential): Candidate {
  const { scope, verdict, reason } = entry;
  if (covers(scope, source)) return { ...describe(entry), verdict, reason };
  const other = mismatch(scope, source);
  const also = verdict === "broken" ? `, and ${reason}` : "";
  return { ...describe(entry), verdict: other.verdict, reason: `${other.reason}${also}` };
}

function describe(
  { secret, key, scope }: { readonly secret: string; readonly key: string; readonly scope: Scope },
) {
  return { origin: "secret", secret, key, scope: formatScope(scope) } as const;
}

/** What the global file has for the source, alone or in the end. */
function judgeGlobal(
  source: Repository,
  choice: ScopedCredential | undefined,
  found: Lookup,
  file: AuthFile | undefined,
  global: AuthFile | undefined,
): (Omit<Candidate, "user"> & { readonly entry?: unknown })[] {
  if (global === undefined) return [];
  const unfound = [...global.auths].flatMap(([key, entry]) => {
    const scope = parseScope(key);
    const problem = scope && covers(scope, source) ? whyUnfindable(key) : undefined;
    if (problem === undefined) return [];
    const reason = `${problem.reason}; ${problem.advice}`;
    return [
      {
        origin: "global-entry",
        key: hideUserInfo(key),
        entry,
        verdict: "never-found",
        reason,
      } as const,
    ];
  });
  const behind = choice === undefined
    ? `left out: another source on ${source.host} has a credential of the namespace`
    : "a credential of the namespace counts first";
  const alone = lookUp(global, source);
  if (alone.kind === "helper" && found.kind === "helper") {
    const reason = "no credential of the namespace covers it";
    return [{ origin: "global-helper", key: source.host, verdict: "chosen", reason }, ...unfound];
  }
  const helpers = alone.kind !== "helper" ? [] : [
    {
      origin: "global-helper",
      key: source.host,
      verdict: "behind-namespace",
      reason: behind,
    } as const,
  ];
  const used = found.kind === "keys"
    ? found.keys.filter((key) => file?.auths.get(key) === global.auths.get(key))
    : [];
  const keys = new Set([...(alone.kind === "keys" ? alone.keys : []), ...used]);
  return [
    ...helpers,
    ...[...keys].map((key) => {
      const entry = global.auths.get(key);
      const judgement: Judgement = choice !== undefined || !used.includes(key)
        ? { verdict: "behind-namespace", reason: behind }
        : judgeUsedEntry(entry);
      return { origin: "global-entry", key: hideUserInfo(key), entry, ...judgement } as const;
    }),
    ...unfound,
  ];
}

/** An entry of the global file at which the look-up ends. */
function judgeUsedEntry(entry: unknown): Judgement {
  const judged = judgeEntry(entry);
  switch (judged.kind) {
    case "login":
      return { verdict: "chosen", reason: "no credential of the namespace covers it" };
    case "none":
      return { verdict: "no-credential", reason: judged.reason };
    case "error":
      return { verdict: "broken", reason: `broken: ${judged.reason}` };
  }
}

function use(
  source: Repository,
  choice: ScopedCredential | undefined,
  found: Lookup,
  file: AuthFile | undefined,
  tell: (login: Login | undefined) => { readonly user?: string },
): Used {
  if (file === undefined || found.kind === "none") return { kind: "none", keys: [] };
  if (choice !== undefined && gives(file, found, choice.credential)) {
    return {
      kind: "secret",
      secret: choice.secret,
      key: choice.key,
      foundUnder: found.kind === "keys" ? found.keys.map(hideUserInfo) : [],
      ...tell(readLogin(choice.credential)),
    };
  }
  if (found.kind === "helper") {
    return { kind: "helper", host: source.host };
  }
  const keys = found.keys.map(hideUserInfo);
  const judged = found.keys.map((key) => judgeEntry(file.auths.get(key)));
  const logins = judged.map((judgement) =>
    judgement.kind === "login" ? { user: judgement.user } : undefined
  );
  if (logins.every((login) => login === undefined)) {
    const error = judged.find((judgement) => judgement.kind === "error");
    return error?.kind === "error"
      ? { kind: "error", keys, reason: error.reason }
      : { kind: "none", keys };
  }
  return { kind: "global", keys, ...(logins.length === 1 && tell(logins[0])) };
}

function fileEntry(
  key: string,
  entry: unknown,
  chosen: readonly Chosen[],
  global: AuthFile | undefined,
): FileEntry {
  const shown = hideUserInfo(key);
  const replacesGlobal = global?.auths.has(key) === true && global.auths.get(key) !== entry;
  // An entry of a namespace is the very credential that was chosen.
  const choice = chosen.find(({ credential }) => credential.credential === entry);
  return choice === undefined
    ? { key: shown, origin: "global", replacesGlobal }
    : { key: shown, origin: "secret", secret: choice.credential.secret, replacesGlobal };
}

function contribution(
  global: AuthFile | undefined,
  file: AuthFile | undefined,
): GlobalContribution {
  const isKept = (key: string) => file?.auths.get(key) === global?.auths.get(key);
  const keys = [...(global?.auths.keys() ?? [])];
  const hosts = [...(global?.credHelpers.keys() ?? [])];
  const shown = (keys: readonly string[]) => keys.map(hideUserInfo);
  return {
    kept: shown(keys.filter(isKept)),
    replaced: shown(keys.filter((key) => !isKept(key))),
    helpersKept: shown(hosts.filter((host) => file?.credHelpers.has(host))),
    helpersLeftOut: shown(hosts.filter((host) => !file?.credHelpers.has(host))),
    otherFields: [...(global?.otherFields.keys() ?? [])],
  };
}
