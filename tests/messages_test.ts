import assert from "node:assert/strict";
import { collectMessages, type Message, messagesOf } from "../scripts/support/messages.ts";
import { allPages, filesBelow } from "./support/pages.ts";

const PROJECT = new URL("../", import.meta.url);
const MESSAGES = await collectMessages();

/** Words that a reader at night would stumble over, and what to write in their place. */
const DIALECT: readonly (readonly [words: RegExp, instead: string])[] = [
  [/\bborne\b/, "too large"],
  [/\btold\b|\btells?\b/, "says, gives, reports"],
  [/\bstands?\b/, "is"],
  [/half a character/, "is not well-formed Unicode"],
  [/which it was not asked/, "although that was not requested"],
  [/still to be made/, "before all requests were made"],
  [/among its values/, "must be one of, with the list"],
  [/ours among them|our provider|our executable/, "the plugin"],
  [/more that is broken/, "further broken entries"],
  [/(?<!\bthere )\b(?:is|are) no (?!longer\b)[a-z]/, "is not a, are not"],
  [/\bstanding\b/, "where, in which"],
  [/^correct it$|^mend\b|\bmend it\b/, "say what to change, and to what"],
  [/^add it$/, "say what to add"],
  [/\bif need be\b/, "if needed"],
  [/\bread whole\b/, "read completely"],
  [/\bby whom\b|\bwherefore\b|\banew\b/, "plain words"],
];

/** Sentences that keep such a word because it is the subject's own. */
const KEPT: readonly RegExp[] = [
  // The copy of a node's files stands for /.
  /stands for \//,
  // The lock-down is text to those who look for it, and nobody's message.
  /^\/\*\*\n \* What both programs do first/,
];

Deno.test("no sentence of the programs has a word of the house's own dialect", () => {
  const found = MESSAGES.flatMap(({ module, text }) =>
    KEPT.some((kept) => kept.test(text)) ? [] : DIALECT.filter(([words]) => words.test(text))
      .map(([, instead]) => `${module}: ${JSON.stringify(text)} (rather: ${instead})`)
  );
  assert.deepEqual(found, []);
});

/** The words among these that a comment or a page has a usual word for, too. */
const OUT_OF_PROSE = /\b(?:borne|bears?|told|stands?|stood|ours)\b/i;

Deno.test("no comment of the sources has a word of the dialect", async () => {
  const found: string[] = [];
  let comments = 0;
  const files = ["src/", "scripts/"].flatMap((name) => [...filesBelow(new URL(name, PROJECT))]);
  for (const file of files.filter(({ pathname }) => /\.[jt]s$/.test(pathname))) {
    for (const [index, line] of (await Deno.readTextFile(file)).split("\n").entries()) {
      if (!/^\s*(?:\/\/|\/\*|\*)/.test(line)) continue;
      comments++;
      if (OUT_OF_PROSE.test(line)) found.push(`${file.pathname}:${index + 1}: ${line.trim()}`);
    }
  }
  assert.ok(comments > 3_000, `${comments}`);
  assert.deepEqual(found, []);
});

Deno.test("no page has a word of the dialect, but where it quotes", async () => {
  const found = (await allPages()).flatMap(({ path, text }) =>
    text.replaceAll(/^```[^]*?^```$|"[^"\n]*"/gm, "").split("\n")
      .filter((line) => OUT_OF_PROSE.test(line)).map((line) => `${path}: ${line}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("the list of sentences is that of both programs, from every room that speaks", () => {
  assert.ok(MESSAGES.length > 800, `${MESSAGES.length}`);
  const rooms = new Set(MESSAGES.map(({ module }) => module.split("/").slice(0, 2).join("/")));
  for (const room of ["plugin.ts", "cli", "ctl", "kubernetes", "sources", "delivery", "settings"]) {
    assert.ok(rooms.has(`src/${room}`), room);
  }
});

const CODE: readonly [name: string, code: string, texts: string[]][] = [
  ["a literal", `f("some words");`, ["some words"]],
  ["a template with a name", "f(`no ${file.name} here`);", ["no {file.name} here"]],
  ["a template with a call", "f(`no ${g(1 + 2)} here`);", ["no {…} here"]],
  ["a quoted value", "f(`no ${JSON.stringify(text)} here`);", ["no {text} here"]],
  ["joined texts", `f("one " + name + " two");`, ["one {name} two"]],
  ["one word", `f("word", "a-b", "a.b");`, []],
];

for (const [name, code, texts] of CODE) {
  Deno.test(`${name} is listed as it reads`, () => {
    const found: Message[] = messagesOf(`// src/a.ts\n${code}`);
    assert.deepEqual(found, texts.map((text) => ({ module: "src/a.ts", text })));
  });
}

Deno.test("texts of other projects' modules are not listed", () => {
  assert.deepEqual(messagesOf(`// ../cache/b.js\nf("a word");`), []);
});
