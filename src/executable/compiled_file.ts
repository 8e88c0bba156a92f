/**
 * A compiled executable, taken apart and put together: the runtime, what the compiler wrote about it,
 * and the program's files.
 *
 * `deno compile` 2.9 puts two segments behind the runtime's ELF image (ELF(5)): the program headers,
 * moved there to make room, and a note named `SUI`. The note's content is, in this order (Deno's
 * `cli/lib/standalone/binary.rs`): a magic word; the metadata as JSON, with its length in front; the
 * npm snapshot, remote modules and redirects, which are empty here; the directory of embedded files
 * as JSON, and their bytes, each with its length in front; the magic word again. Behind the note are
 * the names of sections and the section headers.
 */

import { isObject, type JsonObject } from "../text/parse.ts";

/** A file that is no compiled executable, or one laid out otherwise than this reads. */
export class CompiledFileError extends Error {
  override readonly name = "CompiledFileError";
}

/** Platforms that are built for. */
export type Machine = "x86_64" | "aarch64";

/** What a compiled executable consists of. */
export interface CompiledFile {
  readonly machine: Machine;
  /** What the compiler wrote: permissions, flags of the engine, the environment's defaults. */
  readonly metadata: JsonObject;
  /** The embedded files by name. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** All of it that the program has no part in. */
  readonly image: Image;
}

/** The ELF file around the note. */
export interface Image {
  /** Everything in front of the program headers: the runtime as Deno ships it. */
  readonly runtime: Uint8Array<ArrayBuffer>;
  readonly programHeaders: Uint8Array<ArrayBuffer>;
  /** Content of the section that names sections. */
  readonly sectionNames: Uint8Array<ArrayBuffer>;
  readonly sectionHeaders: Uint8Array<ArrayBuffer>;
}

const ELF_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const SECTION_HEADER_SIZE = 64;
const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_NOTE = 7;
const NOTE_NAME = "SUI\0";
const NOTE_TYPE = 0x53554901;
const MAGIC = "d3n0l4nd";
/** npm snapshot (u64), redirects, remote modules and their specifiers (u32 each): all none. */
const NO_OTHER_MODULES = 8 + 3 * 4;
/** Alignment of everything behind the note, so that a longer note moves it by whole steps. */
const ALIGNMENT = 16;

const MACHINES: ReadonlyMap<number, Machine> = new Map([[0x3e, "x86_64"], [0xb7, "aarch64"]]);

/**
 * Takes a compiled executable apart.
 *
 * @throws {CompiledFileError} when it is none, is cut, or holds anything that no build puts there.
 */
export function readCompiledFile(bytes: Uint8Array<ArrayBuffer>): CompiledFile {
  try {
    return read(bytes);
  } catch (error) {
    // Every offset in the file may lie outside of it.
    if (error instanceof RangeError) throw new CompiledFileError("is cut short");
    throw error;
  }
}

function read(bytes: Uint8Array<ArrayBuffer>): CompiledFile {
  if (ascii(bytes.subarray(0, 4)) !== "\x7fELF") {
    throw new CompiledFileError("is not a Linux executable (no ELF header)");
  }
  const view = viewOf(bytes);
  if (bytes[4] !== 2 || bytes[5] !== 1) {
    throw new CompiledFileError("is not a 64-bit little-endian executable");
  }
  const machine = MACHINES.get(view.getUint16(18, true));
  if (machine === undefined) {
    throw new CompiledFileError("is for another machine than x86_64 or aarch64");
  }
  const programs = {
    offset: offsetAt(view, 32),
    size: PROGRAM_HEADER_SIZE * view.getUint16(56, true),
  };
  const sections = { offset: offsetAt(view, 40), count: view.getUint16(60, true) };
  if (
    view.getUint16(54, true) !== PROGRAM_HEADER_SIZE ||
    view.getUint16(58, true) !== SECTION_HEADER_SIZE
  ) throw new CompiledFileError("has headers of unknown sizes");
  const programHeaders = cut(bytes, programs.offset, programs.size);
  const note = findNote(bytes, programHeaders);
  if (note.offset !== programs.offset + programs.size) {
    throw new CompiledFileError("was not made by deno compile (its note has another place)");
  }
  const sectionHeaders = cut(bytes, sections.offset, sections.count * SECTION_HEADER_SIZE);
  const names = viewOf(
    cut(sectionHeaders, view.getUint16(62, true) * SECTION_HEADER_SIZE, SECTION_HEADER_SIZE),
  );
  const sectionNames = cut(bytes, offsetAt(names, 24), offsetAt(names, 32));
  checkPlaces(programHeaders, PROGRAM_HEADER_SIZE, 8);
  checkPlaces(sectionHeaders, SECTION_HEADER_SIZE, 24);
  const after = note.offset + note.size;
  // Bytes that nothing refers to would survive all that is done with the parts.
  const accounted = align(align(after) + sectionNames.length) + sectionHeaders.length;
  if (
    offsetAt(names, 24) < after || sections.offset < offsetAt(names, 24) + sectionNames.length ||
    sections.offset + sectionHeaders.length !== bytes.length || bytes.length > accounted
  ) throw new CompiledFileError("holds something behind its program that no build puts there");
  return {
    machine,
    ...readNote(note.content),
    image: {
      runtime: bytes.subarray(0, programs.offset),
      programHeaders,
      sectionNames,
      sectionHeaders,
    },
  };
}

