import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8, looksLikeUtf16 } from "../../src/text/utf8.ts";

const LONG = "x".repeat(4096);

Deno.test("bytes are those of the runtime's encoder", () => {
  for (const text of ["", "a\u0000\u007f", "ä€😀", "\ud800", LONG, `${LONG}x`, `${LONG}ä`]) {
    assert.deepEqual(encodeUtf8(text), new TextEncoder().encode(text));
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.deepEqual(encodeUtf8(text), new TextEncoder().encode(text));
  }));
});

Deno.test("text is that of the runtime's decoder, and so is what is refused", () => {
  const decode = (bytes: Uint8Array, fatal: boolean) => {
    try {
      return new TextDecoder("utf-8", { fatal }).decode(bytes);
    } catch (error) {
      return (error as Error).name;
    }
  };
  const ours = (bytes: Uint8Array, fatal: boolean) => {
    try {
      return decodeUtf8(bytes, { fatal });
    } catch (error) {
      return (error as Error).name;
    }
  };
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: "binary" }).map((text) => encodeUtf8(text)),
  );
  fc.assert(fc.property(bytes, fc.boolean(), (bytes, fatal) => {
    assert.equal(ours(bytes, fatal), decode(bytes, fatal));
  }));
});

Deno.test("a byte order mark is dropped, and a replacement character that was written stays", () => {
  assert.equal(decodeUtf8(encodeUtf8("\ufeffä")), "ä");
  assert.equal(decodeUtf8(encodeUtf8("\ufeff")), "");
  assert.equal(decodeUtf8(encodeUtf8("a\ufffd")), "a\ufffd");
});

Deno.test("bytes that are not UTF-8 are refused, or replaced where that is asked for", () => {
  const bytes = new Uint8Array(5000).fill(0x61);
  bytes[4999] = 0xe4;
  for (const part of [bytes, bytes.subarray(4000)]) {
    assert.throws(() => decodeUtf8(part), TypeError);
    assert.match(decodeUtf8(part, { fatal: false }), /^a+\ufffd$/);
  }
});

Deno.test("UTF-16 is told by its mark, or by NULs beside ASCII", () => {
  for (const bytes of [[0xff, 0xfe], [0xfe, 0xff, 0, 1], [0x61, 0], [0, 0x61]]) {
    assert.ok(looksLikeUtf16(Uint8Array.from(bytes)), bytes.join());
  }
  for (const bytes of [[], [0x61], [0xff], [0x61, 0x62], [0, 0], [0xff, 0xff], [0x61, 0, 0x62]]) {
    assert.ok(!looksLikeUtf16(Uint8Array.from(bytes)), bytes.join());
  }
});
