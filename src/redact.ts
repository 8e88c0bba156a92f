/**
 * What any text loses before it is logged or becomes part of an error: whatever looks like a token or
 * a password, and everything beyond a length. Image names, secret names, keys and the API server's own
 * words come from others, who may make them long or repeat in them what they were sent.
 */

/** Longest text of a field of the log, and of each part of an error, in characters. */
export const LONGEST_TEXT = 1024;

/** Longest message of the log, in characters: an error has a place, a problem and an advice. */
export const LONGEST_MESSAGE = 4 * LONGEST_TEXT;

/** A text as it may be shown: without what looks like a credential, and cut to a length. */
export function redact(text: string, longest = LONGEST_TEXT): string {
  return shorten(maskCredentials(text), longest);
}

/** A text in quotes, as it may be shown within a sentence. */
export function quote(text: string): string {
  return JSON.stringify(redact(text, 256));
}

/** Texts of a list as they may be shown: together they are no longer than one text may be. */
export function redactList(texts: readonly string[]): readonly string[] {
  const shown: string[] = [];
  let length = 0;
  for (const text of texts) {
    if (length > LONGEST_TEXT) return [...shown, `… (${texts.length} in all)`];
    const part = redact(text);
    shown.push(part);
    length += part.length;
  }
  return shown;
}

function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  // The cut may go through a pair of surrogates.
  return `${text.slice(0, longest).toWellFormed()}… (${text.length} characters)`;
}

const MASK = "[masked]";

/**
 * Replaces what has the shape of a credential:
 * - base64 of a JSON object, alone or joined by dots: a JWT (RFC 7519), whole or cut, and the value
 *   of a registry secret. `{"` and `{ ` begin with `ey` and a capital.
 * - what follows `Bearer` or `Basic` (RFC 6750, RFC 7617), and OpenShift's `sha256~` tokens;
 * - user and password of a URL (RFC 3986 section 3.2.1).
 */
export function maskCredentials(text: string): string {
  let masked = text;
  // A pattern is made only where its words are in the text: few texts hold any of these.
  if (masked.includes("ey")) {
    masked = masked.replace(/(?<!\w)ey[A-DI-L][\w+/=-]{8,}(?:\.[\w-]+)*/g, MASK);
  }
  if (masked.includes("earer ") || masked.includes("asic ")) {
    const credentials = /\b([Bb]earer|[Bb]asic)\s+(?=[^\s"']*[A-Z0-9~+/=])[^\s"',;]{8,}/g;
    masked = masked.replace(credentials, `$1 ${MASK}`);
  }
  if (masked.includes("sha256~")) masked = masked.replace(/sha256~[\w-]+/g, MASK);
  if (masked.includes("://") && masked.includes("@")) {
    masked = masked.replace(/:\/\/[^/?#\s"]*@/g, "://…@");
  }
  return masked;
}
