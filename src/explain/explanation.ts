/** Why a pull gets, or does not get, its credentials: the story of `plugin.ts`, told in full. */

import type { AuthFile } from "../auth/auth_file.ts";
import {
  PULLED_IMAGES,
  PULLED_IMAGES_MEANING,
  PULLED_IMAGES_SINCE,
  type PulledImages,
} from "../kubelet/pulled_images.ts";
import type { Secret } from "../kubernetes/secrets.ts";
import type { PullSources } from "../registries/pull_sources.ts";
import {
  type Disclosure,
  explainCredentials,
  type ExplainedCredentials,
  type ExplainedSource,
} from "./credentials.ts";
import { type ExplainedRegistries, isRegistryItself } from "./registry_tables.ts";

/** Whose pull it is. */
export interface Pull {
  /** As the kubelet names it: without tag and digest. */
  readonly image: string;
  /** `undefined` for a pod without service account. */
  readonly namespace?: string;
  readonly serviceAccount?: string;
}

/** The secrets of the namespace, and where they were read. */
export interface SecretsRead {
  /** URL of the API server, or a file. */
  readonly from: string;
  /** In the order of their names. */
  readonly secrets: readonly Secret[];
  /** What the source also held and a pull does not read, in words. */
  readonly leftOut: readonly string[];
  /** What the service account names; `undefined`: nothing, so that all secrets are read. */
  readonly named?: NamedSecrets;
}

/** The secrets that a service account names. */
export interface NamedSecrets {
  /** The key of the annotation. */
  readonly annotation: string;
  /** In the order in which they count. */
  readonly names: readonly string[];
  /** Those that are not read, and why. */
  readonly notRead: readonly { readonly secret: string; readonly reason: string }[];
}

/** Who may use the image once it is on the node. */
export interface PulledImage {
  /** The setting. */
  readonly mode: PulledImages;
  /** What the setting means for images of mirrors. */
  readonly meaning: string;
  /** What the other one would mean. */
  readonly otherwise: string;
  /** From when on it takes effect. */
  readonly since: string;
  /** Whether the plugin's answer carries an empty pair, which makes the image the service account's. */
  readonly emptyPair: boolean;
}

/** The node's global auth file. */
export interface GlobalRead {
  readonly path: string;
  /** `undefined` when there is none. */
  readonly file: AuthFile | undefined;
}

/** A pull source with its place in the configuration. */
export interface PlacedSource extends ExplainedSource {
  readonly role: "mirror" | "registry";
  /** What will be used there, as a sentence. */
  readonly conclusion: string;
}

/** The whole explanation, which is also what `--json` prints. */
export interface Explanation extends Pull {
  readonly registries?: Omit<ExplainedRegistries, "pullSources">;
  /** References that the image library would refuse. */
  readonly unusableSources: readonly string[];
  readonly sources: readonly PlacedSource[];
  readonly secrets?: {
    readonly from: string;
    readonly read: readonly string[];
    readonly leftOut: readonly string[];
    readonly unusable: ExplainedCredentials["unusable"];
    readonly named?: NamedSecrets;
  };
  readonly pulledImage?: PulledImage;
  readonly global?: ExplainedCredentials["global"] & {
    readonly path: string;
    readonly found: boolean;
  };
  readonly authFile?: {
    readonly path: string;
    /** Whether the plugin would write it. */
    readonly written: boolean;
    readonly entries: NonNullable<ExplainedCredentials["entries"]>;
  };
  readonly warnings: readonly string[];
  /** What comes out, a sentence for each pull source, or why there is nothing to do. */
  readonly conclusions: readonly string[];
}

const NO_SOURCES = { unusableSources: [], sources: [], warnings: [] };

/** The pull of a pod without service account, for which the plugin does nothing. */
export function explainWithoutServiceAccount({ image }: Pull): Explanation {
  return {
    image,
    ...NO_SOURCES,
    conclusions: [
      "The plugin has nothing to do: the request carries no service-account token, as for a " +
      "static pod.",
    ],
  };
}

/** A pull for which the registries configuration leaves nothing to do. */
export function explainNothingToDo(pull: Pull, registries: ExplainedRegistries): Explanation {
  const { pullSources, ...told } = registries;
  return {
    ...pull,
    registries: told,
    ...NO_SOURCES,
    unusableSources: pullSources.unusable,
    conclusions: [whyNothing(pull.image, registries)],
  };
}

