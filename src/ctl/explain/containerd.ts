/** Why a pull by containerd gets, or does not get, its credentials: the way of a pull, in full. */

import { choose, type RankedCredential } from "../../credentials/choose.ts";
import type { ScopedCredential } from "../../credentials/docker_config.ts";
import { formatScope } from "../../credentials/scope.ts";
import {
  describeWithheld,
  type Offer,
  offerCredentials,
  type PairTry,
  type Viewer,
} from "../../delivery/response_auth.ts";
import type { Settings } from "../../settings/settings.ts";
import {
  type Candidate as Directory,
  hostDirectories,
  isThere,
} from "../../sources/hosts_toml/host_directory.ts";
import {
  describeUnsure,
  type OfferedHost,
  type OfferedHosts,
  readOfferedHosts,
  registryOf,
} from "../../sources/hosts_toml/offered_hosts.ts";
import { readHostsSources, whyNoHost } from "../../sources/hosts_toml/pull_sources.ts";
import { formatRepository, type Repository } from "../../sources/reference.ts";
import { judgeCredentials, readEntries, type Unusable } from "./entries.ts";
import type { Pull } from "./explanation.ts";
import type { NamedSecrets, SecretsRead } from "./read_secrets.ts";
import { readLogin } from "./login.ts";

/** A directory that containerd looks for, and what it means for the image. */
export interface LookedAtDirectory {
  readonly path: string;
  /** `used`: the first that exists; `shadowed`: it exists and does not count. */
  readonly state: "missing" | "used" | "shadowed";
}

/** A credential of the namespace at a host. */
export interface HostCandidate {
  readonly secret: string;
  readonly key: string;
  /** What the key is read as. */
  readonly scope: string;
  readonly user?: string;
  readonly verdict: RankedCredential["verdict"];
  readonly reason: string;
}

/** A host that containerd asks. */
export interface AskedHost {
  /** `host[:port]/path`, by which credentials are chosen. */
  readonly repository: string;
  /** What is asked for below: `https://mirror.example.com/v2/hub/library/nginx`. */
  readonly url: string;
  readonly role: "mirror" | "registry";
  /** Line of `hosts.toml`; `undefined` where containerd adds the image's own registry itself. */
  readonly line: number | undefined;
  /** Whether pulls by tag ask it. */
  readonly forTags: boolean;
  readonly candidates: readonly HostCandidate[];
}

/** A host that would see a pair, and by whose leave. */
export interface ExplainedViewer {
  readonly repository: string;
  readonly allowedBy: "secret" | "consent" | "nobody";
  /** Where the same pair is held for the host. */
  readonly secret?: string;
  readonly key?: string;
}

/** A chosen credential, and what becomes of it. */
export interface ExplainedOffer {
  readonly secret: string;
  readonly key: string;
  /** The host it was chosen for. */
  readonly chosenFor: string;
  readonly user?: string;
  readonly given: boolean;
  readonly seenBy: readonly ExplainedViewer[];
  /** Why it is withheld, and what to do. */
  readonly withheld?: string;
}

/** A pair that the kubelet tries, one pull for each. */
export interface ExplainedTry {
  /** The key in the answer. */
  readonly key: string;
  /** `undefined` for the try without credentials. */
  readonly secret?: string;
  readonly user?: string;
}

/** The whole explanation, which is also what `--json` prints. */
export interface ContainerdExplanation extends Pull {
  readonly runtime: "containerd";
  readonly directories: readonly LookedAtDirectory[];
  /** The `hosts.toml` that counts. */
  readonly file: string | undefined;
  readonly hosts: readonly AskedHost[];
  readonly secrets?: {
    readonly from: string;
    readonly read: readonly string[];
    readonly leftOut: readonly string[];
    readonly unusable: readonly Unusable[];
    readonly named?: NamedSecrets;
  };
  readonly offers: readonly ExplainedOffer[];
  readonly tries: readonly ExplainedTry[];
  readonly warnings: readonly string[];
  readonly conclusions: readonly string[];
}

/** What hosts.toml makes of an image, for an explanation. */
export interface FoundHosts extends OfferedHosts {
  readonly directories: readonly LookedAtDirectory[];
  /** As in a pull. */
  readonly sources: readonly Repository[];
}

/**
 * Reads what a pull reads of hosts.toml, and reports what else was looked for.
 *
 * @throws {UserError} when something that exists cannot be read.
 */
export function findHosts(roots: readonly string[], image: string): FoundHosts {
  const offered = readOfferedHosts(roots, image);
  const used = offered.directory?.path;
  const state = ({ path }: Directory): LookedAtDirectory["state"] =>
    path === used ? "used" : isThere(path) ? "shadowed" : "missing";
  const directories = hostDirectories(roots, registryOf(image))
    .map((directory) => ({ path: directory.path, state: state(directory) }));
  return { ...offered, directories, sources: readHostsSources(roots, image).sources };
}

