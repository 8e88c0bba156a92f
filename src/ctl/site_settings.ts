/** The settings of a site, as flags and a file give them. */

import { givenFlags, type SettingFlags } from "../cli/setting_flags.ts";
import { applySettingsFile } from "../settings/settings_file.ts";
import { applyFlags, DEFAULT_SETTINGS, type Settings } from "../settings/settings.ts";
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
 * @throws {UsageError} when the file or a flag is not understood.
 */
export async function readSiteSettings(context: CtlContext, flags: SiteFlags): Promise<Settings> {
  let settings = DEFAULT_SETTINGS;
  if (flags.settings !== undefined) {
    const text = await readInput(context, flags.settings, "settings");
    settings = applySettingsFile(settings, text, inputName(flags.settings));
  }
  return applyFlags(settings, givenFlags(flags));
}
