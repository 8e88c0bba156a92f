/** Writing TOML, as far as registries files need it. */

import type { Toml, TomlTable } from "./registries_reading.ts";

/** Whether a value is a table. */
export function isTable(value: Toml): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}

/**
 * Writes a registries file.
 *
 * @param options.headers whether tables get headers (`[[registry]]`), or stand inline.
 */
export function formatToml(document: TomlTable, { headers = true } = {}): string {
  if (!headers) return formatLines(document);
  const { registry, registries, ...others } = document;
  let text = formatLines(others);
  if (Array.isArray(registry) && registry.length > 0 && registry.every(isTable)) {
    for (const table of registry) {
      const { mirror, ...keys } = table;
      text += `[[registry]]\n${formatLines(keys)}`;
      if (Array.isArray(mirror) && mirror.every(isTable)) {
        for (const keys of mirror) text += `[[registry.mirror]] # a mirror\n${formatLines(keys)}`;
      } else if (mirror !== undefined) {
        text += formatLines({ mirror });
      }
    }
  } else if (registry !== undefined) {
    text = formatLines({ registry }) + text;
  }
  if (registries === undefined) return text;
  if (!isTable(registries) || !Object.values(registries).every(isTable)) {
    return formatLines({ registries }) + text;
  }
  for (const [key, list] of Object.entries(registries)) {
    text += `[registries.${key}]\n${isTable(list) ? formatLines(list) : ""}`;
  }
  return text;
}

function formatLines(table: TomlTable): string {
  return Object.entries(table).map(([key, value]) => `"${key}" = ${formatValue(value)}\n`).join("");
}

function formatValue(value: Toml): string {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return `[${value.map(formatValue).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, value]) => `"${key}" = ${formatValue(value)}`);
  return `{${members.join(", ")}}`;
}