/** Refuses headers whose offset, or the size or address beside it, is none that a file can have. */
function checkPlaces(headers: Uint8Array, size: number, offset: number): void {
  const view = viewOf(headers);
  for (let at = 0; at < headers.length; at += size) {
    offsetAt(view, at + offset);
    offsetAt(view, at + 32);
  }
}

/** The one note of the compiler: where it begins, its whole size, and its content. */
function findNote(bytes: Uint8Array<ArrayBuffer>, programHeaders: Uint8Array<ArrayBuffer>) {
  const notes = [];
  const view = viewOf(programHeaders);
  for (let at = 0; at < programHeaders.length; at += PROGRAM_HEADER_SIZE) {
    if (view.getUint32(at, true) !== PT_NOTE) continue;
    const offset = offsetAt(view, at + 8), size = offsetAt(view, at + 32);
    const note = cut(bytes, offset, size);
    const head = viewOf(note);
    if (size < 16 || ascii(note.subarray(12, 16)) !== NOTE_NAME) continue;
    if (head.getUint32(0, true) !== NOTE_NAME.length || head.getUint32(8, true) !== NOTE_TYPE) {
      throw new CompiledFileError("holds a note of an unknown kind");
    }
    notes.push({ offset, size, content: cut(note, 16, head.getUint32(4, true)) });
  }
  const [note, ...others] = notes;
  if (note === undefined) throw new CompiledFileError("was not made by deno compile");
  if (others.length > 0) throw new CompiledFileError("holds more than one program");
  return note;
}

function readNote(
  content: Uint8Array<ArrayBuffer>,
): { metadata: JsonObject; files: Map<string, Uint8Array<ArrayBuffer>> } {
  const reader = new Reader(content);
  const key = reader.take(reader.uint16());
  if (ascii(key) !== MAGIC || ascii(reader.take(MAGIC.length)) !== MAGIC) {
    throw new CompiledFileError("was not made by deno compile (its note begins otherwise)");
  }
  const metadata = reader.json();
  if (!isObject(metadata)) throw new CompiledFileError("has metadata that is not an object");
  if (reader.take(NO_OTHER_MODULES).some((byte) => byte !== 0)) {
    throw new CompiledFileError("carries packages or modules from elsewhere");
  }
  const directory = reader.json();
  const blob = reader.block();
  if (ascii(reader.take(MAGIC.length)) !== MAGIC || !reader.atEnd()) {
    throw new CompiledFileError("holds something behind its embedded files");
  }
  return { metadata, files: readDirectory(directory, blob) };
}

function readDirectory(
  directory: unknown,
  blob: Uint8Array<ArrayBuffer>,
): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const places: { readonly offset: number; readonly size: number }[] = [];
  for (const item of Array.isArray(directory) ? directory : [undefined]) {
    const file = isObject(item) ? item["File"] : undefined;
    if (!isObject(file) || !isObject(item) || Object.keys(item).length !== 1) {
      throw new CompiledFileError("embeds something other than files");
    }
    const name = file["n"], place = file["o"];
    const [offset, size] = Array.isArray(place) ? place : [];
    const known = Object.keys(file).every((key) => ["n", "o", "u", "t"].includes(key));
    if (
      typeof name !== "string" || files.has(name) || file["u"] !== true || !known ||
      typeof offset !== "number" || typeof size !== "number"
    ) throw new CompiledFileError("has an unknown directory of embedded files");
    files.set(name, cut(blob, offset, size));
    places.push({ offset, size });
  }
  // No byte of the blob is left out or used twice.
  let end = 0;
  for (
    const { offset, size } of places.toSorted((a, b) => a.offset - b.offset || a.size - b.size)
  ) {
    if (offset !== end) throw new CompiledFileError("embeds bytes that belong to no file");
    end += size;
  }
  if (end !== blob.length) throw new CompiledFileError("embeds bytes that belong to no file");
  return files;
}

/**
 * Puts an executable together again, as chunks to be written one after the other. Metadata and files
 * may be others than those read; the image's bytes are the same but for the sizes and places of what
 * follows them. The same parts give the same bytes, whatever file they were taken from.
 */
