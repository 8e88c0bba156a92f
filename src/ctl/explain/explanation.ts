/** Why a pull gets, or does not get, its credentials: the story of `plugin.ts` in full. */

import type { AuthFile } from "../../delivery/auth_file/auth_file.ts";
import { describeBareMap } from "../../delivery/auth_file/library_entry.ts";
import {
  PULLED_IMAGES,
  PULLED_IMAGES_MEANING,
  PULLED_IMAGES_SINCE,
  type PulledImages,
} from "../../kubelet/pulled_images.ts";
import type { Pulls } from "../../sources/registries_conf/tables.ts";
import { formatMistake } from "../../sources/registries_conf/places.ts";
import type { Form, HelpersFirst } from "../../sources/registries_conf/pull_sources.ts";
import { formatRepository } from "../../sources/reference.ts";
import {
  type Disclosure,
  explainCredentials,
  type ExplainedCredentials,
  type ExplainedSource,
} from "./credentials.ts";
import type { Unusable } from "./entries.ts";
import type { LoggedComparison } from "./logged_comparison.ts";
import type { NamedSecrets, SecretsRead } from "./read_secrets.ts";
import {
  type BlockedSource,
  type ExplainedRegistries,
  type InvalidEndpoint,
  placeText,
  type ShortNameAlias,
} from "./registry_tables.ts";

/** Whose pull it is. */
export interface Pull {
  /** As the kubelet names it: without tag and digest. */
  readonly image: string;
  /** What the pod names the image by; `undefined` when that is not known. */
  readonly form?: Form;
  /** `undefined` for a pod without service account. */
  readonly namespace?: string;
  readonly serviceAccount?: string;
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
  /** The pulls in which it is asked, by the configuration. */
  readonly pulls: Pulls;
  /** Whether it is asked in this pull, as far as its form is known. */
  readonly asked: boolean;
  /** What will be used there, as a sentence. */
  readonly conclusion: string;
}

