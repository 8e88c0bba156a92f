/** What the end-to-end run judges: the compiled form, or the script form where that cannot be made. */

import { buildCtl, buildScript } from "../../scripts/build.ts";
import { compile, compileCtl } from "../../scripts/compile.ts";
import { findRuntimePart } from "../../scripts/runtime_part.ts";
import type { Settings } from "../../src/settings/settings.ts";

/** Builds the executables of a run, all in one form. */
export interface Builder {
  /** The form, for people, and why it is this one. */
  readonly description: string;
  /** Puts the plugin into a directory, and gives its path. */
  readonly plugin: (settings: Settings, out: string) => Promise<string>;
  /** Puts the operator's tool into a directory, and gives its path. @param settings @default those of a release */
  readonly ctl: (out: string, settings?: Partial<Settings>) => Promise<string>;
}

/**
 * Finds out which form can be built.
 *
 * @throws {Error} when the compiled form cannot, and `REQUIRE_COMPILED=1` says that it must.
 */
export async function findBuilder(): Promise<Builder> {
  const part = await findRuntimePart();
  if ("from" in part) {
    return {
      description: `compiled (runtime part: ${part.from})`,
      plugin: (settings, out) => compile({ settings, out }),
      ctl: (out, settings = {}) => compileCtl({ settings, out }),
    };
  }
  if (Deno.env.get("REQUIRE_COMPILED") === "1") {
    throw new Error(`REQUIRE_COMPILED: the compiled form cannot be made here: ${part.missing}`);
  }
  const deno = Deno.execPath();
  return {
    description: `script, for the compiled form cannot be made: ${part.missing}`,
    plugin: (settings, out) => buildScript({ settings, out, deno }),
    ctl: (out, settings = {}) => buildCtl({ settings, out, deno }),
  };
}
