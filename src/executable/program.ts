/**
 * The program in an executable: a line for what its build fixed, and the bundle behind it. In the
 * compiled form the bundle goes on in modules of their own, which are the same bytes for every site.
 */

import * as v from "valibot";
import type { Settings } from "../settings/settings.ts";
import { ExactSettingsSchema } from "../settings/settings_schema.ts";
import type { BuildFacts } from "./version.ts";

/** What the build fixes in an executable. */
export interface Build {
  /** The defaults of the executable; its sandbox was made from the same. */
  readonly settings: Settings;
  readonly facts: BuildFacts;
}

/** Modules that a program is loaded from, by the name of their file. */
export type Modules = ReadonlyMap<string, string>;

/** A program as the files of an executable hold it. */
export interface ProgramFiles {
  /** Begins with what the build fixed. */
  readonly entry: string;
  readonly modules: Modules;
}

/** A program taken apart. */
export interface Program {
  readonly build: Build;
  /** All but the first line: the same bytes for every site. */
  readonly bundle: string;
  /** Whether the first line is just what {@link formatProgram} writes. */
  readonly isCanonical: boolean;
}

/** An executable that is none of this project, or one that cannot be understood. */
export class ExecutableError extends Error {
  override readonly name = "ExecutableError";
}

const Facts = v.strictObject({
  version: v.string(),
  gitCommit: v.string(),
  gitCommitDate: v.string(),
  bundleSha256: v.string(),
  dependencies: v.array(v.string()),
  runtimeSha256: v.exactOptional(v.string()),
});
const BuildLine = v.strictObject({ settings: ExactSettingsSchema, facts: Facts });

/** Puts a program together. What was built with the same values is the same text. */
export function formatProgram({ settings, facts }: Build, bundle: string): string {
  return `const BUILD=${JSON.stringify({ settings, facts })};\n${bundle}`;
}

/**
 * Takes a program apart.
 *
 * @throws {ExecutableError} when it does not begin with what a build of this version fixes.
 */
export function parseProgram(text: string): Program {
  const end = text.indexOf("\n");
  const json = /^const BUILD=(\{.*\});$/.exec(text.slice(0, end))?.[1];
  if (json === undefined) throw new ExecutableError("no settings of a build were found in it");
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), BuildLine), json);
  if (!result.success) {
    const path = result.issues[0].path?.map(({ key }) => String(key)).join(".") ?? "";
    throw new ExecutableError(`the settings of its build are broken: ${path}`);
  }
  const bundle = text.slice(end + 1);
  const build: Build = result.output;
  // What is twice in the JSON, or follows it on that line, would be executed and not be seen here.
  return { build, bundle, isCanonical: formatProgram(build, "").trimEnd() === text.slice(0, end) };
}

/** The SHA-256 of a bundle: of all but the first line, and of the modules with their names. */
export async function hashOfBundle(bundle: string, modules: Modules): Promise<string> {
  const parts = [...modules].flatMap(([name, text]) => ["\0", name, "\0", text]);
  return await sha256([bundle, ...parts].join(""));
}

/** The SHA-256 of text in UTF-8, or of bytes, in hexadecimal. */
export async function sha256(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
