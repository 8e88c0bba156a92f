/**
 * Which pairs the kubelet is given for containerd, and in which order it tries them.
 *
 * containerd offers a pair to every host that asks for credentials: each mirror, and in the end the
 * image's own registry. So a pair is given only where each of these hosts may have it.
 */

import type { Choice } from "../credentials/choose.ts";
import {
  type Credential,
  equalCredentials,
  type ScopedCredential,
} from "../credentials/docker_config.ts";
import { canonicalHost, covers } from "../credentials/scope.ts";
import { EMPTY_PAIR, formatResponse, type Pair } from "../kubelet/credential_provider.ts";
import { formatRepository, type Repository } from "../sources/reference.ts";
import { decodeUtf8 } from "../text/utf8.ts";
import type { Delivered } from "./delivery.ts";

/** A credential with what becomes of it. */
export interface Offer {
  /** The host it was chosen for. */
  readonly repository: Repository;
  readonly credential: ScopedCredential;
  /** Each host that would see it; empty for what is no pair. */
  readonly viewers: readonly Viewer[];
  /** Why it is not given; `undefined` when it is. */
  readonly withheld: Withheld | undefined;
}

/** A host that would see a pair, and by whose leave. */
export interface Viewer {
  readonly repository: Repository;
  /** A credential of the namespace with the same pair, or the site's consent; `undefined`: nobody's. */
  readonly allowedBy: ScopedCredential | "consent" | undefined;
}

/** A pair that the kubelet tries. */
export interface PairTry {
  /** The key of the response's `auth` that it is under. */
  readonly key: string;
  readonly pair: Pair;
  /** Where it comes from; `undefined` for the empty pair. */
  readonly credential: ScopedCredential | undefined;
}

/** Why a credential is not given. */
export type Withheld =
  /** An identity token, or a pair of which one half is empty. */
  | { readonly kind: "not-a-pair" }
  /** Hosts that would see it, and for which no secret holds it. */
  | { readonly kind: "uncovered"; readonly hosts: readonly Repository[] }
  /** There are more pairs than an answer can order. */
  | { readonly kind: "too-many" };

/** The outcome for one image. */
export interface Offers {
  /** One for each host that has a credential of the namespace, in the order of the hosts. */
  readonly offers: readonly Offer[];
  /** What the kubelet tries, in its order; empty when no pair is given. */
  readonly tries: readonly PairTry[];
}

/** The `auth` member of a response. */
export function authOf(tries: readonly PairTry[]): Record<string, Pair> {
  return Object.fromEntries(tries.map(({ key, pair }) => [key, pair]));
}

/**
 * Hands the chosen credentials over in the response. Nothing is written, so nothing can be left behind.
 *
 * @param cacheDuration how long the kubelet may answer from its cache, in milliseconds.
 */
export function answerWithPairs(
  choice: Choice,
  image: string,
  { containerdAlsoOffer, cacheDuration }: {
    readonly containerdAlsoOffer: readonly string[];
    readonly cacheDuration: number;
  },
  warn: (warning: string) => void,
): Delivered {
  const { offers, tries } = offerCredentials(image, choice, containerdAlsoOffer);
  for (const offer of offers) {
    const warning = describeWithheld(offer);
    if (warning !== undefined) warn(warning);
  }
  const pairs = tries.filter(({ credential }) => credential !== undefined).length;
  return {
    response: pairs === 0 ? formatResponse() : formatResponse(authOf(tries), cacheDuration),
    outcome: pairs === 0 ? "no pair for the kubelet" : "gave pairs to the kubelet",
    facts: { pairs },
    withdraw: () => {},
  };
}

/** Each pair costs a try of all hosts. */
const MAX_PAIRS = 4;

/**
 * Gives those of the chosen credentials that every host may have.
 *
 * A pair may be given when for every host that is asked either a secret of the namespace holds that
 * same pair with a scope that covers it there, or the site consented to the host.
 *
 * @param choice its sources are the repositories asked, in order, the image's own registry included.
 * @param alsoOffer `host[:port]` to which any pair may be offered.
 */
