/** `args` of our provider: the settings that the kubelet gives the plugin. */

import { UsageError } from "../../errors.ts";
import { applyFlags, SETTING_NAMES, SETTINGS, type Settings } from "../../settings/settings.ts";
import { kebab } from "../../text/kebab.ts";
import { type Check, fail, pass } from "./check.ts";

/** What the arguments mean. */
export interface ArgumentFindings {
  readonly checks: readonly Check[];
  /** The settings of the plugin's runs. */
  readonly settings: Settings;
}

/**
 * Reads the arguments as the plugin does.
 *
 * @param base what the plugin was built with.
 */
export function checkProviderArguments(args: readonly string[], base: Settings): ArgumentFindings {
  if (args.length === 0) return { checks: [], settings: base };
  const name = "provider-arguments";
  try {
    const settings = applyFlags(base, readArguments(args));
    return { checks: [pass(name, args.join(" "))], settings };
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UsageError)) throw error;
    const found = `${args.join(" ")}: the plugin refuses it on each pull: ${error.message}`;
    return { checks: [fail(name, found, ADVICE)], settings: base };
  }
}

const ADVICE = `change "args" of the provider; crio-credential-provider --help lists the flags`;

/** The texts by flag. Each setting's flag takes a value; `-flag` and `--flagName` are understood. */
function readArguments(args: readonly string[]): Map<string, string[]> {
  const given = new Map<string, string[]>();
  for (let index = 0; index < args.length; index++) {
    // deno-coverage-ignore -- for the compiler: the index is in range
    const arg = args[index] ?? "";
    const [, word = "", joined] = /^--?([A-Za-z][A-Za-z-]+)(?:=([^]*))?$/.exec(arg) ?? [];
    const flag = kebab(word);
    const setting = SETTING_NAMES.map((name) => SETTINGS[name]).find((s) => s.flag === flag);
    if (setting === undefined) {
      throw new UsageError(
        "flag-unknown",
        arg,
        "is not a setting: the plugin would answer no request",
      );
    }
    const value = joined ?? args[++index];
    if (value === undefined) throw new UsageError("flag-missing", arg, "has no value");
    const texts = given.get(flag) ?? [];
    given.set(flag, [...texts, value]);
  }
  return given;
}
