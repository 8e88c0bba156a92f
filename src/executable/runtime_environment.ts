/**
 * The environment variables that bypass the sandbox: the runtime, or what starts it, obeys them
 * whatever the program's permissions are.
 *
 * Found by having the compiled form (Deno 2.9.6, x86_64) record every name that it looks up with
 * `getenv`, by the names in its strings, and by ld.so(8) and bash(1); each was then set to hostile
 * values, and output, status, opened files and connections compared (tests/artifact/environment_test.ts
 * does so again). Names that were looked up and did nothing to a pull are not listed, such as those
 * for colours, the time zone, the home directory, and the limits of control groups. Proxy
 * variables are not among them either: only the runtime's `fetch` obeys those, and a pull uses none.
 *
 * That record has what the runtime looks up, and nothing of what the C library and the loader do: their
 * calls do not go by way of the `getenv` that is recorded, and the loader walks over the environment
 * itself. So their names are those of glibc's sources (2.28 to 2.42: the calls of `getenv`,
 * elf/rtld.c, elf/dl-tunables.list, sysdeps/generic/unsecvars.h), each tried, and held against the
 * machine's own libraries (tests/executable/c_library_variables_test.ts). Seen by neither are the
 * variables of modules that a node's nsswitch.conf(5) adds, such as systemd's `SYSTEMD_NSS_*`.
 */

/** What obeys a variable. */
export type ObeyedBy =
  /** The dynamic loader and the C library, in either form and before anything else. */
  | "loader"
  /** The shell in front of the script form. */
  | "shell"
  /** The runtime, in the compiled form as in the `deno` executable. */
  | "runtime"
  /** The `deno` executable alone. */
  | "deno";

/** One such variable. */
export interface RuntimeVariable {
  readonly name: string;
  /** What it can make the runtime do. */
  readonly effect: string;
  readonly obeyedBy: ObeyedBy;
  /**
   * A value under which it does nothing. For some that is not the empty one; `undefined`: there is none,
   * so that it can be left out of the environment and not be disarmed.
   */
  readonly neutral: string | undefined;
}

/** A device that reads as an empty file and forgets what is written to it. */
const NULL_DEVICE = "/dev/null";

const FOREIGN_CA = "trusts further CAs beside the cluster's";
const FOREIGN_CODE = "runs other code in the program's process";
const FOREIGN_TABLES = "reads tables of the runtime from any directory";
const STOPS = "can end the run or keep it from ending";
const LOOKUP = "changes how the names of hosts are looked up";
const OWN_LINES = "adds lines of its own to the output";