/** The whole explanation, which is also what `--json` prints. */
export interface Explanation extends Pull {
  readonly registries?: Pick<ExplainedRegistries, "files" | "table" | "passedOver"> & {
    readonly credentialHelpers?: Omit<HelpersFirst, "mistake">;
  };
  /** By which CRI-O refuses whole pulls. */
  readonly unusableSources: readonly InvalidEndpoint[];
  /** Which CRI-O does not contact. */
  readonly blockedSources: readonly BlockedSource[];
  readonly sources: readonly PlacedSource[];
  readonly secrets?: {
    readonly from: string;
    readonly read: readonly string[];
    readonly leftOut: readonly string[];
    readonly unusable: readonly Unusable[];
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
  /** What CRI-O did in a pull, where a log of it was given. */
  readonly crioLog?: LoggedComparison;
  readonly warnings: readonly string[];
  /** What holds under a condition that is not known. */
  readonly notes: readonly string[];
  /** What comes out, a sentence for each pull source, or why there is nothing to do. */
  readonly conclusions: readonly string[];
}

const NO_SOURCES = {
  unusableSources: [],
  blockedSources: [],
  sources: [],
  warnings: [],
  notes: [],
};

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

/** What is said of the registries, whatever comes of them. */
function tellRegistries(image: string, registries: ExplainedRegistries) {
  const { files, table, passedOver, helpers, invalid, blocked } = registries;
  const credentialHelpers = helpers &&
    { first: helpers.first, fileIsRead: helpers.fileIsRead, file: helpers.file };
  return {
    registries: {
      files,
      table,
      passedOver,
      ...(credentialHelpers !== undefined && { credentialHelpers }),
    },
    unusableSources: invalid,
    blockedSources: blocked,
    notes: registries.aliases.map((alias) => describeAlias(image, alias)),
  };
}

/**
 * A pull for which the registries configuration leaves nothing to do.
 *
 * @param reason the pull's own.
 */
export function explainNothingToDo(
  pull: Pull,
  registries: ExplainedRegistries,
  reason: string,
): Explanation {
  return {
    ...pull,
    ...NO_SOURCES,
    ...tellRegistries(pull.image, registries),
    warnings: registries.warnings,
    conclusions: [
      ...refusals(pull, registries),
      ...registries.blocked.map(describeBlocked),
      sayNothingToDo(pull.image, registries, reason),
    ],
  };
}

/** What the pull says of it, and where that is in the configuration. */
function sayNothingToDo(
  image: string,
  { files, table }: ExplainedRegistries,
  reason: string,
): string {
  const place = table !== undefined
    ? `by [[registry]] ${quote(table.prefix)}, ${placeText(table)}`
    : files.length === 0
    ? "there is no registries configuration"
    : `no [[registry]] table matches ${image}`;
  return `The plugin has nothing to do: ${reason}: ${place}.`;
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
  const { helpers } = registries;
  const credentials = explainCredentials(
    registries.pullSources.sources,
    secrets,
    global.file,
    { ...disclosure, image: pull.image },
  );
  const written = credentials.entries !== undefined;
  const working = workingForms(pull, registries);
  const sources = credentials.sources.map((source): PlacedSource => {
    const { role, pulls } = placeSource(source.repository, registries);
    const forms = working.filter((form) => asks(pulls, form));
    const conclusion = forms.length === 0
      ? describeUnasked(source.repository, pulls, pull.form)
      : onlyFor(forms, pull.form) + throughHelpers(source, conclude(source, written), helpers);
    return { ...source, role, pulls, asked: forms.length > 0, conclusion };
  });
  const told = tellRegistries(pull.image, registries);
  const bare = global.file && describeBareMap(global.file);
  return {
    ...pull,
    ...told,
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
    warnings: [
      ...registries.warnings,
      ...(helpers === undefined ? [] : [formatMistake(helpers.mistake)]),
      ...(bare === undefined ? [] : [`${global.path} ${bare}`]),
      ...credentials.warnings,
    ],
    notes: [...told.notes, ...describeOwnPairs(pull.image, credentials.ownPairs)],
    conclusions: [
      ...refusals(pull, registries),
      ...(working.length === 0 ? [] : sources.map(({ conclusion }) => conclusion)),
      ...(working.length === 0 ? [] : registries.blocked.map(describeBlocked)),
    ],
  };
}

const FORMS: readonly Form[] = ["tag", "digest"];

/** The forms that the pull may have. */
function possibleForms({ form }: Pull): readonly Form[] {
  return form === undefined ? FORMS : [form];
}

/** The forms in which the pull is not refused as a whole. */
function workingForms(pull: Pull, { invalid }: ExplainedRegistries): readonly Form[] {
  return possibleForms(pull).filter((form) =>
    !invalid.some(({ refuses }) => refuses.includes(form))
  );
}

function asks(pulls: Pulls, form: Form): boolean {
  return pulls === "all" || pulls === `${form}-only`;
}

/** Why no pull works, or none of one form. */
function refusals(pull: Pull, { invalid }: ExplainedRegistries): string[] {
  const possible = possibleForms(pull);
  return invalid.flatMap(({ refuses, place, problem }) => {
    const forms = possible.filter((form) => refuses.includes(form));
    if (forms.length === 0) return [];
    const which = forms.length === FORMS.length ? "" : ` by ${forms[0]}`;
    return [
      `No pull${which} of ${pull.image} works: ${place}: ${problem}. CRI-O gives up before it asks ` +
      "any mirror or registry.",
    ];
  });
}

/** The role of a source, and the pulls in which any of the endpoints that give it is asked. */
function placeSource(
  repository: string,
  { pullSources }: ExplainedRegistries,
): Pick<PlacedSource, "role" | "pulls"> {
  const endpoints = pullSources.endpoints.filter((endpoint) =>
    endpoint.repository !== undefined && formatRepository(endpoint.repository) === repository
  );
  const isRegistry = endpoints.some(({ role }) => role === "registry");
  const [first = "all", ...others] = endpoints.map(({ pulls }) => pulls);
  const pulls = others.every((other) => other === first) ? first : "all";
  return { role: isRegistry ? "registry" : "mirror", pulls };
}

/** `For pulls by digest: ` where the form is not known and counts. */
function onlyFor(forms: readonly Form[], form: Form | undefined): string {
  return form !== undefined || forms.length === FORMS.length ? "" : `For pulls by ${forms[0]}: `;
}

/** In words, the pulls of a restricted endpoint. */
export function describePulls(pulls: Exclude<Pulls, "all">): string {
  return pulls === "digest-only" ? "for pulls by digest only" : "for pulls by tag only";
}

function describeUnasked(repository: string, pulls: Pulls, form: Form | undefined): string {
  if (pulls === "all" || form === undefined) return `${repository} is not asked.`;
  return `${repository} is not asked: it is ${
    describePulls(pulls)
  }, and the image is named by ${form}.`;
}

function describeBlocked({ repository, role, by }: BlockedSource): string {
  const what = role === "registry" ? "the registry itself" : "a mirror";
  return `${repository}, ${what}, is not asked: it is blocked by [[registry]] ${
    quote(by.prefix)
  }, ` +
    `${placeText(by)}.`;
}

function describeAlias(image: string, { name, target, file, isUsed }: ShortNameAlias): string {
  return `${isUsed ? "" : `if the pod names the image ${quote(name)}: `}${
    quote(name)
  } is an alias of ` +
    `${target} (${file}): CRI-O pulls from there, with what the plugin does for ${image}; name the image in ` +
    "full";
}

function describeOwnPairs(image: string, secrets: readonly string[]): string[] {
  if (secrets.length === 0) return [];
  return [
    `several credentials of the namespace cover ${image} itself (secret ${
      secrets.map(quote).join(", ")
    }): if the pod's own imagePullSecrets give the kubelet more than one, it pulls with one after the ` +
    "other, and only the first of these pulls has the auth file",
  ];
}

/** What credential helpers make of a conclusion. */
function throughHelpers(
  { repository }: ExplainedSource,
  conclusion: string,
  helpers: HelpersFirst | undefined,
): string {
  if (helpers === undefined) return conclusion;
  const names = helpers.first.map(quote).join(", ");
  const host = repository.split("/", 1)[0];
  return helpers.fileIsRead
    ? `The credential helper ${names} is asked first; if it has nothing for ${host}: ${conclusion}`
    : `${repository} is pulled with what the credential helper ${names} gives for ${host}: CRI-O reads ` +
      "no auth file.";
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

function conclude({ repository, used }: ExplainedSource, written: boolean): string {
  switch (used.kind) {
    case "secret":
      return `${repository} is pulled with the credential of secret ${quote(used.secret)} ` +
        `(key ${quote(used.key)}${
          used.alsoFor === undefined ? "" : `, also for ${quote(used.alsoFor)} by its annotation`
        })${asUser(used.user)}.`;
    case "global":
      return used.keys.length === 1
        // deno-coverage-ignore -- for the compiler: the length is one
        ? `${repository} is pulled with the global file's entry ${quote(used.keys[0] ?? "")}` +
          `${asUser(used.user)}.`
        : `${repository} is pulled with one of the global file's entries ` +
          `${used.keys.map(quote).join(", ")}; which one is not fixed.`;
    case "helper":
      return `${repository} is pulled with what the global file's credential helper of ` +
        `${used.host} gives.`;
    case "error":
      return `${repository} is not pulled: CRI-O fails at the global file's entry ` +
        `${used.keys.map(quote).join(", ")}, which ${used.reason}.`;
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
