/** The settings' flags, as the command-line library takes them. */

import type { TypedFlagParameter } from "@stricli/core";
import {
  forEachSetting,
  formatSetting,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  type Settings,
} from "../settings/settings.ts";

/** What a command line says about settings: the texts given for each. */
export type SettingFlags = { readonly [Name in SettingName]?: readonly string[] };

type Parameter = TypedFlagParameter<readonly string[] | undefined>;

/**
 * One flag per setting. The help shows what counts where a flag is not given.
 *
 * @param options.hidden whether `--help` leaves them to `--help-all`. @default false
 */
export function settingFlags(
  defaults: Settings,
  { hidden = false }: { readonly hidden?: boolean } = {},
): { readonly [Name in SettingName]: Parameter } {
  return forEachSetting((name) => parameter(name, defaults, hidden));
}

function parameter(name: SettingName, defaults: Settings, hidden: boolean): Parameter {
  const { placeholder, repeatable, brief } = SETTINGS[name];
  const value = formatSetting(name, defaults);
  const common = {
    kind: "parsed",
    optional: true,
    hidden,
    brief: `${placeholder}  ${brief}${value === "" ? "" : ` [${value}]`}`,
  } as const;
  return repeatable
    ? { ...common, parse: String, variadic: true }
    : { ...common, parse: (text: string) => [text] };
}

/**
 * The texts by flag name, as `applyFlags` takes them.
 *
 * @param cwd gives the directory that relative paths begin at, where they are meant for this machine.
 * @default relative paths stay what they are, for `applyFlags` to refuse
 */
export function givenFlags(
  flags: SettingFlags,
  cwd?: () => string,
): Map<string, readonly string[]> {
  const given = new Map<string, readonly string[]>();
  for (const name of SETTING_NAMES) {
    const texts = flags[name];
    if (texts === undefined || texts.length === 0) continue;
    const { flag, placeholder } = SETTINGS[name];
    const isPath = PATHS.includes(placeholder);
    given.set(flag, cwd === undefined || !isPath ? texts : texts.map((text) => resolve(text, cwd)));
  }
  return given;
}

/** The placeholder of a path in the help. */
const PATHS = ["FILE", "DIR", "PATH"];

/** A path from the root; an empty text stays empty, since it has a meaning of its own. */
function resolve(path: string, cwd: () => string): string {
  if (path === "" || path.startsWith("/")) return path;
  const parts: string[] = [];
  for (const part of `${cwd()}/${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
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