/** The variables. */
export const RUNTIME_VARIABLES: readonly RuntimeVariable[] = [
  runtime("DENO_TLS_CA_STORE", `${FOREIGN_CA}: unset, those of Mozilla's list`),
  // An empty value would be read as the name of a file.
  runtime("DENO_CERT", FOREIGN_CA, NULL_DEVICE),
  runtime("NODE_EXTRA_CA_CERTS", FOREIGN_CA),
  runtime("SSLKEYLOGFILE", "writes the keys of TLS connections to any file", NULL_DEVICE),
  // Of each module that is loaded a line. An empty value would be read as the name of a file.
  runtime("DENO_SNAPSHOT_IMPORT_GRAPH", "adds lines to any file", NULL_DEVICE),
  runtime("DENO_UNSTABLE_CRON_SOCK", "connects to any host or socket"),
  runtime("DENO_INTERNAL_CHILD_ENTRYPOINT", "runs another program in the place of this one"),
  runtime("DENO_LOG", "makes the runtime log what it does"),
  runtime("DENO_TRACE_PERMISSIONS", "adds stack traces to refusals"),
  runtime("DENO_STARTUP_PHASES", OWN_LINES),
  runtime("DENO_TOKIO_METRICS", OWN_LINES, undefined),
  runtime("DENO_EXTRA_STDIO_FDS", "takes file descriptors for its own"),
  runtime("ICU_DATA", FOREIGN_TABLES),
  runtime("ICU_TIMEZONE_FILES_DIR", FOREIGN_TABLES),
  // To these three an empty value is no number, which ends the run; so each has the runtime's default
  // (tokio 1, runtime::Builder).
  runtime("DENO_TOKIO_EVENT_INTERVAL", STOPS, "61"),
  runtime("DENO_TOKIO_GLOBAL_QUEUE_INTERVAL", STOPS, "31"),
  runtime("DENO_TOKIO_MAX_IO_EVENTS_PER_TICK", STOPS, "1024"),
  runtime("NODE_CHANNEL_SERIALIZATION_MODE", STOPS, "json"),
  runtime("NODE_CHANNEL_FD", STOPS, undefined),
  // The runtime names the program's place by it, which has to be an absolute path; it reads and writes
  // nothing there.
  runtime("TMPDIR", STOPS, "/tmp"),
  // A language of more than 11 letters ends the run. LANG and LC_MESSAGES do the same where this one is
  // empty or unset; they are not listed, since this one takes their effect (ICU 77, putil.cpp).
  runtime("LC_ALL", STOPS, "C"),
  // Features of the processor that cryptography is not to use. An empty value ends the run; this one
  // takes none away (aws-lc, crypto/fipsmodule/cpucap).
  runtime("OPENSSL_ia32cap", `weakens cryptography, and ${STOPS}`, "~0x0"),
  runtime("OPENSSL_armcap", `weakens cryptography, and ${STOPS}`, "~0x0"),
  // Values that work depend on the processor, but for one that makes the program slower.
  runtime("SIMDUTF_FORCE_IMPLEMENTATION", STOPS, undefined),
  loader("LD_PRELOAD", FOREIGN_CODE),
  loader("LD_AUDIT", FOREIGN_CODE),
  loader("LD_LIBRARY_PATH", FOREIGN_CODE),
  loader("GCONV_PATH", FOREIGN_CODE),
  loader("LOCPATH", FOREIGN_TABLES),
  loader("LD_PROFILE", "writes a profile to any directory"),
  loader("LD_DEBUG", `${OWN_LINES}, or to any file`),
  loader("GLIBC_TUNABLES", "changes how memory is managed and checked"),
  // The old name of a tunable of the loader (elf/dl-tunables.list, `env_alias`): bytes that each request
  // for memory is larger by. This is glibc's default; the C library takes an empty value for 0.
  loader("MALLOC_TOP_PAD_", STOPS, "131072"),
  // Up to glibc 2.35: of a kernel that is older than the libraries ask for, none is loaded.
  loader("LD_ASSUME_KERNEL", STOPS),
  loader("HOSTALIASES", LOOKUP),
  loader("RES_OPTIONS", LOOKUP),
  // Empty, it would hide the node's own search list.
  loader("LOCALDOMAIN", LOOKUP, undefined),
  // The five of resolv/res_hconf.c are read when a name is looked up. Set, this one takes the place of
  // the node's file; so it names that.
  loader("RESOLV_HOST_CONF", "reads any file, and adds its lines to the output", "/etc/host.conf"),
  // "on" and "off" are its values, and either takes the place of what the node's host.conf says.
  loader("RESOLV_MULTI", `${LOOKUP}, and ${OWN_LINES}`, undefined),
  // Without this it is off; and getaddrinfo(3), by which the runtime looks names up, does not obey it.
  loader("RESOLV_REORDER", OWN_LINES, "off"),
  // Domains that names lose when they are looked up by address, which a pull does not do.
  loader("RESOLV_ADD_TRIM_DOMAINS", OWN_LINES),
  loader("RESOLV_OVERRIDE_TRIM_DOMAINS", OWN_LINES),
  // These act whatever their value, the last one up to glibc 2.35.
  loader("LD_SHOW_AUXV", OWN_LINES, undefined),
  loader("LD_TRACE_LOADED_OBJECTS", STOPS, undefined),
  loader("LD_TRACE_PRELINKING", STOPS, undefined),
  shell("SHELLOPTS", "makes a shell that is bash print or skip commands"),
  deno("DENO_PERMISSION_BROKER_PATH", "asks a socket for permissions instead of the flags"),
  deno("DENO_AUDIT_PERMISSIONS", "writes a record of accesses to any file", NULL_DEVICE),
  deno("DENO_COVERAGE_DIR", "writes coverage files to any directory"),
  deno("DENO_V8_FLAGS", "changes how the program is executed", "--stack-size=1024"),
  deno("OTEL_DENO", "sends traces and logs to any host", "false"),
];

