/**
 * Every path, host and limit that can be set: one table that gives the type, the flags and their
 * help, the defaults, and the permissions a value implies.
 *
 * A pull takes its settings from the build and needs only their type: what its modules share with
 * the table is elsewhere, so that the table is not evaluated in every pull.
 */

import { WAIT_FOR_TAKEN } from "../delivery/auth_file/placing.ts";
import { STALE_AFTER } from "../delivery/auth_file/stale_files.ts";
import { UsageError } from "../errors.ts";
import { PULLED_IMAGES } from "../kubelet/pulled_images.ts";
import { type Runtime, RUNTIMES } from "../kubelet/runtime.ts";
import { parseHostPattern } from "../kubernetes/api_server_hosts.ts";
import { hostAndPort, parseApiServerUrl, quoteAddress } from "../kubernetes/api_server_url.ts";
import { LOCAL_API_SERVER, PKI_CA_FILE } from "../kubernetes/kubeadm.ts";
import { SECRETS_ANNOTATION } from "../kubernetes/secrets/secret_names.ts";
import { SECRET_DATA_KEYS, type SecretType } from "../kubernetes/secrets/secret_types.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../process/log.ts";
import { isObject } from "../text/parse.ts";
import {
  type Access,
  choice,
  choices,
  NUMBER,
  NUMBER_OR_NULL,
  type Peers,
  type Setting,
  setting,
  TEXT,
  TEXTS,
} from "./setting.ts";
import {
  oneOf,
  parseAnnotationKey,
  parseCacheDuration,
  parseHostAndPort,
  parsePath,
  parseStaleAfter,
  parseTimeout,
  parseWaitForTaken,
  single,
} from "./setting_values.ts";

const SECRET_TYPES = Object.keys(SECRET_DATA_KEYS).filter(isSecretType);

function isSecretType(text: string): text is SecretType {
  return Object.hasOwn(SECRET_DATA_KEYS, text);
}

