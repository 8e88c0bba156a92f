/** A site's settings file. */

import {
  DEFAULT_SETTINGS,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
} from "../../src/settings/settings.ts";

/** Settings as a site writes them down: those that differ from the defaults. */
export function siteFile(settings: Settings): string {
  const entries = SETTING_NAMES.flatMap((name): [string, string | string[]][] => {
    const value: unknown = settings[name];
    if (value === null || JSON.stringify(value) === JSON.stringify(DEFAULT_SETTINGS[name])) {
      return [];
    }
    const { flag, repeatable } = SETTINGS[name];
    if (typeof value === "number") return [[flag, `${value}ms`]];
    const texts = [value].flat().map(String);
    return [[flag, repeatable ? texts : texts[0] ?? ""]];
  });
  return JSON.stringify(Object.fromEntries(entries));
}