export function formatCompiledFile(
  { image, metadata, files }: Pick<CompiledFile, "image" | "metadata" | "files">,
): Uint8Array<ArrayBuffer>[] {
  const { runtime, sectionNames } = image;
  const noteOffset = runtime.length + image.programHeaders.length;
  const note = formatNote(metadata, files, noteOffset);
  const namesOffset = align(noteOffset + note.length);
  const headersOffset = align(namesOffset + sectionNames.length);
  const header = runtime.slice(0, ELF_HEADER_SIZE);
  viewOf(header).setBigUint64(40, BigInt(headersOffset), true);

  const programHeaders = image.programHeaders.slice();
  const programs = viewOf(programHeaders);
  for (let at = 0; at < programHeaders.length; at += PROGRAM_HEADER_SIZE) {
    const type = programs.getUint32(at, true), offset = offsetAt(programs, at + 8);
    // The segment that maps the note begins with the program headers.
    const before = type === PT_LOAD && offset === runtime.length
      ? image.programHeaders.length
      : type === PT_NOTE && offset === noteOffset
      ? 0
      : undefined;
    if (before === undefined) continue;
    for (const size of [32, 40]) {
      programs.setBigUint64(at + size, BigInt(before + note.length), true);
    }
  }

  const sectionHeaders = image.sectionHeaders.slice();
  const sections = viewOf(sectionHeaders);
  const namesIndex = viewOf(runtime).getUint16(62, true);
  sections.setBigUint64(namesIndex * SECTION_HEADER_SIZE + 24, BigInt(namesOffset), true);
  for (let at = 0; at < sectionHeaders.length; at += SECTION_HEADER_SIZE) {
    if (sections.getUint32(at + 4, true) !== SHT_NOTE) continue;
    if (offsetAt(sections, at + 24) !== noteOffset) continue;
    sections.setBigUint64(at + 32, BigInt(note.length), true);
  }
  return [
    header,
    runtime.subarray(ELF_HEADER_SIZE),
    programHeaders,
    note,
    new Uint8Array(namesOffset - noteOffset - note.length),
    sectionNames,
    new Uint8Array(headersOffset - namesOffset - sectionNames.length),
    sectionHeaders,
  ];
}

function formatNote(
  metadata: JsonObject,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  offset: number,
): Uint8Array<ArrayBuffer> {
  const directory: unknown[] = [];
  const blob: Uint8Array[] = [];
  let end = 0;
  for (const [name, bytes] of files) {
    // Without the time at which the file was written, which would differ in every build.
    directory.push({ File: { n: name, o: [end, bytes.length], u: true, t: 0 } });
    blob.push(bytes);
    end += bytes.length;
  }
  const rest = joinBytes([
    new Uint8Array(NO_OTHER_MODULES),
    withLength(encode(JSON.stringify(directory))),
    withLength(joinBytes(blob)),
    encode(MAGIC),
  ]);
  const start = joinBytes([new Uint8Array([MAGIC.length, 0]), encode(MAGIC), encode(MAGIC)]);
  const json = encode(JSON.stringify(metadata));
  // Padded with white space, which JSON allows, so that whatever follows the note is aligned.
  const length = 16 + start.length + 8 + json.length + rest.length;
  const padding = align(offset + length) - offset - length;
  const padded = joinBytes([json, encode(" ".repeat(padding))]);
  const content = joinBytes([start, withLength(padded), rest]);
  const head = new Uint8Array(12);
  viewOf(head).setUint32(0, NOTE_NAME.length, true);
  viewOf(head).setUint32(4, content.length, true);
  viewOf(head).setUint32(8, NOTE_TYPE, true);
  return joinBytes([head, encode(NOTE_NAME), content]);
}

/** Reads one thing after the other. */
class Reader {
  #at = 0;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  take(size: number): Uint8Array<ArrayBuffer> {
    const taken = cut(this.#bytes, this.#at, size);
    this.#at += size;
    return taken;
  }

  uint16(): number {
    return viewOf(this.take(2)).getUint16(0, true);
  }

  /** Bytes with their number in front. */
  block(): Uint8Array<ArrayBuffer> {
    return this.take(offsetAt(viewOf(this.take(8)), 0));
  }

  json(): unknown {
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(this.block()));
    } catch (error) {
      if (error instanceof CompiledFileError) throw error;
      throw new CompiledFileError("has metadata that is not JSON");
    }
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}

function cut(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  if (offset + size > bytes.length) throw new CompiledFileError("is cut short");
  return bytes.subarray(offset, offset + size);
}

/** An offset or size of 64 bits; one that no file can have is refused. */
function offsetAt(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new CompiledFileError("is cut short");
  return Number(value);
}

function withLength(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(8);
  viewOf(length).setBigUint64(0, BigInt(bytes.length), true);
  return joinBytes([length, bytes]);
}

/** Chunks as one. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
