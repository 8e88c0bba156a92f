/** Builds the compiled forms: a bundle behind Deno's runtime, in one binary. */

import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "../src/executable/runtime_environment.ts";
import { permissionFlags, requiredPermissions } from "../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/settings/settings.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundlePlugin, bundleProgram } from "./support/bundle.ts";
import { DIST } from "./support/project.ts";

/** What to compile. */
export interface CompileOptions {
  /** Settings other than the defaults. */
  readonly settings?: Partial<Settings>;
  /** Directory the executable is put into. @default `dist/compiled` of the project */
  readonly out?: string;
  /** Platform, as `deno compile --target` takes it. @default this machine's */
  readonly target?: string;
  /** JavaScript to compile in the program's place, for tests of the sandbox. */
  readonly program?: string;
  /**
   * Path of the runtime part. @default `DENORT_BIN_X86_64` or `DENORT_BIN_AARCH64`, by the platform, or
   * `DENORT_BIN`, else the download of `deno compile`
   */
  readonly runtime?: string;
  /** Hosts that the operator's tool may connect to. @default the API server of the settings */
  readonly hosts?: readonly string[];
  /** Changes what the compiler is called with, for tests of who reads an executable. */
  readonly changeCall?: (args: readonly string[]) => readonly string[];
}

/**
 * Builds the compiled form with the same bundle and the same sandbox as the script form.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails, for one because the runtime cannot be downloaded.
 */
export async function compile(options: CompileOptions = {}): Promise<string> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const program = options.program ?? await bundlePlugin(settings);
  return await compileProgram(
    "crio-credential-provider",
    program,
    permissionFlags(settings),
    options,
  );
}

/**
 * Builds the compiled form of the operator's tool. Its permissions are fixed, so they are those of all
 * its commands together: it may read any file that it is told of, connect to the API server, and no
 * more. The script form is narrower, command by command.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function compileCtl(options: CompileOptions = {}): Promise<string> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const hosts = options.hosts ?? requiredPermissions(settings)
    .filter(({ kind, setting }) => kind === "net" && setting === "apiserver")
    .map(({ target }) => target);
  const flags = ["--allow-read", `--allow-net=${hosts.join()}`];
  return await compileProgram(
    "crio-credential-ctl",
    options.program ?? await bundleProgram("ctl.ts", settings),
    flags,
    options,
  );
}

async function compileProgram(
  name: string,
  program: string,
  permissions: readonly string[],
  options: CompileOptions,
): Promise<string> {
  const out = options.out ?? `${DIST}/compiled`;
  const path = `${out}/${name}`;
  const target = options.target ?? Deno.build.target;
  const runtime = options.runtime ?? runtimeFor(target);
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(out, { recursive: true });
    await Deno.writeTextFile(`${directory}/${ENTRY}`, program);
    const environment = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) =>
      `${name}="${value}"`
    );
    await Deno.writeTextFile(`${directory}/environment`, environment.join("\n"));
    await Deno.writeTextFile(`${directory}/${IMPORT_MAP.specifier}`, IMPORT_MAP.json);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...(options.changeCall ?? ((args) => args))([
        "compile",
        ...["--quiet", "--no-check", "--no-prompt"],
        ...["--no-config", "--no-lock", "--no-remote", "--no-npm"],
        ...["--deny-import", `--allow-import=${NO_HOST}`, "--import-map", IMPORT_MAP.specifier],
        // The runtime would take compiled code from a file in the directory for temporary files, put
        // there by whomever.
        "--no-code-cache",
        `--v8-flags=${V8_FLAGS.join()}`,
        ...permissions,
        ...(options.target === undefined ? [] : ["--target", options.target]),
        ...["--env-file=environment", "--app-name", name],
        ...["--output", `${await Deno.realPath(out)}/${name}`, ENTRY],
      ])],
      cwd: directory,
      env: {
        ...compilerEnvironment(),
        ...(runtime !== undefined && { DENORT_BIN: runtime }),
      },
    }).output();
    if (!success) throw new BuildError(describeFailure(new TextDecoder().decode(stderr)));
    await refuseOtherMachine(path, target);
    return path;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The program, as the metadata names it. */
const ENTRY = "plugin.js";

/**
 * Leads every `import()` of a file to nothing, but for that of the program, with which the runtime
 * begins. Without it the runtime would read any file so, whatever the permissions say. Keys without a
 * scheme are relative to the program's place (https://html.spec.whatwg.org, "Import maps": of the keys
 * that match, the longest counts; `null` blocks).
 */
const IMPORT_MAP = {
  specifier: "import_map.json",
  // As the compiler prints it.
  json: `${
    JSON.stringify({ imports: { "file:///": null, [`./${ENTRY}`]: `./${ENTRY}` } }, null, 2)
  }\n`,
} as const;

/**
 * The only host that modules may be loaded from, and that is denied, too. Without it a list of public
 * hosts would be written into the executable. No such name exists (RFC 2606 §2).
 */
const NO_HOST = "nothing.invalid";