/** The table, each entry with the kind of its values. Its keys are the settings' names. */
const TABLE = {
  /** The container runtime that pulls. */
  runtime: setting(choice(RUNTIMES), {
    flag: "runtime",
    placeholder: "RUNTIME",
    brief: `Container runtime of the node: ${RUNTIMES.join(" or ")}`,
    default: "crio",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), RUNTIMES),
    access: () => [],
  }),
  /** Main registries files; the first that exists counts. */
  registriesConf: setting(TEXTS, {
    flag: "registries-conf",
    placeholder: "FILE",
    brief: "Main registries file; the first that exists counts",
    default: ["/etc/containers/registries.conf", "/usr/share/containers/registries.conf"],
    repeatable: false,
    parse: (texts) => [parsePath(single(texts))],
    access: (paths, settings) => forCrio(settings, findMirrors(paths)),
  }),
  /** Drop-in directories, later ones over earlier. */
  registriesConfDir: setting(TEXTS, {
    flag: "registries-conf-dir",
    placeholder: "DIR",
    brief: "Directory of registries drop-ins, later ones over earlier; may be repeated",
    default: [
      "/usr/share/containers/registries.conf.d",
      "/usr/share/containers/registries.rootful.conf.d",
      "/etc/containers/registries.conf.d",
      "/etc/containers/registries.rootful.conf.d",
    ],
    repeatable: true,
    parse: (texts) => texts.map(parsePath),
    access: (paths, settings) => forCrio(settings, findMirrors(paths)),
  }),
  /** Where CRI-O looks for the auth files. */
  authDir: setting(TEXT, {
    flag: "auth-dir",
    placeholder: "DIR",
    brief: "Directory in which CRI-O looks for auth files",
    default: "/etc/crio/auth",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path, settings) =>
      forCrio(settings, [
        // Linking and renaming ask for both on both names.
        read(path, "put the auth file in place"),
        { kind: "write", target: path, step: "put the auth file in place" },
      ]),
    except: (path, settings) => {
      const target = `${path}/in-use`;
      const step = "touch what CRI-O has taken";
      return forCrio(settings, [read(target, step), { kind: "write", target, step }]);
    },
  }),
  /** The node's global auth file. */
  kubeletAuthFile: setting(TEXT, {
    flag: "kubelet-auth-file",
    placeholder: "FILE",
    brief: "The node's global auth file",
    default: "/var/lib/kubelet/config.json",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path, settings) =>
      forCrio(settings, [read(path, "keep the node's global credentials")]),
  }),
  /** Directories in which containerd looks for a registry's `hosts.toml`, in order. */
  containerdHostsDir: setting(TEXTS, {
    flag: "containerd-hosts-dir",
    onlyFor: "containerd",
    placeholder: "DIR",
    brief: "Directory of containerd's hosts.toml files, in the order of its config_path; may be " +
      "repeated",
    default: ["/etc/containerd/certs.d", "/etc/docker/certs.d"],
    repeatable: true,
    parse: (texts) => texts.map(parsePath),
    access: (paths, settings) => settings.runtime === "containerd" ? findMirrors(paths) : [],
  }),
  /** `host[:port]` that any pair may be offered to beside the hosts that a secret holds it for. */
  containerdAlsoOffer: setting(TEXTS, {
    flag: "containerd-also-offer",
    onlyFor: "containerd",
    placeholder: "HOST[:PORT]",
    brief: "Host that containerd may offer any of these credentials to; may be repeated",
    default: [],
    repeatable: true,
    parse: (texts) => texts.filter((text) => text !== "").map(parseHostAndPort),
    access: () => [],
  }),
  /** How long the kubelet may answer from its cache where pairs are given, in milliseconds. */
  cacheDuration: setting(NUMBER, {
    flag: "cache-duration",
    onlyFor: "containerd",
    placeholder: "DURATION",
    brief: "How long the kubelet may use containerd's credentials again without asking; 0s: not " +
      "at all",
    default: 0,
    repeatable: false,
    format: (milliseconds) => `${milliseconds / 1000}s`,
    parse: (texts) => parseCacheDuration(single(texts)),
    access: () => [],
  }),
  /** OpenShift's file with the API server's address. */
  apiserverEnvFile: setting(TEXT, {
    flag: "apiserver-env-file",
    placeholder: "FILE",
    brief: "File with KUBERNETES_SERVICE_HOST and _PORT",
    default: "/etc/kubernetes/apiserver-url.env",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path, settings) =>
      settings.apiserver === "" ? [read(path, "find the API server")] : [],
  }),
  /** The kubelet's kubeconfig; the first that exists counts. */
  kubeconfig: setting(TEXTS, {
    flag: "kubeconfig",
    placeholder: "FILE",
    brief: "The kubelet's kubeconfig, for the API server and its CA; the first that exists counts",
    default: ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeconfig"],
    repeatable: false,
    parse: (texts) => [parsePath(single(texts))],
    access: (paths, settings) =>
      settings.apiserver === "" || settings.caFile === ""
        ? paths.map((path) => read(path, "find the API server and its CA"))
        : [],
  }),
  /** CA bundle that vouches for the API server; empty: the kubeconfig's, else {@link PKI_CA_FILE}. */
  caFile: setting(TEXT, {
    flag: "ca-file",
    placeholder: "FILE",
    brief: `CA bundle of the API server; default: the kubeconfig's, else ${PKI_CA_FILE}`,
    default: "",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path) => [read(path === "" ? PKI_CA_FILE : path, "verify the API server")],
  }),
  /** URL of the API server; empty: from the env file, else the kubeconfig, else localhost:6443. */
  apiserver: setting(TEXT, {
    flag: "apiserver",
    placeholder: "HOST:PORT|URL",
    brief: "API server; default: from the env file, else the kubeconfig, else localhost:6443",
    default: "",
    repeatable: false,
    parse: (texts) => {
      const text = single(texts);
      const url = parseApiServerUrl(text);
      if (url === undefined) {
        throw new UsageError(
          "flag-value-invalid",
          "--apiserver",
          `${quoteAddress(text)} is not HOST:PORT or https://HOST`,
        );
      }
      return url;
    },
    access: (url, { apiserverHosts }) =>
      apiserverHosts.length > 0 ? [] : [connect(hostAndPort(url === "" ? LOCAL_API_SERVER : url))],
  }),
  /** Patterns within which the API server's address must lie; none: it is `apiserver` alone. */
  apiserverHosts: setting(TEXTS, {
    flag: "apiserver-hosts",
    placeholder: "PATTERNS",
    brief: "For many clusters: where the API server found on a node must lie, such as " +
      "*.clusters.example.com:6443 or 10.20.0.0/16:6443",
    default: [],
    repeatable: true,
    parse: (texts) => texts.join().split(",").map(parseHostPattern),
    access: (patterns) => patterns.map(connect),
  }),
  /** Limit of everything that waits for others, in milliseconds. */
  timeout: setting(NUMBER, {
    flag: "timeout",
    placeholder: "DURATION",
    brief: "Limit of a run, such as 30s; at most 55s, since the kubelet gives up after 60s",
    default: 30_000,
    repeatable: false,
    format: (milliseconds) => `${milliseconds / 1000}s`,
    parse: (texts) => parseTimeout(single(texts)),
    access: () => [],
  }),
  /** Who may use an image of a mirror that is on the node, by what the kubelet is answered. */
  pulledImages: setting(choice(PULLED_IMAGES), {
    flag: "pulled-images",
    onlyFor: "crio",
    placeholder: "MODE",
    brief: `Who may use an image of a mirror that is on the node: ${PULLED_IMAGES.join(" or ")}`,
    default: "node",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), PULLED_IMAGES),
    access: () => [],
  }),
  /**
   * How long an auth file that CRI-O has not taken yet is left alone, counted from the run's start, in
   * milliseconds; 0: not at all; `null`: as {@link WAIT_FOR_TAKEN} has it for `pulledImages`.
   */
  waitForTaken: setting(NUMBER_OR_NULL, {
    flag: "wait-for-taken",
    onlyFor: "crio",
    placeholder: "DURATION",
    brief:
      "How long a run leaves an earlier auth file for CRI-O to take before it replaces it; 0s: not " +
      "at all",
    default: null,
    repeatable: false,
    format: (milliseconds) =>
      milliseconds === null
        ? `${WAIT_FOR_TAKEN.node / 1000}s, or ${
          WAIT_FOR_TAKEN["service-account"] / 1000
        }s with --pulled-images service-account`
        : `${milliseconds / 1000}s`,
    parse: (texts) => parseWaitForTaken(single(texts)),
    access: () => [],
  }),
  /**
   * Age from which an auth file that CRI-O never took is removed, in milliseconds; 0: never; `null`:
   * as {@link STALE_AFTER} has it for `pulledImages`.
   */
  staleAfter: setting(NUMBER_OR_NULL, {
    flag: "stale-after",
    placeholder: "DURATION",
    brief: "Age from which auth files that CRI-O never took are removed; 0s: never",
    default: null,
    repeatable: false,
    format: (milliseconds) =>
      milliseconds === null
        ? `${minutes(STALE_AFTER.node)}, or ${minutes(STALE_AFTER["service-account"])} with ` +
          "--pulled-images service-account"
        : minutes(milliseconds),
    parse: (texts) => parseStaleAfter(single(texts)),
    access: () => [],
  }),
  /** Types of the secrets that are read. */
  secretTypes: setting(choices(SECRET_TYPES), {
    flag: "secret-types",
    placeholder: "TYPES",
    brief: `Secret types to read, separated by commas: ${SECRET_TYPES.join(",")}`,
    default: ["kubernetes.io/dockerconfigjson"],
    repeatable: true,
    parse: (texts) => texts.join().split(",").map((text) => oneOf(text, SECRET_TYPES)),
    access: () => [],
  }),
  /** Annotation in which a service account names the secrets that are read. */
  secretsAnnotation: setting(TEXT, {
    flag: "secrets-annotation",
    placeholder: "KEY",
    brief: "Annotation in which a service account names the secrets to read; without it: all",
    default: SECRETS_ANNOTATION,
    repeatable: false,
    parse: (texts) => parseAnnotationKey(single(texts)),
    access: () => [],
  }),
  /** Whether a secret's annotation may extend its credentials to further registries. */
  alsoFor: setting(choice(["on", "off"]), {
    flag: "also-for",
    placeholder: "on|off",
    brief:
      "Whether a secret's annotation crio-credential-provider/also-for may name further registries " +
      "for its credentials",
    default: "on",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), ["on", "off"]),
    access: () => [],
  }),
  /** The least urgent level that is logged. */
  logLevel: setting(choice(LOG_LEVELS), {
    flag: "log-level",
    placeholder: "LEVEL",
    brief: `One of ${LOG_LEVELS.join(", ")}`,
    default: "info",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), LOG_LEVELS),
    access: () => [],
  }),
  logFormat: setting(choice(LOG_FORMATS), {
    flag: "log-format",
    placeholder: "FORMAT",
    brief: `One of ${LOG_FORMATS.join(", ")}`,
    default: "text",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), LOG_FORMATS),
    access: () => [],
  }),
  /** journald's socket; empty: do not log there. */
  journaldSocket: setting(TEXT, {
    flag: "journald-socket",
    placeholder: "PATH",
    brief: "journald's socket, or an empty value to log to stderr alone",
    default: "/run/systemd/journal/stdout",
    repeatable: false,
    parse: (texts) => single(texts) === "" ? "" : parsePath(single(texts)),
    access: (path) => {
      if (path === "") return [];
      const step = "log to journald";
      return [
        read(path, step),
        { kind: "write", target: path, step },
        { kind: "net", target: `unix:${path}`, step },
      ];
    },
  }),
};

