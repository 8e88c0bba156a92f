/** The plugin as installed: what was built into it, read without running it. */

import * as v from "valibot";
import { CompiledFileError, readCompiledFile } from "../../executable/compiled_file.ts";
import { ENTRY } from "../../executable/compiled_metadata.ts";
import type { Settings } from "../../settings/settings.ts";
import { SettingsSchema } from "../../settings/settings_schema.ts";

/** What an executable of this project says of itself. */
export interface BuiltPlugin {
  readonly form: "script" | "compiled";
  /** Its defaults, from which its sandbox was made. */
  readonly settings: Settings;
  readonly version: string;
  /** The shell line in front of the script form, without its quotes; empty for the compiled form. */
  readonly header: string;
}

const Build = v.object({
  settings: SettingsSchema,
  facts: v.object({ version: v.string() }),
});

/**
 * Reads an executable of either form; `undefined` when it is none of this project's. It may be of
 * another version. That its sandbox and program are what its build makes of these settings is a
 * question for `audit`.
 */
export function readBuiltPlugin(bytes: Uint8Array<ArrayBuffer>): BuiltPlugin | undefined {
  return bytes[0] === 0x23 /* # */ ? readScript(bytes) : readCompiled(bytes);
}

function readScript(bytes: Uint8Array<ArrayBuffer>): BuiltPlugin | undefined {
  const [, header = "", line = ""] = new TextDecoder().decode(bytes).split("\n", 3);
  return readLine(line, "script", unquote(header));
}

function readCompiled(bytes: Uint8Array<ArrayBuffer>): BuiltPlugin | undefined {
  try {
    const program = readCompiledFile(bytes).files.get(ENTRY);
    const [line = ""] = new TextDecoder().decode(program).split("\n", 1);
    return readLine(line, "compiled", "");
  } catch (error) {
    // deno-coverage-ignore-start -- an error of another kind would be a bug
    if (error instanceof CompiledFileError) return undefined;
    throw error;
    // deno-coverage-ignore-stop
  }
}

function readLine(
  line: string,
  form: BuiltPlugin["form"],
  header: string,
): BuiltPlugin | undefined {
  const json = /^const BUILD=(\{.*\});$/.exec(line)?.[1] ?? "";
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Build), json);
  if (!result.success) return undefined;
  const { settings, facts: { version } } = result.output;
  return { form, settings, version, header };
}

function unquote(header: string): string {
  return header.replaceAll(/'([^']*)'|\\(')/g, "$1$2");
}
