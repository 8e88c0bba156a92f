import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import {
  type CompiledFile,
  CompiledFileError,
  formatCompiledFile,
  joinBytes,
  readCompiledFile,
} from "../../src/executable/compiled_file.ts";
import { share } from "../support/share.ts";
import { runtimeOf, smallImage } from "../support/small_executable.ts";

const METADATA = { argv: [], permissions: { allow_read: ["/etc/containers"] }, v8_flags: [] };

function files(texts: Readonly<Record<string, string>>): Map<string, Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  return new Map(Object.entries(texts).map(([name, text]) => [name, encoder.encode(text)]));
}

function format(parts: Pick<CompiledFile, "image" | "metadata" | "files">) {
  return joinBytes(formatCompiledFile(parts));
}

const SMALL = format({
  image: smallImage(),
  metadata: METADATA,
  files: files({ "main.js": "run();", "settings.js": "export {};" }),
});

Deno.test("what was put together is taken apart into the same", () => {
  const file = readCompiledFile(SMALL);
  strictEqual(file.machine, "x86_64");
  deepStrictEqual(file.metadata, METADATA);
  deepStrictEqual(file.files, files({ "main.js": "run();", "settings.js": "export {};" }));
});

Deno.test("the same parts give the same bytes, whatever the file they were taken from held", () => {
  const texts = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,8}\.js$/),
    fc.string({ unit: "grapheme" }),
    {
      maxKeys: 3,
      noNullPrototype: true,
    },
  );
  const metadata = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });
  fc.assert(
    fc.property(
      texts,
      metadata,
      texts,
      fc.constantFrom(0x3e, 0xb7),
      (first, other, second, machine) => {
        const image = smallImage({ machine });
        const direct = format({ image, metadata: METADATA, files: files(second) });
        const before = readCompiledFile(format({ image, metadata: other, files: files(first) }));
        const bound = format({ image: before.image, metadata: METADATA, files: files(second) });
        deepStrictEqual(bound, direct);
        deepStrictEqual(
          runtimeOf(before),
          runtimeOf(readCompiledFile(bound)),
        );
        const again = readCompiledFile(bound);
        deepStrictEqual(format(again), bound);
        deepStrictEqual(again.files, files(second));
      },
    ),
    { numRuns: share(300, 10_000) },
  );
});

Deno.test("a file that is cut anywhere is refused", () => {
  for (let length = 0; length < SMALL.length; length++) {
    throws(() => readCompiledFile(SMALL.slice(0, length)), CompiledFileError, `${length} bytes`);
  }
});

Deno.test("a byte changed behind the runtime is refused, or is part of metadata, a file, or a header", () => {
  const before = readCompiledFile(SMALL);
  for (let at = before.image.runtime.length; at < SMALL.length; at++) {
    const bytes = SMALL.slice();
    bytes[at] = (bytes[at] ?? 0) ^ 0x21;
    let after: CompiledFile;
    try {
      after = readCompiledFile(bytes);
    } catch (error) {
      if (error instanceof CompiledFileError) continue;
      throw error;
    }
    // What was read shows the change: put together again it is not what an untouched file gives.
    const shown =
      JSON.stringify([after.metadata, [...after.files].map(([n, b]) => [n, [...b]])]) !==
        JSON.stringify([before.metadata, [...before.files].map(([n, b]) => [n, [...b]])]) ||
      joinBytes(formatCompiledFile(after)).some((byte, index) => byte !== bytes[index]) ||
      after.image.programHeaders.some((b, i) => b !== before.image.programHeaders[i]) ||
      after.image.sectionHeaders.some((b, i) => b !== before.image.sectionHeaders[i]) ||
      after.image.sectionNames.some((b, i) => b !== before.image.sectionNames[i]);
    strictEqual(shown, true, `byte ${at}`);
  }
});

Deno.test("what is no compiled executable is refused in words", async (t) => {
  const file = readCompiledFile(SMALL);
  const withoutProgram = file.image.runtime.slice();
  new DataView(withoutProgram.buffer).setUint16(56, 0, true);
  // Texts of one length, so that each length in front of them stays true.
  const edited = (from: string, to: string) => {
    const text = Array.from(SMALL, (byte) => String.fromCharCode(byte)).join("");
    ok(text.includes(from), from);
    const changed = text.replace(from, to.padEnd(from.length));
    return Uint8Array.from(changed, (letter) => letter.charCodeAt(0));
  };
  const [directory = ""] = /\[\{"File".*?\}\}\]/.exec(new TextDecoder("latin1").decode(SMALL)) ??
    [];
  // The second of its two program headers is that of the note.
  const twoNotes = SMALL.slice();
  twoNotes.copyWithin(512, 512 + 56, 512 + 2 * 56);
  const cases: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
    [
      "metadata that is a list",
      edited(JSON.stringify(METADATA), "[]"),
      /metadata that is not an object/,
    ],
    ["a file without a place", edited(`"o":[0,6]`, `"o":9`), /unknown directory/],
    ["something other than files", edited(directory, "[1]"), /something other than files/],
    ["files that are no list", edited(directory, "{}"), /something other than files/],
    ["two notes", twoNotes, /more than one program/],
    ["a note behind a gap", twoNotes.with(56, 1), /its note has another place/],
    ["a gap between its files", edited(`"o":[0,6]`, `"o":[1,5]`), /belong to no file/],
    ["nothing", new Uint8Array(), /no ELF header/],
    ["zeros", new Uint8Array(10_000), /no ELF header/],
    ["a script", new TextEncoder().encode("#!/bin/sh\necho\n"), /no ELF header/],
    ["32 bits", SMALL.with(4, 1), /64-bit/],
    ["another machine", SMALL.with(18, 0x28), /another machine/],
    ["bytes at its end", joinBytes([SMALL, new Uint8Array(1)]), /behind its program/],
  ];
  for (const [name, bytes, problem] of cases) {
    await t.step(name, () => {
      throws(
        () => readCompiledFile(new Uint8Array(bytes)),
        (error) => error instanceof CompiledFileError && problem.test(error.message),
      );
    });
  }
});
