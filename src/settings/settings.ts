/**
 * Every path, host and limit that can be set: one table that gives the type, the flags and their
 * help, the defaults, and the permissions a value implies.
 *
 * A pull takes its settings from the build and needs only their type: what its modules share with
 * the table stands elsewhere, so that the table is not evaluated in every pull.
 */

import { WAIT_FOR_TAKEN } from "../delivery/auth_file/placing.ts";
import { STALE_AFTER } from "../delivery/auth_file/stale_files.ts";
import { UsageError } from "../errors.ts";
import { PULLED_IMAGES, type PulledImages } from "../kubelet/pulled_images.ts";
import { hostAndPort, parseApiServerUrl, quoteAddress } from "../kubernetes/api_server_url.ts";
import { LOCAL_API_SERVER, PKI_CA_FILE } from "../kubernetes/kubeadm.ts";
import { SECRETS_ANNOTATION } from "../kubernetes/secrets/secret_names.ts";
import { SECRET_DATA_KEYS, type SecretType } from "../kubernetes/secrets/secret_types.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../process/log.ts";
import {
  oneOf,
  parseAnnotationKey,
  parsePath,
  parseStaleAfter,
  parseTimeout,
  parseWaitForTaken,
  single,
} from "./setting_values.ts";

/** The settings of one run. */
export interface Settings {
  /** Main registries files; the first that exists counts. */
  readonly registriesConf: readonly string[];
  /** Drop-in directories, later ones over earlier. */
  readonly registriesConfDir: readonly string[];
  /** Where CRI-O looks for the auth files. */
  readonly authDir: string;
  /** The node's global auth file. */
  readonly kubeletAuthFile: string;
  /** OpenShift's file with the API server's address. */
  readonly apiserverEnvFile: string;
  /** The kubelet's kubeconfig; the first that exists counts. */
  readonly kubeconfig: readonly string[];
  /** CA bundle that vouches for the API server; empty: the kubeconfig's, else {@link PKI_CA_FILE}. */
  readonly caFile: string;
  /** URL of the API server; empty: from the env file, else the kubeconfig, else localhost:6443. */
  readonly apiserver: string;
  /** Limit of everything that waits for others, in milliseconds. */
  readonly timeout: number;
  /** Who may use an image of a mirror that is on the node, by what the kubelet is answered. */
  readonly pulledImages: PulledImages;
  /**
   * How long an auth file that CRI-O has not taken yet is left alone, counted from the run's start, in
   * milliseconds; 0: not at all; `null`: as {@link WAIT_FOR_TAKEN} has it for `pulledImages`.
   */
  readonly waitForTaken: number | null;
  /**
   * Age from which an auth file that CRI-O never took is removed, in milliseconds; 0: never; `null`:
   * as `STALE_AFTER` of `auth/stale_files.ts` has it for `pulledImages`.
   */
  readonly staleAfter: number | null;
  /** Types of the secrets that are read. */
  readonly secretTypes: readonly SecretType[];
  /** Annotation in which a service account names the secrets that are read. */
  readonly secretsAnnotation: string;
  /** The least urgent level that is logged. */
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** journald's socket; empty: do not log there. */
  readonly journaldSocket: string;
}

function secretType(text: string): SecretType | undefined {
  return text === "kubernetes.io/dockerconfigjson" || text === "kubernetes.io/dockercfg"
    ? text
    : undefined;
}

/** Something that a setting's value makes the process touch, or keeps it from. */
export interface Access {
  readonly kind: "read" | "write" | "net";
  /** An absolute path, `host:port`, or `unix:` and a path. */
  readonly target: string;
  /** What the pull needs it for, or is kept from. */
  readonly step: string;
}

/** One line of the table. */
export interface Setting<Value> {
  /** Name on the command line and in a settings file. */
  readonly flag: string;
  /** What stands for the value in the help text. */
  readonly placeholder: string;
  readonly brief: string;
  readonly default: Value;
  /** Whether the flag may be given several times. */
  readonly repeatable: boolean;
  /** The value as the help shows it, where joining its parts does not do. */
  readonly format?: (value: Value) => string;
  /** @throws {UsageError} when the text is not a value of this setting. */
  readonly parse: (texts: readonly string[]) => Value;
  /** The permissions a value implies, given the settings as a whole. */
  readonly access: (value: Value, settings: Settings) => readonly Access[];
  /** What lies within those permissions and is denied all the same. */
  readonly except?: (value: Value) => readonly Access[];
}