/** The settings of one run. */
export type Settings = {
  readonly [Name in keyof typeof TABLE]: (typeof TABLE)[Name] extends Setting<infer Value> ? Value
    : never;
};

/** A setting's name in {@link Settings}. */
export type SettingName = keyof Settings;

/** The table by name. */
export const SETTINGS: { readonly [Name in SettingName]: Setting<Settings[Name]> } = TABLE;

/** The names in the order of the table. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS).filter(isSettingName);

/** Whether a text is the name of a setting. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/** A setting's value as the help shows it; empty when it is left to be found out. */
export function formatSetting<Name extends SettingName>(name: Name, settings: Settings): string {
  const value = settings[name];
  return SETTINGS[name].format?.(value) ?? [value].flat().join(", ");
}

/** What the table says where nobody sets anything. */
export const DEFAULT_SETTINGS: Settings = mapSettings((name) => SETTINGS[name].default);

/**
 * Settings with some values given as text, by flag name, over others.
 *
 * @param given the texts of each flag, in the order given; a flag given replaces the whole value.
 * @throws {UsageError} when a text is not a value of its setting.
 */
export function applyFlags(
  base: Settings,
  given: ReadonlyMap<string, readonly string[]>,
): Settings {
  const settings = mapSettings((name) => {
    const setting = SETTINGS[name];
    const texts = given.get(setting.flag);
    if (texts === undefined) return base[name];
    try {
      return setting.parse(texts);
    } catch (error) {
      // The parsers are shared by several settings and leave the place to be filled in here.
      // deno-coverage-ignore -- an error of another kind would be a bug
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(error.code, `--${setting.flag}`, error.problem, error.advice);
    }
  });
  for (const { flag, runtime } of flagsWithoutMeaning(settings.runtime)) {
    if (given.has(flag)) {
      throw new UsageError(
        "flag-value-invalid",
        `--${flag}`,
        `has no meaning with --runtime ${settings.runtime}`,
        `leave it out, or add --runtime ${runtime}`,
      );
    }
  }
  return settings;
}

