/**
 * HTTP/1.1 (RFC 9112) as far as asking an API server needs it: one GET at a time on a connection that
 * may be used again, and an answer that is read whole.
 *
 * The runtime's `fetch` does all this too, with machinery for much else: a process that asks once and
 * ends pays more for loading it than for the request. It also obeys proxy variables of the
 * environment, past the sandbox.
 */

import { decodeUtf8 } from "../text/utf8.ts";

/** Something that bytes are read from. */
export interface Source {
  /** Fills the buffer with what there is; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** An answer whose body has been read whole. */
export interface HttpAnswer {
  readonly status: number;
  /** The `Retry-After` header as sent. */
  readonly retryAfter: string | null;
  readonly body: string;
}

/** What came is no answer by RFC 9112, or not a whole one. Its message holds nothing of it. */
export class HttpError extends Error {
  override readonly name = "HttpError";
}

/** An answer of a kind that was not requested, and that another attempt would get again. */
export class UnwantedAnswer extends Error {
  override readonly name = "UnwantedAnswer";
}

/** An answer that is too large. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** Longest head of an answer, interim ones included, in bytes. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Longest line between chunks, in bytes; RFC 9112 section 7.1.1 asks to bound extensions. */
const MAX_CHUNK_LINE_BYTES = 4096;

const CR = 0x0d, LF = 0x0a;

/**
 * The text of a GET.
 *
 * @param headers without `Host`; neither names nor values hold line breaks.
 */
export function formatGet(
  host: string,
  target: string,
  headers: Readonly<Record<string, string>>,
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join("")}\r\n`;
}

/** Reads answers off a connection, one after the other. */
export class AnswerReader {
  /** Whether another request may be sent: the last answer had an end, and the server stays. */
  reusable = true;

  readonly #source: Source;
  readonly #maxBytes: number;
  #buffer = new Uint8Array(16 * 1024);
  /** What has come and was not used yet: from here… */
  #start = 0;
  /** …to here. */
  #end = 0;

  /** @param maxBytes largest body that is read. */
  constructor(source: Source, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads an answer to its end.
   *
   * @param maxBytes largest body of this answer. @default that of the connection
   * @throws {HttpError} when it is none, or ends early.
   * @throws {UnwantedAnswer} when it is one of another kind than was asked for.
   * @throws {TooLargeError} when its body is too large.
   */
  async read(maxBytes = this.#maxBytes): Promise<HttpAnswer> {
    const head = await this.#readHead();
    this.reusable = head.persistent && head.framing.kind !== "close";
    const body = await this.#readBody(head.framing, Math.min(maxBytes, this.#maxBytes));
    return {
      status: head.status,
      retryAfter: head.fields.get("retry-after") ?? null,
      body: decodeUtf8(body, { fatal: false }),
    };
  }

  /** The head of the final answer. Interim ones (RFC 9110 section 15.2) are skipped. */
  async #readHead(): Promise<Head> {
    for (let read = 0;;) {
      const length = await this.#find(endOfHead, MAX_HEAD_BYTES - read, "its head is too long");
      const head = parseHead(decodeUtf8(this.#take(length), { fatal: false }));
      if (head.status === 101) throw new UnwantedAnswer("switches to another protocol");
      if (head.status >= 200) return head;
      read += length;
    }
  }

  async #readBody(framing: Framing, maxBytes: number): Promise<Uint8Array> {
    switch (framing.kind) {
      case "length":
        if (framing.length > maxBytes) throw new TooLargeError();
        return await this.#exactly(framing.length);
      case "chunked":
        return await this.#readChunks(maxBytes);
      case "close":
        return await this.#readToEnd(maxBytes);
    }
  }

  /** RFC 9112 section 7.1. Extensions and trailers mean nothing here. */
  async #readChunks(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (let total = 0;;) {
      const line = await this.#readLine();
      const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/s.exec(line)?.[1];
      if (size === undefined) throw new HttpError("a chunk has no size");
      const length = parseInt(size, 16);
      if (length === 0) break;
      total += length;
      if (total > maxBytes) throw new TooLargeError();
      // The buffer that this is a part of is used again.
      chunks.push((await this.#exactly(length)).slice());
      if (await this.#readLine() !== "") throw new HttpError("a chunk is longer than its size");
    }
    for (let read = 0, line = ""; (line = await this.#readLine()) !== "";) {
      read += line.length;
      if (read > MAX_HEAD_BYTES) throw new HttpError("its trailers are too long");
    }
    return join(chunks);
  }

  async #readToEnd(maxBytes: number): Promise<Uint8Array> {
    for (;;) {
      if (this.#end - this.#start > maxBytes) throw new TooLargeError();
      if (!await this.#fill()) return this.#take(this.#end - this.#start);
    }
  }

  /** So many bytes. They are good until the next read. */
  async #exactly(length: number): Promise<Uint8Array> {
    this.#makeRoom(length);
    while (this.#end - this.#start < length) await this.#more();
    return this.#take(length);
  }

  async #readLine(): Promise<string> {
    const length = await this.#find(endOfLine, MAX_CHUNK_LINE_BYTES, "a chunk's line is too long");
    const line = decodeUtf8(this.#take(length), { fatal: false });
    return line.slice(0, line.endsWith("\r\n") ? -2 : -1);
  }

  /** How many bytes there are up to the end of something, which is awaited. */
  async #find(end: typeof endOfLine, most: number, otherwise: string): Promise<number> {
    for (let from = this.#start;;) {
      const found = end(this.#buffer, from, this.#end);
      if (found !== -1 && found - this.#start <= most) return found - this.#start;
      if (this.#end - this.#start > most) throw new HttpError(otherwise);
      const known = this.#end - this.#start;
      await this.#more();
      // Filling may have moved everything to the front; an end is at most four bytes long.
      from = Math.max(this.#start, this.#start + known - 3);
    }
  }

  async #more(): Promise<void> {
    if (!await this.#fill()) throw new HttpError("the connection was closed before its end");
  }

  async #fill(): Promise<boolean> {
    if (this.#end === this.#buffer.length) this.#makeRoom((this.#end - this.#start) * 2);
    const count = await this.#source.read(this.#buffer.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }

  /** Sees to it that what is there and what is to come fit, so many bytes together. */
  #makeRoom(length: number): void {
    if (this.#buffer.length - this.#start >= length && this.#end < this.#buffer.length) return;
    const kept = this.#buffer.subarray(this.#start, this.#end);
    if (length > this.#buffer.length || this.#start === 0) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length));
      larger.set(kept);
      this.#buffer = larger;
    } else {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#end -= this.#start;
    this.#start = 0;
  }

  #take(length: number): Uint8Array {
    const taken = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    return taken;
  }
}

/** RFC 9112 section 6.3, and RFC 9110 section 15.3.6, which leaves a 205 nothing to carry. */
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([204, 205, 304]);

/** How the end of a body is found (RFC 9112 section 6.3). */
type Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

interface Head {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly framing: Framing;
  /** Whether the connection outlives the answer. */
  readonly persistent: boolean;
}

function parseHead(text: string): Head {
  const [statusLine = "", ...lines] = text.split(/\r?\n/);
  const [, minor, digits] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(statusLine) ?? [];
  if (digits === undefined) throw new HttpError("it does not begin as HTTP/1.1 does");
  const fields = parseFields(lines.filter((line) => line !== ""));
  const status = Number(digits);
  // An interim answer has no content, and no headers that matter.
  if (status < 200) {
    return { status, fields, framing: { kind: "length", length: 0 }, persistent: true };
  }
  const connection = (fields.get("connection") ?? "").toLowerCase();
  return {
    status,
    fields,
    framing: findFraming(status, fields),
    persistent: minor === "1" && !/(?:^|[\s,])close(?:$|[\s,])/.test(connection),
  };
}

/** Field lines by their names in lower case; several of one name are joined (RFC 9110 section 5.3). */
function parseFields(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // This refuses a folded line, and white space before the colon, too.
    if (!isToken(name)) throw new HttpError("it has a malformed header");
    const value = line.slice(colon + 1).trim();
    const earlier = fields.get(name);
    fields.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return fields;
}

/** A token of RFC 9110 section 5.6.2, which is all that a header's name may be. */
function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
}

function findFraming(status: number, fields: ReadonlyMap<string, string>): Framing {
  const encoding = fields.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new UnwantedAnswer("is compressed");
  }
  if (WITHOUT_CONTENT.has(status)) return { kind: "length", length: 0 };
  const transfer = fields.get("transfer-encoding");
  const length = fields.get("content-length");
  if (transfer !== undefined) {
    // Both together is how requests and answers are smuggled.
    if (length !== undefined) throw new HttpError("it has two lengths");
    if (transfer.toLowerCase() !== "chunked") {
      throw new HttpError("its transfer encoding is unknown");
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "close" };
  // The same length may be said twice.
  const lengths = new Set(length.split(",").map((text) => text.trim()));
  const [single = ""] = lengths;
  if (lengths.size !== 1 || !/^\d{1,15}$/.test(single)) {
    throw new HttpError("its length is unclear");
  }
  return { kind: "length", length: Number(single) };
}

/** The position behind the blank line that ends a head; -1 when it has not come yet. */
function endOfHead(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < to; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1] === CR ? at + 2 : at + 1;
    if (next < to && bytes[next] === LF) return next + 1;
  }
  return -1;
}

/** The position behind a line's end; -1 when it has not come yet. */
function endOfLine(bytes: Uint8Array, from: number, to: number): number {
  const at = bytes.indexOf(LF, from);
  return at === -1 || at >= to ? -1 : at + 1;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
