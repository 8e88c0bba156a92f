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
  let text = "";
  let tables = "";
  for (const [key, value] of Object.entries(document)) {
    const name = key.toLowerCase();
    if (name === "registry" && Array.isArray(value) && value.length > 0 && value.every(isTable)) {
      tables += value.map((table) => formatRegistry(key, table)).join("");
    } else if (name === "registries" && isTable(value) && Object.values(value).every(isTable)) {
      for (const [list, table] of Object.entries(value)) {
        tables += `[${key}.${list}]\n${isTable(table) ? formatLines(table) : ""}`;
      }
    } else if (name === "aliases" && isTable(value)) tables += `[${key}]\n${formatLines(value)}`;
    else text += formatLines(Object.fromEntries([[key, value]]));
  }
  return text + tables;
}

function formatRegistry(header: string, table: TomlTable): string {
  let text = "";
  let mirrors = "";
  for (const [key, value] of Object.entries(table)) {
    const isList = key.toLowerCase() === "mirror" && Array.isArray(value) && value.every(isTable);
    if (!isList) text += formatLines(Object.fromEntries([[key, value]]));
    else {
      for (const mirror of value) {
        mirrors += `[[${header}.${key}]] # a mirror\n${formatLines(mirror)}`;
      }
    }
  }
  return `[[${header}]]\n${text}${mirrors}`;
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
