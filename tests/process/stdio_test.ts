import assert from "node:assert/strict";
import { readText, writeText } from "../../src/process/stdio.ts";
import { whileAwake } from "../support/while_awake.ts";

/** An input that gives its chunks one by one, then ends, or never does. */
function input(chunks: readonly Uint8Array[], { ends = true } = {}) {
  const rest = chunks.map((chunk) => [...chunk]);
  return {
    read: (buffer: Uint8Array): Promise<number | null> => {
      const chunk = rest.shift();
      if (chunk === undefined) return ends ? Promise.resolve(null) : new Promise(() => {});
      const part = chunk.splice(0, buffer.length);
      if (chunk.length > 0) rest.unshift(chunk);
      buffer.set(part);
      return Promise.resolve(part.length);
    },
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("text is read whole, however it is cut", async () => {
  const text = "ä€😀".repeat(20_000);
  const all = bytes(text);
  const chunks = [all.subarray(0, 1), all.subarray(1, 70_001), all.subarray(70_001)];
  assert.equal(await readText(input(chunks), 1_000_000, 5000), text);
});

Deno.test("nothing is waited for once text is whole", async () => {
  const seen: number[] = [];
  const isWhole = (all: Uint8Array) => {
    seen.push(all.length);
    return all.at(-1) === 0x2e;
  };
  const chunks = [bytes("ab"), bytes("c.")];
  assert.equal(await readText(input(chunks, { ends: false }), 100, 5000, isWhole), "abc.");
  assert.deepEqual(seen, [2, 4]);
});

Deno.test("text that is too long is refused", async () => {
  await assert.rejects(readText(input([bytes("12345")]), 4, 5000), /stdin: is longer than 4 bytes/);
});

Deno.test("bytes that are no text are refused", async () => {
  const garbage = Uint8Array.of(0xff);
  await assert.rejects(readText(input([garbage]), 4, 5000), /stdin: is not UTF-8 text/);
});

Deno.test("text that does not end is given up on", async () => {
  const endless = input([bytes("{")], { ends: false });
  await whileAwake(() =>
    assert.rejects(readText(endless, 100, 20), /stdin: did not end within 20 ms/)
  );
});

Deno.test("text is written whole to a reader that takes little at a time", () => {
  let written = "";
  const output = {
    writeSync: (chunk: Uint8Array) => {
      written += new TextDecoder().decode(chunk.subarray(0, 3));
      return Math.min(3, chunk.length);
    },
  };
  writeText(output, "response\n");
  assert.equal(written, "response\n");
});

Deno.test("stdin that cannot be read, such as a directory, is an error that says so", async () => {
  const input = {
    read: () => Promise.reject(new Deno.errors.IsADirectory("Is a directory (os error 21)")),
  };
  await assert.rejects(() => readText(input, 10, 1000), {
    message: "stdin: cannot be read: Is a directory (os error 21)",
  });
});

const UNWRITABLE: readonly [what: string, error: Error, message: RegExp][] = [
  [
    "a reader that is gone",
    new Deno.errors.BrokenPipe("Broken pipe (os error 32)"),
    /^stdout: cannot write the response: its reader is gone$/,
  ],
  [
    "a full disk behind stdout",
    new Error("No space left on device (os error 28)"),
    /^stdout: cannot write the response: No space left on device \(os error 28\)$/,
  ],
];

for (const [what, error, message] of UNWRITABLE) {
  Deno.test(`${what} is an error that says so`, () => {
    const output = {
      writeSync: () => {
        throw error;
      },
    };
    assert.throws(() => writeText(output, "x"), { message });
  });
}
