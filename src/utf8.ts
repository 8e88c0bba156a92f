/**
 * Text to bytes and back. A pull without mirrors handles short ASCII text alone: by hand, because the
 * runtime loads its encoders at their first use, which takes longer than all that is encoded here.
 */

/** Up to this length text is looked at by hand. */
const SHORT = 4096;

// deno-lint-ignore no-control-regex -- all of ASCII
const NOT_ASCII = /[^\u0000-\u007f]/;

/** The UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > SHORT || NOT_ASCII.test(text)) return new TextEncoder().encode(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * The text of UTF-8 bytes, without a byte order mark.
 *
 * @param options.fatal whether bytes that are not UTF-8 are refused; else they become U+FFFD.
 * @throws {TypeError} when they are refused.
 */
export function decodeUtf8(bytes: Uint8Array, { fatal = true } = {}): string {
  if (bytes.length <= SHORT) {
    const text: string = Reflect.apply(String.fromCharCode, undefined, bytes);
    if (!NOT_ASCII.test(text)) return text;
  }
  lenient ??= new TextDecoder();
  const text = lenient.decode(bytes);
  // Refusing takes the runtime several times as long as replacing, so it is asked for where it matters.
  if (!fatal || !text.includes("\ufffd")) return text;
  return new TextDecoder("utf-8", { fatal }).decode(bytes);
}

let lenient: TextDecoder | undefined;
