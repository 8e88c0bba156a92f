/** The settings of a site, as flags and a file give them. */

import { givenFlags, type SettingFlags } from "../cli/setting_flags.ts";
import { siteSettings } from "../settings/site_settings.ts";
import type { Settings } from "../settings/settings.ts";
import { type CtlContext, inputName, readInput } from "./context.ts";
import { optionalText } from "./text_flags.ts";

/** What says which settings a site has. */
export interface SiteFlags extends SettingFlags {
  readonly settings?: string;
}

/** The flag that names a site's file. */
export const SETTINGS_FILE = optionalText(
  "FILE",
  "JSON with comments: settings by flag name, or - for stdin; flags win over it",
);

/**
 * The settings that a build with the same file and flags has. What nothing is said of is as the table
 * of settings has it, whatever this tool was built with.
 *
 * @throws {UsageError} as {@link siteSettings} does.
 */
export async function readSiteSettings(context: CtlContext, flags: SiteFlags): Promise<Settings> {
  const file = flags.settings === undefined ? undefined : {
    text: await readInput(context, flags.settings, "settings"),
    path: inputName(flags.settings),
  };
  return await siteSettings(file, givenFlags(flags));
}
