/**
 * Characters and bytes of text. A pull without mirrors handles short ASCII text alone: by hand,
 * because the runtime loads its encoders at their first use, and compiles patterns at theirs, which
 * takes longer than all that is looked at here.
 */

/** Up to this length text is looked at by hand. */
const SHORT = 4096;

const LAST_ASCII = 0x7f;

/** Whether a text is of the ASCII characters from space to tilde alone. */
export function isPrintableAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** The UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > SHORT) return new TextEncoder().encode(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > LAST_ASCII) return new TextEncoder().encode(text);
    bytes[i] = code;
  }
  return bytes;
}

/**
 * The text of UTF-8 bytes, without a byte order mark.
 *
 * @param options.fatal whether bytes that are not UTF-8 are refused; else they become U+FFFD.
 * @throws {TypeError} when they are refused.
 */
export function decodeUtf8(bytes: Uint8Array, { fatal = true } = {}): string {
  // Built-ins are done with a request sooner than a loop that is interpreted.
  if (bytes.length <= SHORT && Reflect.apply(Math.max, undefined, bytes) <= LAST_ASCII) {
    return Reflect.apply(String.fromCharCode, undefined, bytes);
  }
  lenient ??= new TextDecoder();
  const text = lenient.decode(bytes);
  // Refusing takes the runtime several times as long as replacing, so it is asked for where it matters.
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