/** A pull for which hosts.toml leaves nothing to do. */
export function explainNoHosts(pull: Pull, found: FoundHosts): ContainerdExplanation {
  const { directory, unsure } = found;
  return {
    ...pull,
    ...tellHosts(found),
    hosts: [],
    offers: [],
    tries: [],
    warnings: directory === undefined || unsure === undefined
      ? found.warnings
      : [describeUnsure(directory, unsure)],
    conclusions: [`The plugin has nothing to do: ${whyNoHost(found)}.`],
  };
}

function tellHosts({ directories, directory }: FoundHosts) {
  return {
    runtime: "containerd",
    directories,
    file: directory?.text === undefined ? undefined : directory.file,
  } as const;
}

/** A pull for which there are mirrors. */
export function explainContainerdPull(
  pull: Pull,
  found: FoundHosts,
  { secrets, settings, showUsers }: {
    readonly secrets: SecretsRead;
    readonly settings: Pick<Settings, "containerdAlsoOffer">;
    readonly showUsers: boolean;
  },
): ContainerdExplanation {
  const entries = readEntries(secrets);
  const choice = choose(found.sources, secrets.found.credentials);
  const { offers, tries } = offerCredentials(pull.image, choice, settings.containerdAlsoOffer);
  const tell = ({ credential }: ScopedCredential) => {
    const login = showUsers ? readLogin(credential) : undefined;
    return login === undefined ? {} : { user: login.user };
  };
  return {
    ...pull,
    ...tellHosts(found),
    hosts: found.hosts.map((host) => ({
      ...tellHost(host),
      candidates: judgeCredentials(host.repository, secrets.found, entries).map((
        { candidate, verdict, reason },
      ) => ({
        secret: candidate.secret,
        key: candidate.key,
        scope: formatScope(candidate.scope),
        ...tell(candidate),
        verdict,
        reason,
      })),
    })),
    secrets: {
      from: secrets.from,
      read: secrets.secrets.map(({ name }) => name),
      leftOut: secrets.leftOut,
      unusable: entries.unusable,
      ...(secrets.named !== undefined && { named: secrets.named }),
    },
    offers: offers.map((offer) => ({ ...tellOffer(offer), ...tell(offer.credential) })),
    tries: tries.map(({ key, credential }) => ({
      key,
      ...(credential !== undefined && { secret: credential.secret, ...tell(credential) }),
    })),
    warnings: [...found.warnings, ...choice.warnings],
    conclusions: conclude(found, offers, tries),
  };
}

function tellHost({ repository, requestPath, isOrigin, entry }: OfferedHost) {
  return {
    repository: formatRepository(repository),
    url: `${entry?.scheme ?? "https"}://${repository.host}${requestPath}`,
    role: isOrigin ? "registry" : "mirror",
    line: entry?.line,
    forTags: entry?.resolve ?? true,
  } as const;
}

function tellOffer(offer: Offer): ExplainedOffer {
  const withheld = describeWithheld(offer);
  return {
    secret: offer.credential.secret,
    key: offer.credential.key,
    chosenFor: formatRepository(offer.repository),
    given: withheld === undefined,
    seenBy: offer.viewers.map(tellViewer),
    ...(withheld !== undefined && { withheld }),
  };
}

function tellViewer({ repository, allowedBy }: Viewer): ExplainedViewer {
  const name = formatRepository(repository);
  if (allowedBy === undefined) return { repository: name, allowedBy: "nobody" };
  if (allowedBy === "consent") return { repository: name, allowedBy };
  const { secret, key } = allowedBy;
  return { repository: name, allowedBy: "secret", secret, key };
}

function conclude(
  { hosts }: OfferedHosts,
  offers: readonly Offer[],
  tries: readonly PairTry[],
): string[] {
  const withOrigin = hosts.some(({ isOrigin }) => isOrigin);
  if (tries.length === 0) {
    const why = offers.length === 0
      ? "no credential of the namespace covers a host that is asked"
      : "every credential that was chosen is withheld";
    return [`The kubelet gets no pair: ${why}.`];
  }
  const pairs = tries.length - 1;
  return [
    `The kubelet gets ${
      // deno-coverage-ignore -- no test has two pairs here
      pairs === 1 ? "one pair" : `${pairs} pairs`}; it pulls again with each, and ` +
    "containerd goes through all hosts.",
    "The last try is without credentials" +
    (withOrigin ? ", for public images at the image's own registry." : "."),
  ];
}