/** The table. */
export const SETTINGS: { readonly [Name in keyof Settings]: Setting<Settings[Name]> } = {
  registriesConf: {
    flag: "registries-conf",
    placeholder: "FILE",
    brief: "Main registries file; the first that exists counts",
    default: ["/etc/containers/registries.conf", "/usr/share/containers/registries.conf"],
    repeatable: false,
    parse: (texts) => [parsePath(single(texts))],
    access: (paths) => paths.map((path) => read(path, "find the image's mirrors")),
  },
  registriesConfDir: {
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
    access: (paths) => paths.map((path) => read(path, "find the image's mirrors")),
  },
  authDir: {
    flag: "auth-dir",
    placeholder: "DIR",
    brief: "Directory in which CRI-O looks for auth files",
    default: "/etc/crio/auth",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path) => [
      // Linking and renaming ask for both on both names.
      read(path, "put the auth file in place"),
      { kind: "write", target: path, step: "put the auth file in place" },
    ],
    except: (path) => {
      const target = `${path}/in-use`;
      const step = "touch what CRI-O has taken";
      return [read(target, step), { kind: "write", target, step }];
    },
  },
  kubeletAuthFile: {
    flag: "kubelet-auth-file",
    placeholder: "FILE",
    brief: "The node's global auth file",
    default: "/var/lib/kubelet/config.json",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path) => [read(path, "keep the node's global credentials")],
  },
  apiserverEnvFile: {
    flag: "apiserver-env-file",
    placeholder: "FILE",
    brief: "File with KUBERNETES_SERVICE_HOST and _PORT",
    default: "/etc/kubernetes/apiserver-url.env",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path, settings) =>
      settings.apiserver === "" ? [read(path, "find the API server")] : [],
  },
  kubeconfig: {
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
  },
  caFile: {
    flag: "ca-file",
    placeholder: "FILE",
    brief: `CA bundle of the API server; default: the kubeconfig's, else ${PKI_CA_FILE}`,
    default: "",
    repeatable: false,
    parse: (texts) => parsePath(single(texts)),
    access: (path) => [read(path === "" ? PKI_CA_FILE : path, "verify the API server")],
  },
  apiserver: {
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
    access: (url) => [{
      kind: "net",
      target: hostAndPort(url === "" ? LOCAL_API_SERVER : url),
      step: "read the namespace's secrets",
    }],
  },
  timeout: {
    flag: "timeout",
    placeholder: "DURATION",
    brief: "Limit of a run, such as 30s; at most 55s, since the kubelet gives up after 60s",
    default: 30_000,
    repeatable: false,
    format: (milliseconds) => `${milliseconds / 1000}s`,
    parse: (texts) => parseTimeout(single(texts)),
    access: () => [],
  },
  pulledImages: {
    flag: "pulled-images",
    placeholder: "MODE",
    brief: `Who may use an image of a mirror that is on the node: ${PULLED_IMAGES.join(" or ")}`,
    default: "node",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), (text) => PULLED_IMAGES.find((mode) => mode === text)),
    access: () => [],
  },
  waitForTaken: {
    flag: "wait-for-taken",
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
  },
  staleAfter: {
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
  },
  secretTypes: {
    flag: "secret-types",
    placeholder: "TYPES",
    brief: `Secret types to read, separated by commas: ${Object.keys(SECRET_DATA_KEYS).join(",")}`,
    default: ["kubernetes.io/dockerconfigjson"],
    repeatable: true,
    parse: (texts) => texts.join().split(",").map((text) => oneOf(text, secretType)),
    access: () => [],
  },
  secretsAnnotation: {
    flag: "secrets-annotation",
    placeholder: "KEY",
    brief: "Annotation in which a service account names the secrets to read; without it: all",
    default: SECRETS_ANNOTATION,
    repeatable: false,
    parse: (texts) => parseAnnotationKey(single(texts)),
    access: () => [],
  },
  logLevel: {
    flag: "log-level",
    placeholder: "LEVEL",
    brief: `One of ${LOG_LEVELS.join(", ")}`,
    default: "info",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), (text) => LOG_LEVELS.find((level) => level === text)),
    access: () => [],
  },
  logFormat: {
    flag: "log-format",
    placeholder: "FORMAT",
    brief: `One of ${LOG_FORMATS.join(", ")}`,
    default: "text",
    repeatable: false,
    parse: (texts) => oneOf(single(texts), (text) => LOG_FORMATS.find((format) => format === text)),
    access: () => [],
  },
  journaldSocket: {
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
  },
};

/** A setting's name in {@link Settings}. */
export type SettingName = keyof Settings;

/** The names in the order of the table. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS).filter(isSettingName);

function isSettingName(name: string): name is SettingName {
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
  return mapSettings((name) => {
    const setting = SETTINGS[name];
    const texts = given.get(setting.flag);
    if (texts === undefined) return base[name];
    try {
      return setting.parse(texts);
    } catch (error) {
      // The parsers are shared by several settings and leave the place to be filled in here.
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(error.code, `--${setting.flag}`, error.problem, error.advice);
    }
  });
}

/** Builds settings name by name, so that no name of the table can be forgotten. */
function mapSettings(value: <Name extends SettingName>(name: Name) => Settings[Name]): Settings {
  return {
    registriesConf: value("registriesConf"),
    registriesConfDir: value("registriesConfDir"),
    authDir: value("authDir"),
    kubeletAuthFile: value("kubeletAuthFile"),
    apiserverEnvFile: value("apiserverEnvFile"),
    kubeconfig: value("kubeconfig"),
    caFile: value("caFile"),
    apiserver: value("apiserver"),
    timeout: value("timeout"),
    pulledImages: value("pulledImages"),
    waitForTaken: value("waitForTaken"),
    staleAfter: value("staleAfter"),
    secretTypes: value("secretTypes"),
    secretsAnnotation: value("secretsAnnotation"),
    logLevel: value("logLevel"),
    logFormat: value("logFormat"),
    journaldSocket: value("journaldSocket"),
  };
}

function minutes(milliseconds: number): string {
  return `${milliseconds / 60_000}m`;
}

function read(target: string, step: string): Access {
  return { kind: "read", target, step };
}
