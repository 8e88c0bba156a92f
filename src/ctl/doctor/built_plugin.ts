/** The plugin as installed: what was built into it, read without running it. */

import * as v from "valibot";
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

const START = new TextEncoder().encode("const BUILD={");
const LINE_FEED = 0x0a;

/**
 * Reads an executable of either form; `undefined` when it is none of this project's. That its sandbox
 * and program are what its build makes of these settings is a question for `deno task audit`.
 */
export function readBuiltPlugin(bytes: Uint8Array<ArrayBuffer>): BuiltPlugin | undefined {
  const isScript = bytes[0] === 0x23 /* # */;
  for (let at = lastIndexOf(bytes, bytes.length); at !== -1; at = lastIndexOf(bytes, at - 1)) {
    const end = bytes.indexOf(LINE_FEED, at);
    const line = decode(bytes.subarray(at, end === -1 ? bytes.length : end));
    const json = /^const BUILD=(\{.*\});$/.exec(line)?.[1] ?? "";
    const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Build), json);
    if (!result.success) continue;
    const { settings, facts: { version } } = result.output;
    const header = isScript ? unquote(decode(bytes.subarray(0, at)).split("\n")[1] ?? "") : "";
    return { form: isScript ? "script" : "compiled", settings, version, header };
  }
  return undefined;
}

/** In the compiled form the program is at the end of some hundred megabytes. */
function lastIndexOf(bytes: Uint8Array, before: number): number {
  const [first = 0] = START;
  // A negative position would count from the end.
  let at = before < 0 ? -1 : bytes.lastIndexOf(first, before);
  while (at > 0 && START.some((byte, index) => bytes[at + index] !== byte)) {
    at = bytes.lastIndexOf(first, at - 1);
  }
  return START.every((byte, index) => bytes[at + index] === byte) ? at : -1;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function unquote(header: string): string {
  return header.replaceAll(/'([^']*)'|\\(')/g, "$1$2");
}
