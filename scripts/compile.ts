/** Builds the compiled forms: the program's modules behind Deno's runtime, in one binary. */

import { RUNTIME_ENVIRONMENT, V8_FLAGS } from "../src/executable/runtime_environment.ts";
import {
  type CompiledFile,
  CompiledFileError,
  formatCompiledFile,
  joinBytes,
  readCompiledFile,
} from "../src/executable/compiled_file.ts";
import {
  compareMetadata,
  compiledMetadata,
  ENTRY,
  IMPORT_MAP,
  importMap,
} from "../src/executable/compiled_metadata.ts";
import { hashOfRuntime } from "../src/executable/executable.ts";
import { formatProgram, parseProgram, type ProgramFiles } from "../src/executable/program.ts";
import { policyOfProgram, type ProgramName } from "../src/executable/programs.ts";
import { permissionFlags, type Policy } from "../src/settings/sandbox.ts";
import { isObject, type JsonObject } from "../src/text/parse.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/settings/settings.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundleFiles, writeExecutable } from "./support/bundle.ts";
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
  readonly program?: string | ProgramFiles;
  /**
   * Path of the runtime part. @default `DENORT_BIN_X86_64` or `DENORT_BIN_AARCH64`, by the platform, or
   * `DENORT_BIN`, else the download of `deno compile`
   */
  readonly runtime?: string;
  /** Changes what the compiler is called with, for tests of who reads an executable. */
  readonly changeCall?: (args: readonly string[]) => readonly string[];
  /** Leaves what the compiler made unchecked and as it is, for tests of its runtime. @default false */
  readonly isLeftAsMade?: boolean;
}

/**
 * Builds the compiled form of the plugin: the same sources and the same sandbox as the script form, in
 * several modules.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails, for one because the runtime cannot be downloaded.
 */
export async function compile(options: CompileOptions = {}): Promise<string> {
  return await compileProgram("crio-credential-provider", options);
}

/**
 * Builds the compiled form of the operator's tool.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function compileCtl(options: CompileOptions = {}): Promise<string> {
  return await compileProgram("crio-credential-ctl", options);
}

/** Builds the compiled form of either program, as {@link compile} does. */
export async function compileProgram(
  name: ProgramName,
  options: CompileOptions = {},
): Promise<string> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const program = options.program ?? await bundleFiles(name, settings);
  return await compileFiles(name, program, policyOfProgram(name, settings), options);
}

async function compileFiles(
  name: ProgramName,
  program: string | ProgramFiles,
  policy: Policy,
  options: CompileOptions,
): Promise<string> {
  const { entry, modules } = typeof program === "string"
    ? { entry: program, modules: new Map() }
    : program;
  // Sorted, as the runtime looks for them.
  const files = new Map(
    [[ENTRY, entry] as const, ...modules].toSorted(([a], [b]) => a < b ? -1 : 1),
  );
  const out = options.out ?? `${DIST}/compiled`;
  const path = `${out}/${name}`;
  const target = options.target ?? Deno.build.target;
  const runtime = options.runtime ?? runtimeFor(target);
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(out, { recursive: true });
    for (const [name, text] of files) await Deno.writeTextFile(`${directory}/${name}`, text);
    const environment = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) =>
      `${name}="${value}"`
    );
    await Deno.writeTextFile(`${directory}/environment`, environment.join("\n"));
    await Deno.writeTextFile(`${directory}/${IMPORT_MAP}`, importMap([...files.keys()]));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...(options.changeCall ?? ((args) => args))([
        "compile",
        ...["--quiet", "--no-check", "--no-prompt"],
        ...["--no-config", "--no-lock", "--no-remote", "--no-npm"],
        ...["--deny-import", "--import-map", IMPORT_MAP, "--no-code-cache"],
        `--v8-flags=${V8_FLAGS.join()}`,
        ...permissionFlags(policy),
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
    if (!options.isLeftAsMade) await writeInOneForm(path, name, policy, files);
    return path;
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Puts what the compiler made into the one form in which executables are written, so that two builds
 * and `bind` give the same bytes. The compiler's own form holds times of files, and more that differs.
 *
 * @throws {BuildError} when the compiler was led to make something else than {@link compiledMetadata}.
 */
async function writeInOneForm(
  path: string,
  name: ProgramName,
  policy: Policy,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const made = readMade(await Deno.readFile(path));
  const metadata = compiledMetadata(name, policy, [...files.keys()]);
  const differences = compareMetadata(
    { ...made.metadata, permissions: { ...permissionsOf(made.metadata), allow_import: null } },
    metadata,
  );
  const decoder = new TextDecoder();
  for (const name of new Set([...files.keys(), ...made.files.keys()])) {
    const content = made.files.get(name);
    if (content === undefined) differences.push(`${name} is missing in it`);
    else if (!files.has(name)) differences.push(`${name} is in it, too`);
    else if (decoder.decode(content) !== files.get(name)) {
      differences.push(`the compiler changed ${name}`);
    }
  }
  if (differences.length > 0) {
    throw new BuildError(["deno compile made another executable:", ...differences].join("\n  "));
  }
  const runtimeSha256 = await hashOfRuntime(made.image);
  const encoder = new TextEncoder();
  const contents = new Map(
    Array.from(files, ([name, text]) => [
      name,
      encoder.encode(name === ENTRY ? nameRuntime(text, runtimeSha256) : text),
    ]),
  );
  const parts = formatCompiledFile({ image: made.image, metadata, files: contents });
  await writeExecutable(path, joinBytes(parts));
}

function readMade(bytes: Uint8Array<ArrayBuffer>): CompiledFile {
  try {
    return readCompiledFile(bytes);
  } catch (error) {
    if (!(error instanceof CompiledFileError)) throw error;
    throw new BuildError(`what deno compile made ${error.message}`);
  }
}

function permissionsOf({ permissions }: JsonObject): JsonObject {
  return isObject(permissions) ? permissions : {};
}

/** Adds the runtime's hash to what a program says of its build; a test's program need say nothing. */
function nameRuntime(program: string, runtimeSha256: string): string {
  if (!program.startsWith("const BUILD=")) return program;
  const { build, bundle } = parseProgram(program);
  return formatProgram({ ...build, facts: { ...build.facts, runtimeSha256 } }, bundle);
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
  const header = new Uint8Array(20);
  using file = await Deno.open(path);
  await file.read(header);
  const machine = new DataView(header.buffer).getUint16(18, true);
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
      takes: ["target"],
    }, async ({ settings, out, target }) => {
      const options = { settings, ...(out && { out }), ...(target && { target }) };
      return `${await compile(options)}\n${await compileCtl(options)}`;
    }),
  );
}
