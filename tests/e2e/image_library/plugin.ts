/** What the plugin's own modules say, in the form in which the library's answers are compared. */

import {
  type AuthFile,
  formatAuthFile,
  parseAuthFile,
} from "../../../src/delivery/auth_file/auth_file.ts";
import type { Credential } from "../../../src/credentials/docker_config.ts";
import { judgeEntry, whyUnfindable } from "../../../src/delivery/auth_file/library_entry.ts";
import { lookUp } from "../../../src/delivery/auth_file/lookup.ts";
import { readCredentials } from "../../../src/credentials/namespace_credentials.ts";
import { composeAuthFile } from "../../../src/delivery/auth_file/resolve.ts";
import { choose } from "../../../src/credentials/choose.ts";
import { UserError } from "../../../src/errors.ts";
import { SECRET_DATA_KEYS } from "../../../src/kubernetes/secrets/secret_types.ts";
import type { Secret } from "../../../src/kubernetes/secrets/secret.ts";
import {
  mergeRegistries,
  type RegistriesConfiguration,
} from "../../../src/sources/registries_conf/config.ts";
import { readRegistriesFiles } from "../../../src/sources/registries_conf/files.ts";
import {
  findPullSources,
  type Form,
  refusedBy,
} from "../../../src/sources/registries_conf/pull_sources.ts";
import {
  formatRepository,
  parseRepository,
  type Repository,
} from "../../../src/sources/reference.ts";
import { SETTINGS } from "../../../src/settings/settings.ts";
import type { MadeSecret } from "./auth_files.ts";

/** What the plugin makes of one image. */
export interface PluginPull {
  /** Prefix of the table that applies; empty for none. */
  readonly prefix: string;
  /** `host/path` of what it provides credentials for, in order. */
  readonly sources: readonly string[];
  /** What a pull by tag or by digest asks; `undefined` where there is nothing for the plugin to do. */
  readonly forms: Readonly<Record<Form, PluginForm>> | undefined;
}

/** What a pull by tag or by digest asks. */
export interface PluginForm {
  /** Whether it says that an endpoint gives no valid reference, so that the library refuses the pull. */
  readonly refused: boolean;
  readonly endpoints: readonly { readonly repository: string; readonly blockedBy: string }[];
}

/** What the plugin makes of a node. */
export interface PluginNode {
  /** Why it refuses the configuration; empty where it does not. */
  readonly error: string;
  /** Whether it warns of keys that differ in case alone. */
  readonly warnsOfTwins: boolean;
  /** As merged; empty where no file sets it. */
  readonly credentialHelpers: readonly string[];
  readonly pulls: readonly PluginPull[];
}

/** Reads a node's files where the plugin reads them by default, below a root directory. */
export function readNode(root: string, images: readonly string[]): PluginNode {
  const below = (paths: readonly string[]) => paths.map((path) => `${root}${path}`);
  try {
    const configuration = mergeRegistries(readRegistriesFiles({
      registriesConf: below(SETTINGS.registriesConf.default),
      registriesConfDir: below(SETTINGS.registriesConfDir.default),
    }));
    return {
      error: "",
      warnsOfTwins: configuration.twins.length > 0,
      credentialHelpers: configuration.credentialHelpers?.helpers ?? [],
      pulls: images.map((image) => readPull(configuration, image)),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      error: error.message.replaceAll(root, ""),
      warnsOfTwins: false,
      credentialHelpers: [],
      pulls: [],
    };
  }
}

function readPull(configuration: RegistriesConfiguration, image: string): PluginPull {
  const { registry, endpoints, sources } = findPullSources(configuration, image);
  const of = (form: Form): PluginForm => ({
    refused: endpoints.some((endpoint) => refusedBy(endpoint).includes(form)),
    endpoints: endpoints.filter(({ pulls }) => pulls === "all" || pulls === `${form}-only`)
      .map(({ repository, blockedBy }) => ({
        repository: repository === undefined ? "" : formatRepository(repository),
        blockedBy: blockedBy?.prefix ?? "",
      })),
  });
  return {
    prefix: registry?.prefix ?? "",
    sources: sources.map(formatRepository),
    forms: endpoints.length === 0 ? undefined : { tag: of("tag"), digest: of("digest") },
  };
}

