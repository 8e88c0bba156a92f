/** The settings' flags, as the command-line library takes them. */

import type { TypedFlagParameter } from "@stricli/core";
import {
  formatSetting,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  type Settings,
} from "../settings.ts";

/** What a command line says about settings: the texts given for each. */
export type SettingFlags = { readonly [Name in SettingName]?: readonly string[] };

type Parameter = TypedFlagParameter<readonly string[] | undefined>;

/** One flag per setting. The help shows what counts where a flag is not given. */
export function settingFlags(
  defaults: Settings,
): { readonly [Name in SettingName]: Parameter } {
  const flag = (name: SettingName) => parameter(name, defaults);
  return {
    registriesConf: flag("registriesConf"),
    registriesConfDir: flag("registriesConfDir"),
    authDir: flag("authDir"),
    kubeletAuthFile: flag("kubeletAuthFile"),
    apiserverEnvFile: flag("apiserverEnvFile"),
    kubeconfig: flag("kubeconfig"),
    caFile: flag("caFile"),
    apiserver: flag("apiserver"),
    timeout: flag("timeout"),
    pulledImages: flag("pulledImages"),
    waitForTaken: flag("waitForTaken"),
    staleAfter: flag("staleAfter"),
    secretTypes: flag("secretTypes"),
    secretsAnnotation: flag("secretsAnnotation"),
    logLevel: flag("logLevel"),
    logFormat: flag("logFormat"),
    journaldSocket: flag("journaldSocket"),
  };
}

function parameter(name: SettingName, defaults: Settings): Parameter {
  const { placeholder, repeatable, brief } = SETTINGS[name];
  const value = formatSetting(name, defaults);
  const common = {
    kind: "parsed",
    optional: true,
    brief: `${placeholder}  ${brief}${value === "" ? "" : ` [${value}]`}`,
  } as const;
  return repeatable
    ? { ...common, parse: String, variadic: true }
    : { ...common, parse: (text: string) => [text] };
}

/** The texts by flag name, as `applyFlags` takes them. */
export function givenFlags(flags: SettingFlags): Map<string, readonly string[]> {
  const given = new Map<string, readonly string[]>();
  for (const name of SETTING_NAMES) {
    const texts = flags[name];
    if (texts !== undefined && texts.length > 0) given.set(SETTINGS[name].flag, texts);
  }
  return given;
}

/**
 * Spells arguments as the command-line library expects them. Go's flag package, whose users this
 * program takes over, also reads `-version`; and `--flag=` gives an empty value.
 */
export function normalizeArguments(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const long = /^-[a-z][a-z-]+(?:=|$)/.test(arg) ? `-${arg}` : arg;
    return /^--[a-z-]+=$/.test(long) ? [long.slice(0, -1), ""] : [long];
  });
}
