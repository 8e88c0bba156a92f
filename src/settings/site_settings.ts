/** The settings of a site, as a build and the operator's tool take them: from a file, and from flags. */

import { UsageError } from "../errors.ts";
import { refuseHostsOfAnybody } from "../kubernetes/owned_hosts.ts";
import { applyFlags, DEFAULT_SETTINGS, SETTINGS, type Settings } from "./settings.ts";
import { applySettingsFile, placeInSettingsFile } from "./settings_file.ts";

/** A settings file that was read. */
export interface SettingsFile {
  readonly text: string;
  /** What errors call it. */
  readonly path: string;
}

/**
 * The settings that an executable is made with. What nothing is said of has its default; flags win over
 * the file.
 *
 * @param given the texts of each flag, by flag name.
 * @throws {UsageError} when the file or a flag is not understood, or the executable could connect to
 * hosts of anybody.
 */
export async function siteSettings(
  file: SettingsFile | undefined,
  given: ReadonlyMap<string, readonly string[]>,
): Promise<Settings> {
  const base = file === undefined
    ? DEFAULT_SETTINGS
    : applySettingsFile(DEFAULT_SETTINGS, file.text, file.path);
  const settings = applyFlags(base, given);
  const { flag } = SETTINGS.apiserverHosts;
  try {
    await refuseHostsOfAnybody(settings.apiserverHosts);
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UsageError)) throw error;
    if (file === undefined || given.has(flag)) {
      throw new UsageError(error.code, `--${flag}`, error.problem, error.advice);
    }
    const place = placeInSettingsFile(file.text, file.path, flag);
    throw new UsageError(error.code, place, `"${flag}" ${error.problem}`, error.advice);
  }
  return settings;
}