/** What the plugin does for a pull with these sources. */
export interface PluginFile {
  /** Why it refuses the pull; empty where it does not. */
  readonly error: string;
  /** The auth file that it writes; `undefined` for none. */
  readonly text: string | undefined;
  /** For each source, in order: the login that it chose from the secrets, if there is one. */
  readonly chosen: readonly (Login | undefined)[];
  /** Hosts whose global credential helper it says it left out. */
  readonly warnings: readonly string[];
}

/** A login as the image library gives it. */
export interface Login {
  readonly username: string;
  readonly password: string;
  readonly identitytoken: string;
}

/** Makes the auth file of a pull, as the plugin does it from secrets and the node's global file. */
export function makeFile(
  repositories: readonly string[],
  secrets: readonly MadeSecret[],
  global: string | undefined,
): PluginFile {
  const clock = {
    now: () => 0,
    sleep: () => Promise.resolve(),
    random: () => 0,
    wallClock: () => 0,
  };
  const sources = repositories.map(repositoryOf);
  const listed = secrets.map(({ name, type, text }): Secret => ({
    name,
    type,
    data: { [SECRET_DATA_KEYS[type]]: new TextEncoder().encode(text).toBase64() },
  }));
  try {
    const { credentials } = readCredentials(listed, sources, { clock, deadline: 1 });
    const globalFile = global === undefined ? undefined : parseAuthFile(global, "config.json");
    const choice = choose(sources, credentials);
    const { file, warnings } = composeAuthFile(choice, globalFile);
    return {
      error: "",
      text: file && formatAuthFile(file),
      chosen: sources.map((source) => {
        const found = choice.chosen.find((chosen) => chosen.source === source);
        return found && decode(found.credential.credential);
      }),
      warnings: [...choice.warnings, ...warnings],
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { error: error.message, text: undefined, chosen: [], warnings: [] };
  }
}

function decode({ auth, identitytoken = "" }: Credential): Login {
  // As Go's JSON encoder tells bytes that are no UTF-8.
  const login = new TextDecoder().decode(Uint8Array.fromBase64(auth));
  const colon = login.indexOf(":");
  return {
    username: login.slice(0, colon),
    password: login.slice(colon + 1),
    identitytoken,
  };
}

/** What the plugin says of an auth file as it stands, for people to mend. */
export interface JudgedFile {
  /** Whether it says that the library refuses the whole file. */
  readonly refused: boolean;
  /** What the look-up of each repository may end at. */
  readonly lookups: readonly (readonly JudgedEntry[])[];
}

/** An entry, or a helper's name, or nothing. */
export type JudgedEntry =
  | { readonly kind: "helper"; readonly name: string }
  | { readonly kind: "login"; readonly user: string }
  | { readonly kind: "none" }
  | { readonly kind: "error" };

/** Judges an auth file as explain and doctor do. */
export function judgeFile(text: string, repositories: readonly string[]): JudgedFile {
  let file: AuthFile;
  try {
    file = parseAuthFile(text, "config.json");
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { refused: true, lookups: [] };
  }
  const lookups = repositories.map((repository): JudgedEntry[] => {
    const source = repositoryOf(repository);
    const found = lookUp(file, source);
    if (found.kind === "none") return [{ kind: "none" }];
    if (found.kind === "helper") {
      const name = file.credHelpers.get(source.host);
      return [{ kind: "helper", name: typeof name === "string" ? name : "" }];
    }
    return found.keys.map((key) => judgeEntry(file.auths.get(key)));
  });
  return { refused: file.leftOut.length > 0, lookups };
}

/** Whether the plugin says that a key of an auth file is found by some look-up. */
export function isFindable(key: string): boolean {
  return whyUnfindable(key) === undefined;
}

function repositoryOf(repository: string): Repository {
  const parsed = parseRepository(repository);
  if (parsed === undefined) throw new Error(`${repository} is no repository`);
  return parsed;
}
