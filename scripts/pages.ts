/** Writes the parts of the pages that are made of the program: the table of settings, and the picture. */

import { drawPicture } from "./picture.ts";
import { PROJECT } from "./support/project.ts";
import { settingsTable } from "./support/settings_table.ts";

/** A part of a page, between two comments that have its name. */
interface Part {
  /** From the project's directory. */
  readonly page: string;
  readonly name: string;
  readonly text: string;
}

/** The parts, as they should be. */
export async function pageParts(): Promise<Part[]> {
  return [
    { page: "docs/operate/configure.md", name: "settings", text: settingsTable() },
    {
      page: "docs/operate/operators-tool.md",
      name: "picture",
      text: `\`\`\`mermaid\n${await drawPicture()}\`\`\`\n`,
    },
  ];
}

/**
 * A page with a part put in.
 *
 * @throws {TypeError} when the page has no place for it.
 */
export function putIn(text: string, { page, name, text: part }: Part): string {
  const start = `<!-- ${name}: made by deno task pages -->\n`;
  const end = `<!-- end of ${name} -->\n`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new TypeError(`${page}: no place for ${name}`);
  return `${text.slice(0, from)}${start}\n${part}\n${text.slice(to)}`;
}

if (import.meta.main) {
  for (const part of await pageParts()) {
    const path = `${PROJECT}/${part.page}`;
    await Deno.writeTextFile(path, putIn(await Deno.readTextFile(path), part));
  }
}
