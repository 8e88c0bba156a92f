/**
 * Why each pull source gets the credential it gets. The choice, its reasons and the auth file are those
 * of a pull; what is added here is what the global file and unusable secrets have to do with it.
 */

import type { AuthFile } from "../../delivery/auth_file/auth_file.ts";
import { choose, type Chosen, mismatch, type RankVerdict } from "../../credentials/choose.ts";
import { equalCredentials, type ScopedCredential } from "../../credentials/docker_config.ts";
import { judgeEntry, whyUnfindable } from "../../delivery/auth_file/library_entry.ts";
import { gives, type Lookup, lookUp } from "../../delivery/auth_file/lookup.ts";
import { composeAuthFile } from "../../delivery/auth_file/resolve.ts";
import { covers, formatScope, parseScope, type Scope } from "../../credentials/scope.ts";
import { hideUserInfo } from "../../errors.ts";
import { ALSO_FOR_ANNOTATION } from "../../kubernetes/secrets/secret_types.ts";
import { formatRepository, parseRepository, type Repository } from "../../sources/reference.ts";
import {
  type EntryWithoutCredential,
  judgeCredentials,
  readEntries,
  type Unusable,
} from "./entries.ts";
import type { SecretsRead } from "./read_secrets.ts";
import { type Login, readLogin } from "./login.ts";

/** What became of a candidate. */
export type Verdict =
  | RankVerdict
  | "no-credential"
  | "broken"
  | "never-found"
  | "behind-namespace";

/** What might have been used for a pull source. */
export interface Candidate {
  /** Where it is: in a secret, or in the global auth file as an entry or a helper. */
  readonly origin: "secret" | "global-entry" | "global-helper";
  /** Name of the secret. */
  readonly secret?: string;
  /** The key as written. */
  readonly key: string;
  /** What the key is read as, or the annotation adds to it: host with optional port and path. */
  readonly scope?: string;
  /** The annotation of the secret by which the key's credential is for this scope, too. */
  readonly annotation?: string;
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
    /** What an annotation of the secret adds to the key, where that leads here. */
    readonly alsoFor?: string;
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

/** An entry of the resulting file. */
export interface FileEntry {
  readonly key: string;
  readonly origin: "secret" | "global";
  readonly secret?: string;
  /** Whether it is in the place of an entry of the global file. */
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
 * @param read the secrets, and what the pull has of them: from that alone the choice is made.
 */
export function explainCredentials(
  sources: readonly Repository[],
  read: Pick<SecretsRead, "secrets" | "found">,
  global: AuthFile | undefined,
  disclosure: ExplainOptions,
): ExplainedCredentials {
  const secretEntries = readEntries(read);
  const { credentials, withoutCredential, unusable } = secretEntries;
  const { chosen, warnings: ties } = choose(sources, read.found.credentials);
  const { file, warnings } = composeAuthFile({ sources, chosen }, global);
  const choices = new Map(chosen.map(({ source, credential }) => [source, credential]));
  const tell = (login: Login | undefined) =>
    disclosure.showUsers && login !== undefined ? { user: login.user } : {};

  const explained = sources.map((source): ExplainedSource => {
    const choice = choices.get(source);
    const found = file === undefined ? NOT_FOUND : lookUp(file, source);
    return {
      repository: formatRepository(source),
      candidates: [
        ...judgeCredentials(source, read.found, secretEntries).map(({ candidate, ...judged }) => ({
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
    warnings: [...ties, ...warnings],
  };
}

function findOwnPairs(
  credentials: readonly ScopedCredential[],
  image: string | undefined,
): readonly string[] {
  const repository = image === undefined ? undefined : parseRepository(image);
  if (repository === undefined) return [];
  // The kubelet knows keys alone.
  const own = credentials.filter(({ scope }) => !scope.derived && covers(scope, repository));
  const isOne = own.every(({ credential }) => equalCredentials(credential, own[0]?.credential));
  return isOne ? [] : [...new Set(own.map(({ secret }) => secret))];
}

const NOT_FOUND: Lookup = { kind: "none" };

interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
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
  return {
    origin: "secret",
    secret,
    key,
    scope: formatScope(scope),
    ...(scope.derived && { annotation: ALSO_FOR_ANNOTATION }),
  } as const;
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
      ...(choice.scope.derived && { alsoFor: formatScope(choice.scope) }),
      // deno-coverage-ignore -- for the compiler: what a secret gives is found under keys
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
