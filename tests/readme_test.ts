import assert from "node:assert/strict";
import { drawPicture } from "../scripts/picture.ts";
import { DEFAULT_SETTINGS, formatSetting, SETTING_NAMES, SETTINGS } from "../src/settings.ts";

const PROJECT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", PROJECT));

/** The rows of the table whose header begins with a word, cell by cell. */
function table(header: string): string[][] {
  const start = README.search(new RegExp(`^\\| ${header} +\\|`, "m"));
  assert.notEqual(start, -1, header);
  const lines = README.slice(start).split("\n");
  const rows = lines.slice(2, lines.findIndex((line) => !line.startsWith("|")));
  return rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("the README's settings are those of the program, in the same order", () => {
  const flags = table("flag").map(([flag]) => flag);
  assert.deepEqual(flags, SETTING_NAMES.map((name) => `\`--${SETTINGS[name].flag}\``));
});

Deno.test("the README's defaults are those of the program", () => {
  for (const [index, [flag, , shown]] of table("flag").entries()) {
    const name = SETTING_NAMES[index];
    assert.ok(name !== undefined && shown !== undefined);
    const value = formatSetting(name, DEFAULT_SETTINGS);
    // Where the program has no default of its own, the README says where the value comes from.
    if (value === "") assert.match(shown, /^(?:from )?the /, flag);
    else assert.equal(shown.replaceAll("`", ""), value, flag);
  }
});

Deno.test("each message that the README explains is one that the program prints", async () => {
  const sources = await Promise.all(
    [...walk(new URL("src/", PROJECT))].map((file) => Deno.readTextFile(file)),
  );
  // A message may be broken over lines, and hold values where the README has none or an ellipsis.
  const code = sources.join("\n").replaceAll(/[`"] \+\s*[`"]/g, "");
  for (const [message = ""] of table("message")) {
    for (const part of message.replaceAll("`", "").split("…")) {
      assert.ok(code.includes(part.trim()), `nothing prints ${JSON.stringify(part.trim())}`);
    }
  }
});

function* walk(directory: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* walk(new URL(`${name}/`, directory));
    else yield new URL(name, directory);
  }
}

Deno.test("the files that the README links to or applies are there", async () => {
  const links = [...README.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? "");
  const applied = [...README.matchAll(/kubectl apply -f (\S+)/g)].map((match) => match[1] ?? "");
  assert.ok(links.length > 5 && applied.length > 1);
  for (const path of [...links, ...applied]) await Deno.stat(new URL(path, PROJECT));
});

Deno.test("the README's commands are tasks of the project", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", PROJECT)));
  const named = [...README.matchAll(/(?:deno|deno@2\.9\.6) task ([\w:]+)/g)].map(([, task]) =>
    task
  );
  assert.ok(named.length > 5);
  for (const task of new Set(named)) assert.ok(task !== undefined && task in tasks, task);
});

Deno.test("the README's picture is what the script draws", async () => {
  assert.ok(README.includes("```mermaid\n" + await drawPicture() + "```"));
});
