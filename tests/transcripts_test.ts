import assert from "node:assert/strict";
import { formatTranscript, parseTranscript, type Step } from "./support/transcript.ts";
import { runCtlWith } from "./support/ctl.ts";

const PROJECT = new URL("../", import.meta.url).pathname;
const DIRECTORY = new URL("transcripts/", import.meta.url);
const TOOL = "crio-credential-ctl";
const FILES = [...Deno.readDirSync(DIRECTORY)].map(({ name }) => name)
  .filter((name) => name.endsWith(".txt")).sort();

/** Runs the command of a step, and gives what came of it. */
async function play({ command, stdin }: Step): Promise<Step> {
  const [program, ...words] = command.split(" ");
  assert.equal(program, TOOL, "a transcript is of the operator's tool");
  // Files of the project are found wherever the tool is run, and are shown as the transcript names them.
  const args = words.map((word) => /^(?:fixtures|tests)\//.test(word) ? `${PROJECT}${word}` : word);
  const { code, ...printed } = await runCtlWith(args, stdin);
  const [stdout = "", stderr = ""] = [printed.stdout, printed.stderr]
    .map((text) => text.replaceAll(PROJECT, ""));
  return { command, stdin, stdout, stderr, status: code };
}

for (const name of FILES) {
  Deno.test(`the transcript ${name} is what the tool does`, async () => {
    const text = await Deno.readTextFile(new URL(name, DIRECTORY));
    const steps = parseTranscript(text);
    assert.ok(steps.length > 0);
    const played: Step[] = [];
    for (const step of steps) played.push(await play(step));
    assert.equal(formatTranscript(played), text);
  });
}

Deno.test("there are transcripts, so that this looks at something", () => {
  assert.ok(FILES.length >= 8);
});

Deno.test("a transcript is read as it is written", () => {
  const steps: Step[] = [
    { command: "a --b", stdin: "one\ntwo\n", stdout: "out\n\nmore\n", stderr: "warn\n", status: 1 },
    { command: "c", stdin: undefined, stdout: "", stderr: "", status: 0 },
  ];
  const text = "$ a --b\n< one\n< two\nout\n\nmore\n! warn\n? 1\n\n$ c\n";
  assert.equal(formatTranscript(steps), text);
  assert.deepEqual(parseTranscript(text), steps);
});
