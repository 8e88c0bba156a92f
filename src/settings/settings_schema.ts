/** Settings as the first line of an executable holds them, for those who read one. */

import * as v from "valibot";
import { isSettings, SETTING_NAMES, type Settings } from "./settings.ts";

/** Settings, perhaps beside others that this version does not know. */
export const SettingsSchema = v.custom<Settings>(isSettings);

/** Settings and nothing else. */
export const ExactSettingsSchema = v.custom<Settings>((value) =>
  isSettings(value) && Object.keys(value).length === SETTING_NAMES.length
);
