/** Characters and bytes of text. */

/** The UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/**
 * The text of UTF-8 bytes, without a byte order mark.
 *
 * @param options.fatal whether bytes that are not UTF-8 are refused; else they become U+FFFD.
 * @throws {TypeError} when they are refused.
 */
export function decodeUtf8(bytes: Uint8Array, { fatal = true } = {}): string {
  lenient ??= new TextDecoder();
  const text = lenient.decode(bytes);
  // For 4.4 MB refusing takes the runtime 1.6 ms, replacing 0.2 (docs/develop/start-up.md).
  if (!fatal || !text.includes("\ufffd")) return text;
  return new TextDecoder("utf-8", { fatal }).decode(bytes);
}

let lenient: TextDecoder | undefined;

/**
 * Whether bytes that should be UTF-8 are most likely UTF-16, as PowerShell writes files: they begin with
 * its byte order mark, or with an ASCII character and a NUL in either order.
 */
export function looksLikeUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return false;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  return (first === 0) !== (second === 0) && bytes.length % 2 === 0;
}
