/** The table of settings of docs/operate/configure.md, from the table of settings itself. */

import {
  DEFAULT_SETTINGS,
  formatSetting,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
} from "../../src/settings/settings.ts";
import { wrapLine } from "../../src/text/wrap.ts";

/** Longest line of a table in the pages, in characters. */
export const LONGEST_TABLE_LINE = 100;

/** What is between the cells of a line of two, and around them. */
const BETWEEN = "|  |  |".length;

/**
 * The table as the formatter of the pages leaves it. A setting has a row for what it sets, more where
 * that is long, and one for each of its defaults.
 */
export function settingsTable(): string {
  const flags = new Map(SETTING_NAMES.map((name) => [name, flagCell(name)]));
  const first = Math.max(...[...flags.values()].map((cell) => cell.length));
  const second = LONGEST_TABLE_LINE - BETWEEN - first;
  const rows = [...flags].flatMap(([name, flag]) => {
    const [brief = "", ...more] = wrapLine(SETTINGS[name].brief, second, 0);
    return [[flag, brief], ...[...more, ...defaultCells(name)].map((cell) => ["", cell])];
  });
  const width = Math.max(...rows.map(([, cell = ""]) => cell.length));
  const line = (left: string, right: string) =>
    `| ${left.padEnd(first)} | ${right.padEnd(width)} |\n`;
  return [
    line("setting", "what it sets; its defaults"),
    line("-".repeat(first), "-".repeat(width)),
    ...rows.map(([left = "", right = ""]) => line(left, right)),
  ].join("");
}

function flagCell(name: SettingName): string {
  const { flag, placeholder } = SETTINGS[name];
  return `\`--${flag} ${placeholder.replaceAll("|", "\\|")}\``;
}

/** None where the program has no default of its own: then the brief says where the value is from. */
function defaultCells(name: SettingName): string[] {
  const value = DEFAULT_SETTINGS[name];
  const texts = Array.isArray(value) ? value.map(String) : [formatSetting(name, DEFAULT_SETTINGS)];
  return texts.filter((text) => text !== "").map((text) => `\`${text}\``);
}
