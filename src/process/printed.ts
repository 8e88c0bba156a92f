/** What is printed for people and programs, who may read it on a terminal. */

import { escapeControls } from "./log.ts";

/** Lines, each escaped, and ended by a line break. */
export function formatLines(lines: readonly string[]): string {
  return lines.map((line) => `${escapeControls(line)}\n`).join("");
}

/** A value as JSON, which by itself leaves some characters as they are that drive a terminal. */
export function formatJson(value: unknown): string {
  return formatLines(JSON.stringify(value, null, 2).split("\n"));
}
