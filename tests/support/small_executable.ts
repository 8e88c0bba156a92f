/** An executable of a few hundred bytes, laid out as `deno compile` does it around its runtime. */

import type { CompiledFile, Image } from "../../src/executable/compiled_file.ts";

const SECTION_NAMES = "\0.shstrtab\0.note.sui\0";

/**
 * The ELF file around a program: a header, some bytes in the runtime's place, one segment that maps
 * the program and one that is its note.
 */
export function smallImage({ machine = 0x3e, runtimeBytes = 512 } = {}): Image {
  const runtime = new Uint8Array(runtimeBytes);
  runtime.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const header = new DataView(runtime.buffer);
  header.setUint16(18, machine, true);
  header.setBigUint64(32, BigInt(runtimeBytes), true); // e_phoff
  header.setUint16(54, 56, true); // e_phentsize
  header.setUint16(56, 2, true); // e_phnum
  header.setUint16(58, 64, true); // e_shentsize
  header.setUint16(60, 3, true); // e_shnum
  header.setUint16(62, 1, true); // e_shstrndx
  for (let at = 64; at < runtimeBytes; at++) runtime[at] = at % 251;

  const programHeaders = new Uint8Array(2 * 56);
  const programs = new DataView(programHeaders.buffer);
  programs.setUint32(0, 1, true); // PT_LOAD, from the program headers on
  programs.setBigUint64(8, BigInt(runtimeBytes), true);
  programs.setUint32(56, 4, true); // PT_NOTE
  programs.setBigUint64(56 + 8, BigInt(runtimeBytes + programHeaders.length), true);

  const sectionHeaders = new Uint8Array(3 * 64);
  const sections = new DataView(sectionHeaders.buffer);
  sections.setUint32(64 + 4, 3, true); // SHT_STRTAB
  sections.setBigUint64(64 + 32, BigInt(SECTION_NAMES.length), true);
  sections.setUint32(128 + 4, 7, true); // SHT_NOTE
  sections.setBigUint64(128 + 24, BigInt(runtimeBytes + programHeaders.length), true);
  const sectionNames = new TextEncoder().encode(SECTION_NAMES);
  return { runtime, programHeaders, sectionNames, sectionHeaders };
}

/** The runtime of an executable, but for the place of the headers, which is the compiler's doing. */
export function runtimeOf({ image }: Pick<CompiledFile, "image">): Uint8Array<ArrayBuffer> {
  const runtime = image.runtime.slice();
  runtime.fill(0, 40, 48);
  return runtime;
}
