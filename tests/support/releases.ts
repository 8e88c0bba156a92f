/**
 * The programs as they are built with the default settings, and executables with other settings made
 * of them. `bind` gives what a build with the same settings gives, byte for byte, as
 * `tests/artifact/bind_test.ts` holds; it takes a tenth of the time.
 */

import { compileProgram } from "../../scripts/compile.ts";
import { bundleProgram } from "../../scripts/support/bundle.ts";
import {
  type CompiledFile,
  formatCompiledFile,
  readCompiledFile,
} from "../../src/executable/compiled_file.ts";
import { compiledMetadata, ENTRY } from "../../src/executable/compiled_metadata.ts";
import { formatProgram, parseProgram } from "../../src/executable/program.ts";
import type { BuildFacts } from "../../src/executable/version.ts";
import type { ProgramName } from "../../src/executable/programs.ts";
import type { Policy } from "../../src/settings/sandbox.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import type { Form } from "./form.ts";

/** The variable that names a directory for the builds of a run, which all files of tests share. */
export const BUILDS_DIRECTORY = "TEST_BUILDS";

/** A directory of this file of tests, where it is run by itself. */
let ownDirectory: string | undefined;

function buildsDirectory(): string {
  const shared = Deno.env.get(BUILDS_DIRECTORY) ?? "";
  if (shared !== "") return shared;
  if (ownDirectory !== undefined) return ownDirectory;
  const directory = Deno.makeTempDirSync({ prefix: "crio-credential-provider-release-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  return ownDirectory = directory;
}

/** The path of a program with the default settings; who needs it first builds it, the others wait. */
export async function release(name: ProgramName, form: Form): Promise<string> {
  const directory = `${buildsDirectory()}/${form}`;
  await Deno.mkdir(directory, { recursive: true });
  const path = `${directory}/${name}`;
  // The lock ends with the file.
  using lock = await Deno.open(`${path}.lock`, { write: true, create: true });
  await lock.lock(true);
  if (await isThere(path)) return path;
  if (form === "script") {
    await Deno.writeTextFile(`${path}.new`, await bundleProgram(name, DEFAULT_SETTINGS));
    await Deno.rename(`${path}.new`, path);
    return path;
  }
  return await compileProgram(name, { out: directory });
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The bundle of the script form with other settings. */
export async function bindBundle(
  name: ProgramName,
  settings: Settings,
): Promise<string> {
  return withBuild(await Deno.readTextFile(await release(name, "script")), settings);
}

/**
 * Puts a compiled program with other settings at a path.
 *
 * @param options.policy what it may touch.
 * @param options.facts what it is to say of its build. @default the build's own
 * @returns the path.
 */
export async function bindRelease(
  name: ProgramName,
  settings: Settings,
  { path, policy, facts }: {
    readonly path: string;
    readonly policy: Policy;
    readonly facts?: BuildFacts;
  },
): Promise<string> {
  const { image, files } = readCompiledFile(
    await Deno.readFile(await release(name, "compiled")),
  );
  const entry = new TextDecoder().decode(files.get(ENTRY));
  const program = new TextEncoder().encode(withBuild(entry, settings, facts));
  const metadata = compiledMetadata(name, policy, [...files.keys()]);
  await writeByAnother(path, { image, metadata, files: new Map([...files, [ENTRY, program]]) });
  return path;
}

function withBuild(text: string, settings: Settings, facts?: BuildFacts): string {
  const { build, bundle } = parseProgram(text);
  return formatProgram({ settings, facts: facts ?? build.facts }, bundle);
}

/**
 * Another process writes the executable that is run: whatever this one starts while a file of its own
 * is open for writing holds that open for a moment, and then it cannot be executed ("Text file busy").
 */
async function writeByAnother(
  path: string,
  content: Pick<CompiledFile, "image" | "metadata" | "files">,
): Promise<void> {
  const script = 'umask 077 && cat > "$0" && chmod 755 "$0"';
  const child = new Deno.Command("/bin/sh", { args: ["-c", script, path], stdin: "piped" }).spawn();
  const input = child.stdin.getWriter();
  for (const chunk of formatCompiledFile(content)) await input.write(chunk);
  await input.close();
  if (!(await child.status).success) throw new Error(`${path}: cannot be written`);
}