/**
 * The flags of settings without effect on a node with this runtime, each with the runtime that it is for.
 * Whoever gives one would trust in it.
 */
export function flagsWithoutMeaning(
  runtime: Runtime,
): { readonly flag: string; readonly runtime: Runtime }[] {
  return SETTING_NAMES.flatMap((name) => {
    const { flag, onlyFor } = SETTINGS[name];
    return onlyFor === undefined || onlyFor === runtime ? [] : [{ flag, runtime: onlyFor }];
  });
}

/** Builds settings name by name. */
function mapSettings(value: (name: SettingName) => unknown): Settings {
  const made: unknown = forEachSetting(value);
  // deno-coverage-ignore -- for the compiler: the table is what the type is made of
  if (!isSettings(made)) throw new TypeError("a setting has a value of another kind");
  return made;
}

/** Whether a value that was read as JSON is settings: each is there, and of its kind. */
export function isSettings(value: unknown): value is Settings {
  return isObject(value) && SETTING_NAMES.every((name) => SETTINGS[name].isValue(value[name]));
}

/** Something for each setting, by its name. */
export function forEachSetting<Value>(
  make: (name: SettingName) => Value,
): { readonly [Name in SettingName]: Value } {
  const made = Object.fromEntries(SETTING_NAMES.map((name) => [name, make(name)]));
  // deno-coverage-ignore -- for the compiler: the table is what the type is made of
  if (!hasEachSetting(made)) throw new TypeError("a setting is missing");
  return made;
}

function hasEachSetting<Value>(
  made: Readonly<Record<string, Value>>,
): made is { readonly [Name in SettingName]: Value } {
  return SETTING_NAMES.every((name) => Object.hasOwn(made, name));
}

function minutes(milliseconds: number): string {
  return `${milliseconds / 60_000}m`;
}

function connect(target: string): Access {
  return { kind: "net", target, step: "read the namespace's secrets" };
}

function findMirrors(paths: readonly string[]): Access[] {
  return paths.map((path) => read(path, "find the image's mirrors"));
}

/** What only a node with CRI-O needs. */
function forCrio({ runtime }: Peers, access: readonly Access[]): readonly Access[] {
  return runtime === "crio" ? access : [];
}

function read(target: string, step: string): Access {
  return { kind: "read", target, step };
}