function whyNothing(image: string, { files, table, pullSources }: ExplainedRegistries): string {
  const nothing = "The plugin has nothing to do:";
  if (table?.blocked) return `${nothing} the registry is blocked, so that the pull is refused.`;
  if (pullSources.unusable.length > 0) {
    return `${nothing} no pull source is left that the image library accepts.`;
  }
  if (files.length === 0) return `${nothing} there is no registries configuration.`;
  return table === undefined
    ? `${nothing} no [[registry]] table matches ${image}: no mirror and no rewriting.`
    : `${nothing} the table has no mirror and rewrites nothing.`;
}

/** A pull for which there are pull sources. */
export function explainPull(
  pull: Pull,
  registries: ExplainedRegistries,
  { secrets, global, authFile, pulledImages, ...disclosure }: Disclosure & {
    readonly secrets: SecretsRead;
    /** The setting. */
    readonly pulledImages: PulledImages;
    readonly global: GlobalRead;
    /** Where CRI-O looks for the auth file. */
    readonly authFile: string;
  },
): Explanation {
  const { pullSources, ...told } = registries;
  const credentials = explainCredentials(
    pullSources.sources,
    secrets.secrets,
    global.file,
    disclosure,
  );
  const written = credentials.entries !== undefined;
  const sources = credentials.sources.map((source, index): PlacedSource => ({
    ...source,
    role: roleOf(pullSources, index, pull.image),
    conclusion: conclude(source, written),
  }));
  return {
    ...pull,
    registries: told,
    unusableSources: pullSources.unusable,
    sources,
    secrets: {
      from: secrets.from,
      read: secrets.secrets.map(({ name }) => name),
      leftOut: secrets.leftOut,
      unusable: credentials.unusable,
      ...(secrets.named !== undefined && { named: secrets.named }),
    },
    pulledImage: explainPulledImage(pulledImages, credentials.sources),
    global: { path: global.path, found: global.file !== undefined, ...credentials.global },
    authFile: { path: authFile, written, entries: credentials.entries ?? [] },
    warnings: credentials.warnings,
    conclusions: sources.map(({ conclusion }) => conclusion),
  };
}

function explainPulledImage(
  mode: PulledImages,
  sources: readonly ExplainedSource[],
): PulledImage {
  const [other = mode] = PULLED_IMAGES.filter((each) => each !== mode);
  const chosen = sources.some(({ candidates }) =>
    candidates.some(({ origin, verdict }) => origin === "secret" && verdict === "chosen")
  );
  return {
    mode,
    meaning: PULLED_IMAGES_MEANING[mode],
    otherwise: `--pulled-images ${other}: ${PULLED_IMAGES_MEANING[other]}`,
    since: PULLED_IMAGES_SINCE,
    emptyPair: mode === "service-account" && chosen,
  };
}

function roleOf(
  { registry, sources }: PullSources,
  index: number,
  image: string,
): PlacedSource["role"] {
  const source = sources[index];
  return registry !== undefined && source !== undefined &&
      isRegistryItself(source, registry, image)
    ? "registry"
    : "mirror";
}

function conclude({ repository, used }: ExplainedSource, written: boolean): string {
  switch (used.kind) {
    case "secret":
      return `${repository} is pulled with the credential of secret ${quote(used.secret)} ` +
        `(key ${quote(used.key)})${asUser(used.user)}.`;
    case "global":
      return used.keys.length === 1
        ? `${repository} is pulled with the global file's entry ${quote(used.keys[0] ?? "")}` +
          `${asUser(used.user)}.`
        : `${repository} is pulled with one of the global file's entries ` +
          `${used.keys.map(quote).join(", ")}; which one is not fixed.`;
    case "helper":
      return `${repository} is pulled with what the global file's credential helper of ` +
        `${used.host} gives.`;
    case "none":
      if (!written) {
        return `${repository} gets no credential from the plugin, which writes no auth file.`;
      }
      return `${repository} is pulled without a credential` +
        (used.keys.length === 0
          ? "."
          : `: the global file's entry ${used.keys.map(quote).join(", ")} holds none.`);
  }
}

function asUser(user: string | undefined): string {
  return user === undefined ? "" : `, as user ${quote(user)}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