export function offerCredentials(
  image: string,
  { sources: hosts, chosen, credentials }: Pick<Choice, "sources" | "chosen" | "credentials">,
  alsoOffer: readonly string[],
): Offers {
  const consented = new Set(alsoOffer.map(canonicalHost));
  const keys = orderedKeys(image);
  const offers: Offer[] = [];
  const given: { readonly pair: Pair; readonly credential: ScopedCredential }[] = [];
  for (const { source: repository, credential } of chosen) {
    const pair = pairOf(credential.credential);
    if (pair === undefined) {
      offers.push({ repository, credential, viewers: [], withheld: { kind: "not-a-pair" } });
      continue;
    }
    const viewers = hosts.map((host): Viewer => {
      const holder = credentials.find((other) =>
        covers(other.scope, host) && equalCredentials(other.credential, credential.credential)
      );
      const isConsented = consented.has(canonicalHost(host.host));
      return { repository: host, allowedBy: holder ?? (isConsented ? "consent" : undefined) };
    });
    const uncovered = viewers.filter(({ allowedBy }) => allowedBy === undefined)
      .map(({ repository }) => repository);
    if (uncovered.length > 0) {
      const withheld = { kind: "uncovered", hosts: uncovered } as const;
      offers.push({ repository, credential, viewers, withheld });
      continue;
    }
    const isGiven = given.some((other) => equalPairs(other.pair, pair));
    // The last key is the empty pair's.
    const isFull = given.length >= Math.min(MAX_PAIRS, keys.length - 1);
    if (!isGiven && !isFull) given.push({ pair, credential });
    const withheld = isGiven || !isFull ? undefined : { kind: "too-many" } as const;
    offers.push({ repository, credential, viewers, withheld });
  }
  if (given.length === 0) return { offers, tries: [] };
  // A try without credentials, for public images at the image's own registry.
  // deno-coverage-ignore -- for the compiler: there is a key
  const last = { key: keys.at(-1) ?? "", pair: EMPTY_PAIR, credential: undefined };
  return {
    offers,
    // deno-coverage-ignore -- for the compiler: there is a key for each pair
    tries: [...given.map((each, index) => ({ key: keys[index] ?? "", ...each })), last],
  };
}

/** The pair of a credential; `undefined` where containerd would make none of it. */
function pairOf({ auth, identitytoken }: Credential): Pair | undefined {
  if (identitytoken !== undefined) return undefined;
  let text: string;
  try {
    text = decodeUtf8(Uint8Array.fromBase64(auth));
    // deno-coverage-ignore-start -- for the compiler: a credential of a secret was decoded before
  } catch {
    return undefined; // JSON carries no other bytes.
    // deno-coverage-ignore-stop
  }
  const colon = text.indexOf(":");
  const pair = { username: text.slice(0, colon), password: text.slice(colon + 1) };
  return pair.username === "" || pair.password === "" ? undefined : pair;
}

function equalPairs(a: Pair, b: Pair): boolean {
  return a.username === b.username && a.password === b.password;
}

/**
 * Keys of a response's `auth`, in the order in which the kubelet tries them; the last is the host.
 *
 * The kubelet goes through the keys in reverse string order and takes each that begins the image's
 * path (`BasicDockerKeyring` in `k8s.io/kubernetes/pkg/credentialprovider`), so each key is the one
 * before without its last character. It drops `/v1/` and `/v2/` behind a host, so that for an image
 * whose path begins so no longer key than `host/v1` would match.
 */
export function orderedKeys(image: string): string[] {
  const slash = image.indexOf("/");
  const host = image.slice(0, slash), path = image.slice(slash + 1);
  const start = /^v[12]\//.test(path) ? path.slice(0, 2) : path;
  const keys: string[] = [];
  for (let length = start.length; length > 0 && keys.length < MAX_PAIRS; length--) {
    keys.push(`${host}/${start.slice(0, length)}`);
  }
  return [...keys, host];
}

/** Why a credential is withheld, in words for the log, and what can be done about it. */
export function describeWithheld(
  { repository, credential: { secret }, withheld }: Offer,
): string | undefined {
  const what = `the credential of secret ${JSON.stringify(secret)} for ` +
    formatRepository(repository);
  switch (withheld?.kind) {
    case undefined:
      return undefined;
    case "not-a-pair":
      return `${what} is withheld: it is an identity token, or lacks user name or password, and ` +
        "containerd takes neither from the kubelet";
    case "too-many":
      return `${what} is withheld: the kubelet can be given ${MAX_PAIRS} different ones at most, ` +
        "and no more than the image's path has characters";
    case "uncovered": {
      const names = [...new Set(withheld.hosts.map(({ host }) => host))].join(", ");
      return `${what} is withheld: containerd would offer it to ${names}, too; add a key for ` +
        "that host with the same user name and password to the secret, or consent on the node " +
        // deno-coverage-ignore -- for the compiler: there is a host
        `with --containerd-also-offer ${withheld.hosts[0]?.host ?? ""}`;
    }
  }
}