type Row = [name: string, effect: string, neutral?: string | undefined];

function runtime(...row: Row): RuntimeVariable {
  return variable("runtime", row);
}

function loader(...row: Row): RuntimeVariable {
  return variable("loader", row);
}

function shell(...row: Row): RuntimeVariable {
  return variable("shell", row);
}

function deno(...row: Row): RuntimeVariable {
  return variable("deno", row);
}

/** Where a row says nothing of a neutral value, it is the empty one. */
function variable(obeyedBy: ObeyedBy, row: Row): RuntimeVariable {
  const [name, effect, neutral] = row;
  return { name, effect, obeyedBy, neutral: row.length > 2 ? neutral : "" };
}

/** What obeys the environment that the kubelet starts an executable with. */
const OBEYING: Readonly<Record<"script" | "compiled", readonly ObeyedBy[]>> = {
  // The shell empties the environment before the runtime starts.
  script: ["loader", "shell"],
  compiled: ["loader", "runtime"],
};

/** Whether an executable of a form obeys a variable of the environment it is started with. */
export function isObeyed(variable: RuntimeVariable, form: "script" | "compiled"): boolean {
  return OBEYING[form].includes(variable.obeyedBy);
}

/**
 * What the runtime is started with: the script form's header sets it in an environment that it has
 * emptied; the compiled form carries it, for variables that its environment does not have.
 */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = {
  DENO_TLS_CA_STORE: "",
  DENO_NO_UPDATE_CHECK: "1",
};

/**
 * The flags that both forms give to the engine. Text is not compiled: `eval` and the constructors of
 * functions throw. And no code is optimised: a run of 20 to 100 ms ends before that pays, one that lists
 * 5,000 secrets, too (`docs/develop/start-up.md` has the figures).
 */
export const V8_FLAGS: readonly string[] = [
  "--disallow-code-generation-from-strings",
  "--no-maglev",
  "--no-opt",
];

/**
 * `env` of our entry in the kubelet's `CredentialProviderConfig`: the kubelet puts it over its own
 * environment.
 *
 * @param form of the plugin. @default both, for who may change from one to the other
 */
export function kubeletEnvironment(
  form?: "script" | "compiled",
): { name: string; value: string }[] {
  const forms = form === undefined ? ["script", "compiled"] as const : [form];
  return RUNTIME_VARIABLES
    .filter((variable) => forms.some((form) => isObeyed(variable, form)))
    .flatMap(({ name, neutral }) => neutral === undefined ? [] : [{ name, value: neutral }]);
}

/**
 * Finds the variables that bypass the sandbox in an environment.
 *
 * @param text `NAME=value` each, separated by NULs as in `/proc/<pid>/environ`, or by line breaks. Of
 * a name given twice the last counts. Values are compared and dropped.
 */
export function findRuntimeVariables(text: string): RuntimeVariable[] {
  const given = new Map<string, string>();
  for (const entry of text.split(text.includes("\0") ? "\0" : "\n")) {
    const [name = "", ...value] = entry.split("=");
    given.set(name, value.join("="));
  }
  return RUNTIME_VARIABLES.filter(({ name, neutral }) =>
    given.has(name) && given.get(name) !== neutral
  );
}