/**
 * What `deno compile` of Deno 2.9 is to write into an executable, beside the
 * permissions to read, write and connect. A member that is `undefined` may have any value.
 */
export function compiledMetadata(): {
  readonly permissions: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
} {
  const nothing = ["env", "ffi", "run", "sys"]
    .flatMap((kind) => [[`allow_${kind}`, null], [`deny_${kind}`, null]]);
  return {
    permissions: {
      ...Object.fromEntries(nothing),
      ignore_env: null,
      ignore_read: null,
      allow_import: [NO_HOST],
      // Everything.
      deny_import: [],
      prompt: false,
    },
    metadata: {
      argv: [],
      seed: null,
      code_cache_key: null,
      location: null,
      v8_flags: [
        "UNUSED_BUT_NECESSARY_ARG0",
        "--stack-size=1024",
        "--inspector-live-edit",
        "--external-memory-max-reasonable-size=0",
        ...V8_FLAGS,
      ],
      log_level: "ERROR",
      ca_stores: null,
      ca_data: null,
      unsafely_ignore_certificate_errors: null,
      env_vars_from_env_file: RUNTIME_ENVIRONMENT,
      workspace_resolver: {
        import_map: IMPORT_MAP,
        jsr_pkgs: [],
        package_jsons: {},
        pkg_json_resolution: "Enabled",
        catalogs: {},
      },
      entrypoint_key: ENTRY,
      preload_modules: [],
      require_modules: [],
      node_modules: null,
      unstable_config: {
        legacy_flag_enabled: false,
        detect_cjs: false,
        lazy_dynamic_imports: false,
        raw_imports: false,
        sloppy_imports: false,
        npm_lazy_caching: false,
        tsgo: false,
        features: [],
      },
      otel_config: {
        tracing_enabled: false,
        metrics_enabled: false,
        console: "Ignore",
        deterministic_prefix: null,
        propagators: [],
      },
      vfs_case_sensitivity: undefined,
      app_name: "crio-credential-provider",
    },
  };
}

/**
 * The compiler reads the variables that it bakes in as its own, too, where it does not have them. It
 * is to find its download as it would without them, and to bake nothing else in.
 */
function compilerEnvironment(): Record<string, string> {
  return {
    NO_COLOR: "1",
    OTEL_DENO: "false",
    DENO_TLS_CA_STORE: Deno.env.get("DENO_TLS_CA_STORE") ?? "mozilla",
  };
}

/**
 * The runtime part that was supplied for a platform: a release is made for several, and `DENORT_BIN`, which
 * `deno compile` obeys, names one.
 */
function runtimeFor(target: string): string | undefined {
  const platform = target.split("-")[0] ?? "";
  return Deno.env.get(`DENORT_BIN_${platform.toUpperCase()}`) || undefined;
}

/** `e_machine` of ELF(5) by the first part of a target. */
const MACHINES: Readonly<Record<string, number>> = { x86_64: 0x3e, aarch64: 0xb7 };

/** A runtime that was supplied may be another platform's, which nothing else would notice. */
async function refuseOtherMachine(path: string, target: string): Promise<void> {
  const header = (await Deno.readFile(path)).subarray(0, 20);
  const machine = new DataView(header.buffer, header.byteOffset).getUint16(18, true);
  const expected = MACHINES[target.split("-")[0] ?? ""];
  if (expected === undefined || machine === expected) return;
  await Deno.remove(path);
  const own = `DENORT_BIN_${(target.split("-")[0] ?? "").toUpperCase()}`;
  const problem = `the runtime that was supplied (DENORT_BIN) is not one for ${target}`;
  throw new BuildError(`${problem}: name that with ${own}`);
}

function describeFailure(output: string): string {
  if (!/denort|base binary/i.test(output)) return `deno compile failed:\n${output}`;
  const archive = `$DENO_DIR/dl/release/v${Deno.version.deno}/denort-<target>.zip`;
  return [
    "the runtime that goes into a compiled executable (denort) could not be downloaded.",
    "Without a connection it can be supplied in two ways:",
    `  1. DENORT_BIN=<path of a denort ${Deno.version.deno} executable>, or for a release, which is for both,`,
    "     DENORT_BIN_X86_64 and DENORT_BIN_AARCH64",
    `  2. Deno's release archive, put at ${archive}`,
    "The script form (deno task build) needs neither.",
    `deno compile said: ${
      /^\s*\d: (?!Setting up)(.*)$/m.exec(output)?.[1] ?? output.trim().slice(0, 500)
    }`,
  ].join("\n");
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task compile",
      brief: "Build the compiled forms of crio-credential-provider and crio-credential-ctl",
      example: "--apiserver api.example.com:6443 --target aarch64-unknown-linux-gnu",
    }, async ({ settings, out, deno, target }) => {
      if (deno !== undefined) throw new BuildError("--deno is for deno task build");
      const options = { settings, ...(out && { out }), ...(target && { target }) };
      return `${await compile(options)}\n${await compileCtl(options)}`;
    }),
  );
}
