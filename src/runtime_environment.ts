/**
 * The environment variables that reach through the sandbox: the runtime obeys them whatever the
 * program's permissions are. Read off the runtime's source and tried in tests/artifact. Proxy
 * variables are not among them: only the runtime's `fetch` obeys those, and the program uses none.
 */

/** One such variable. */
export interface RuntimeVariable {
  readonly name: string;
  /** What it can make the runtime do. */
  readonly effect: string;
  /** A value under which it does nothing. For some that is not the empty one. */
  readonly neutral: string;
  /** Whether the compiled form's runtime obeys it too, or only the `deno` executable. */
  readonly compiled: boolean;
}

/** A device that reads as an empty file and forgets what is written to it. */
const NULL_DEVICE = "/dev/null";

const FOREIGN_CA = "trusts further CAs beside the cluster's";

/** The variables. */
export const RUNTIME_VARIABLES: readonly RuntimeVariable[] = [
  both("DENO_TLS_CA_STORE", `${FOREIGN_CA}: unset, those of Mozilla's list`),
  // An empty value would be read as the name of a file.
  both("DENO_CERT", FOREIGN_CA, NULL_DEVICE),
  both("NODE_EXTRA_CA_CERTS", FOREIGN_CA),
  both("SSLKEYLOGFILE", "writes the keys of TLS connections to any file", NULL_DEVICE),
  both("DENO_INTERNAL_CHILD_ENTRYPOINT", "runs another program in the place of this one"),
  both("DENO_LOG", "makes the runtime log what it does"),
  both("DENO_TRACE_PERMISSIONS", "adds stack traces to refusals"),
  denoOnly("DENO_PERMISSION_BROKER_PATH", "asks a socket for permissions instead of the flags"),
  denoOnly("DENO_AUDIT_PERMISSIONS", "writes a record of accesses to any file", NULL_DEVICE),
  denoOnly("DENO_COVERAGE_DIR", "writes coverage files to any directory"),
  denoOnly("DENO_V8_FLAGS", "changes how the program is executed", "--stack-size=1024"),
  denoOnly("OTEL_DENO", "sends traces and logs to any host", "false"),
];

function both(name: string, effect: string, neutral = ""): RuntimeVariable {
  return { name, effect, neutral, compiled: true };
}

function denoOnly(name: string, effect: string, neutral = ""): RuntimeVariable {
  return { name, effect, neutral, compiled: false };
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
 * What both forms tell the engine. Text is not compiled: `eval` and the constructors of functions throw.
 * With the other defaults
 *
 * - a pull that lists some thousand secrets would spend more time on collecting garbage than on reading
 *   them: the memory for new objects begins at 1 MiB, and what lives is copied whenever it is full.
 *   With 8 MiB most pulls end before that. Memory that is not touched is not used.
 * - functions that are called often are translated to machine code once 4 KiB of it come together.
 *   What the runtime's own start has set aside comes near that, so that a pull of a few milliseconds
 *   would pay for it. With 32 KiB only longer ones do, which gain by it.
 */
export const V8_FLAGS: readonly string[] = [
  "--disallow-code-generation-from-strings",
  "--min-semi-space-size=8",
  "--baseline-batch-compilation-threshold=32768",
];

/**
 * `env` of the compiled form's entry in the kubelet's `CredentialProviderConfig`: the kubelet puts it
 * over its own environment.
 */
export function kubeletEnvironment(): { name: string; value: string }[] {
  return RUNTIME_VARIABLES.filter(({ compiled }) => compiled)
    .map(({ name, neutral }) => ({ name, value: neutral }));
}

/**
 * Finds the variables that reach through the sandbox in an environment.
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
  return RUNTIME_VARIABLES.filter(({ name, neutral }) => {
    const value = given.get(name);
    return value !== undefined && value !== neutral;
  });
}
