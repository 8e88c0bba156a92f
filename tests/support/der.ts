/** The few forms of DER (X.690) that a certificate is made of. */

/** A value with its tag and length before it. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concat(contents);
  const length: number[] = [];
  for (let rest = content.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  const head = content.length < 0x80
    ? [tag, content.length]
    : [tag, 0x80 | length.length, ...length];
  return concat([Uint8Array.from(head), content]);
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return der(0x30, ...contents);
}

export function set(...contents: readonly Uint8Array[]): Uint8Array {
  return der(0x31, ...contents);
}

export function octetString(...contents: readonly Uint8Array[]): Uint8Array {
  return der(0x04, ...contents);
}

/** A whole number of octets. */
export function bitString(content: Uint8Array): Uint8Array {
  return der(0x03, Uint8Array.of(0), content);
}

export function boolean(value: boolean): Uint8Array {
  return der(0x01, Uint8Array.of(value ? 0xff : 0));
}

/** A non-negative integer, most significant octet first. */
export function integer(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  // A set top bit would make it negative.
  return (digits[0] ?? 0) >= 0x80 ? der(0x02, Uint8Array.of(0), digits) : der(0x02, digits);
}

export function utf8String(text: string): Uint8Array {
  return der(0x0c, new TextEncoder().encode(text));
}

/** UTCTime, which stands for the years 1950 to 2049 and is cut to the second. */
export function utcTime(date: Date): Uint8Array {
  const text = date.toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "").slice(2);
  return der(0x17, new TextEncoder().encode(text));
}

/** An object identifier in dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const base128 = [arc & 0x7f];
    for (let high = arc >>> 7; high > 0; high >>>= 7) base128.unshift(0x80 | (high & 0x7f));
    return base128;
  });
  return der(0x06, Uint8Array.from(octets));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
