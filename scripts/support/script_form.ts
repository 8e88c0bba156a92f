/** The script form of a program: one executable file, the bundled program behind a header of two lines. */

import type { ProgramName } from "../../src/executable/programs.ts";
import { scriptHeader } from "../../src/executable/script_header.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { bundleProgram, writeExecutable } from "./bundle.ts";
import { DIST } from "./project.ts";

/** What to build. */
export interface ScriptOptions {
  /** Settings other than the defaults. */
  readonly settings?: Partial<Settings>;
  /** Directory the executable is put into. @default `dist/script` of the project */
  readonly out?: string;
  /** The runtime that the script starts: a path, or a name looked up in `PATH`. @default "deno" */
  readonly deno?: string;
  /** JavaScript to put behind the header in the program's place, for tests of the sandbox. */
  readonly program?: string;
}

/**
 * Builds the script form of a program.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildScriptForm(name: ProgramName, options: ScriptOptions): Promise<string> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const path = `${options.out ?? `${DIST}/script`}/${name}`;
  const header = scriptHeader(name, settings, options.deno ?? "deno");
  const program = options.program ?? await bundleProgram(name, settings);
  await writeExecutable(path, `${header}\n${program}`);
  return path;
}
