import assert from "node:assert/strict";
import { ERROR_CODES } from "../src/error_codes.ts";
import { codeOf, UserError } from "../src/errors.ts";
import { createLog } from "../src/process/log.ts";
import { runCtlWith } from "./support/ctl.ts";
import { sourceTexts } from "./support/pages.ts";

const PAGE = await Deno.readTextFile(
  new URL("../docs/operate/troubleshoot.md", import.meta.url),
);
/** `- <a id="code"></a>`code`, `message` or `message`: what to do` */
const ENTRIES = [
  ...PAGE.matchAll(/^- <a id="([^"]+)"><\/a>`([^`]+)`, ((?:`[^`]+`(?: or )?)+): \S/gm),
];

Deno.test("each code has its entry on the page for troubles, and each entry there has a code", () => {
  assert.deepEqual(ENTRIES.map(([, id]) => id), [...ERROR_CODES]);
  assert.deepEqual(ENTRIES.map(([, , shown]) => shown), [...ERROR_CODES]);
  assert.equal(PAGE.match(/<a id=/g)?.length, ERROR_CODES.length);
});

Deno.test("each message of those entries is one that the programs print", async () => {
  const code = (await sourceTexts()).replaceAll(/\$\{action\}/g, "read");
  const messages = ENTRIES.flatMap(([, , , messages = ""]) =>
    [...messages.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message)
  );
  assert.ok(messages.length >= ERROR_CODES.length);
  const missing = messages.filter((message) => !code.includes(message));
  assert.deepEqual(missing.filter((message) => message !== "cannot write the auth file"), []);
});

Deno.test("each code is one that the programs give", async () => {
  const code = (await sourceTexts()).replace(/ERROR_CODES = \[[^\]]*\]/, "");
  assert.deepEqual(ERROR_CODES.filter((each) => !code.includes(`"${each}"`)), []);
});

Deno.test("an error's code is in the log for programs, and not in the log for people", () => {
  const error = new UserError("ca-missing", "/ca.crt", "no CA", "pass --ca-file");
  const lines = (["json", "text"] as const).map((format) => {
    let logged = "";
    const sinks = [(_level: string, line: string) => void (logged += line)];
    const log = createLog({ level: "info", format, sinks, now: () => new Date(0) });
    log.error(error.message, { code: codeOf(error) });
    return logged;
  });
  const [json = "", text] = lines;
  assert.equal(JSON.parse(json).code, "ca-missing");
  assert.equal(text, "error: /ca.crt: no CA; pass --ca-file");
});

Deno.test("an error that is not ours has the code of a mistake of the program", () => {
  assert.equal(codeOf(new TypeError("s3cret")), "internal-error");
});

Deno.test("with --json the tool writes an error as one line of JSON on stderr, and nothing on stdout", async () => {
  const args = ["doctor", "--roles", "-"];
  const { code, stdout, stderr } = await runCtlWith([...args, "--json"], " ");
  const { error } = JSON.parse(stderr);
  assert.deepEqual([code, stdout, error.code, error.where], [1, "", "input-empty", "stdin"]);
  assert.equal(error.message, `stdin: ${error.problem}`);
  const plain = await runCtlWith(args, " ");
  assert.deepEqual([plain.code, plain.stderr], [1, `error: ${error.message}\n`]);
});
