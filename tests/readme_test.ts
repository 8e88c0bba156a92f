import assert from "node:assert/strict";
import { pageParts, putIn } from "../scripts/pages.ts";
import { LICENSE } from "../scripts/support/bill_of_materials.ts";
import { LONGEST_TABLE_LINE } from "../scripts/support/settings_table.ts";
import { SETTING_NAMES, SETTINGS } from "../src/settings/settings.ts";
import { allPages, links, readPage } from "./support/pages.ts";

const PROJECT = new URL("../", import.meta.url);
const README = await readPage("README.md");

Deno.test("the README is read on two screens, and leads to each page", async () => {
  assert.ok(README.text.split("\n").length <= 150);
  const linked = new Set(links(README).map(([path]) => path));
  for (const { path } of await allPages()) {
    assert.ok(path === README.path || linked.has(path), `nothing leads to ${path}`);
  }
});

Deno.test("the parts of pages that are made of the program are what it makes of them now", async () => {
  for (const part of await pageParts()) {
    const { text } = await readPage(part.page);
    assert.ok(text === putIn(text, part), `${part.page}: run deno task pages`);
  }
});

Deno.test("the table of settings has each flag of the program, and each of its lines fits", async () => {
  const { text } = await readPage("docs/operate/configure.md");
  for (const name of SETTING_NAMES) {
    assert.match(text, new RegExp(`^\\| \`--${SETTINGS[name].flag} `, "m"));
  }
});

Deno.test("tables are as narrow as a page is printed", async () => {
  for (const { path, text } of await allPages()) {
    for (const [index, line] of text.split("\n").entries()) {
      if (!line.startsWith("|")) continue;
      assert.ok(line.length <= LONGEST_TABLE_LINE, `${path}:${index + 1}: ${line.length}`);
    }
  }
});

/** Words in a row that two pages have in common where one of them should link to the other. */
const REPEATED = 12;

Deno.test("what one page says no other says again: it links there", async () => {
  const first = new Map<string, string>();
  const again = new Set<string>();
  for (const { path, text } of await allPages()) {
    // The changes are a record of their own. Commands, what they print and tables are not prose.
    if (path === "CHANGELOG.md") continue;
    const prose = text.replaceAll(/^```[^]*?^```$|^\|.*$/gm, "\n\n");
    for (const paragraph of prose.split("\n\n")) {
      const words = paragraph.toLowerCase().match(/[\w./'-]+/g) ?? [];
      for (let at = 0; at + REPEATED <= words.length; at++) {
        const run = words.slice(at, at + REPEATED).join(" ");
        const place = first.get(run) ?? path;
        if (place !== path) again.add(`${place} and ${path}: ${run}`);
        first.set(run, place);
      }
    }
  }
  assert.ok(first.size > 5_000, `${first.size}`);
  assert.deepEqual([...again], []);
});

Deno.test("a page without the place of a part is named", () => {
  const part = { page: "a.md", name: "settings", text: "" };
  assert.throws(() => putIn("text", part), /^TypeError: a\.md: no place for settings$/);
});

Deno.test("the licence is the same wherever it is named", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(path, PROJECT));
  assert.equal(JSON.parse(await read("deno.json")).license, LICENSE);
  assert.match(await read("LICENSE"), new RegExp(`^SPDX-License-Identifier: ${LICENSE}$`, "m"));
  assert.match(README.text, new RegExp(`^${LICENSE}, see \\[LICENSE\\]`, "m"));
});
