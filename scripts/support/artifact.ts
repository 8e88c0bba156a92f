/** An executable of this project, read without being run. */

import * as v from "valibot";
import { PERMISSION_KINDS } from "../../src/settings/sandbox.ts";
import type { Settings } from "../../src/settings/settings.ts";
import { ExactSettingsSchema } from "../../src/settings/settings_schema.ts";
import { scriptHeader } from "../build.ts";
import { compiledMetadata } from "../compile.ts";
import { sha256 } from "./build_facts.ts";
import { findOpenings } from "./openings.ts";

/** Something baked into an executable: a permission or another condition of its run. */
export interface Grant {
  readonly verb: "allow" | "deny";
  readonly kind: string;
  readonly target: string;
}

/** What an executable says and carries. */
export interface Artifact {
  readonly form: "script" | "compiled";
  /** What starts it: a command, or the executable itself. */
  readonly runtime: string;
  readonly settings: Settings;
  readonly facts: v.InferOutput<typeof Facts>;
  readonly grants: readonly Grant[];
  /** Whatever else about the way it is run is not as the build makes it. */
  readonly deviations: readonly string[];
}

/** A file that is no executable of this project, or one that cannot be understood. */
export class ArtifactError extends Error {
  override readonly name = "ArtifactError";
}

const Facts = v.object({
  version: v.string(),
  gitCommit: v.string(),
  gitCommitDate: v.string(),
  bundleSha256: v.string(),
  dependencies: v.array(v.string()),
});
const Build = v.strictObject({ settings: ExactSettingsSchema, facts: Facts });

/**
 * Reads an executable of either form.
 *
 * @throws {ArtifactError} when it is none of this project's, or holds what no build puts there.
 */
export async function readArtifact(bytes: Uint8Array<ArrayBuffer>): Promise<Artifact> {
  return bytes[0] === 0x23 /* # */ ? await readScript(bytes) : await readCompiled(bytes);
}

async function readScript(bytes: Uint8Array<ArrayBuffer>): Promise<Artifact> {
  const text = decode(bytes);
  const [shebang, header = ""] = text.split("\n", 2);
  if (shebang !== "#!/bin/sh") throw new ArtifactError("its first line is not #!/bin/sh");
  const program = text.slice(`${shebang}\n${header}\n`.length);
  const { settings, facts, deviations } = await readProgram(program);
  const words = splitWords(header);
  const expected = splitWords(scriptHeader(settings, runtimeWord(words)).split("\n")[1] ?? "");
  const { grants, others } = sortWords(words);
  return {
    form: "script",
    runtime: runtimeWord(words),
    settings,
    facts,
    grants,
    deviations: [...deviations, ...compareWords(others, sortWords(expected).others)],
  };
}

/** The program begins with a line of its own for what its build fixed. */
async function readProgram(program: string) {
  const end = program.indexOf("\n");
  const line = program.slice(0, end);
  const json = /^const BUILD=(\{.*\});$/.exec(line)?.[1];
  if (json === undefined) throw new ArtifactError("no settings of a build were found in it");
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Build), json);
  if (!result.success) {
    const path = result.issues[0].path?.map(({ key }) => String(key)).join(".") ?? "";
    throw new ArtifactError(`the settings of its build are broken: ${path}`);
  }
  const { settings, facts } = result.output;
  const deviations: string[] = [];
  // What follows the JSON on that line, or is there twice in it, would be executed and not be seen here.
  if (JSON.stringify(JSON.parse(json)) !== json) {
    deviations.push("its first line holds more than JSON");
  }
  const rest = program.slice(end + 1);
  deviations.push(...findOpenings(rest));
  const found = await sha256(rest);
  if (found !== facts.bundleSha256) {
    deviations.push(`the program is not the one it claims to be: its SHA-256 is ${found}`);
  }
  return { settings, facts, deviations };
}

/** Words as scriptHeader quotes them, and nothing else that a shell understands. */
const WORD = /(?:[\w@%+=:,./-]|'[^']*'|\\'|"\$(?:PATH|0|@)")+/y;

function splitWords(header: string): string[] {
  const start = `":" //; `;
  if (!header.startsWith(start)) {
    throw new ArtifactError(`its second line does not begin with ${start}`);
  }
  const words: string[] = [];
  for (let position = start.length; position <= header.length;) {
    WORD.lastIndex = position;
    const word = WORD.exec(header)?.[0];
    position += (word?.length ?? 0) + 1;
    if (word === undefined || (position <= header.length && header[position - 1] !== " ")) {
      throw new ArtifactError(`its second line is not a plain command at column ${position}`);
    }
    words.push(word.replaceAll(/'([^']*)'|\\(')/g, "$1$2"));
  }
  return words;
}

/** The word after the environment: which runtime is started is the site's own business. */
function runtimeWord(words: readonly string[]): string {
  const run = words.indexOf("run");
  return words[run - 1] ?? "deno";
}

function sortWords(words: readonly string[]): { grants: Grant[]; others: string[] } {
  const grants: Grant[] = [];
  const others: string[] = [];
  for (const word of words) {
    const match = /^--(allow|deny)-([a-z]+)=(.+)$/s.exec(word);
    const verb = match?.[1] === "allow" ? "allow" : "deny";
    if (match === null) others.push(word);
    else {for (const target of match[3]?.split(",") ?? []) {
        grants.push({ verb, kind: match[2] ?? "", target });
      }}
  }
  return { grants, others };
}

function compareWords(found: readonly string[], expected: readonly string[]): string[] {
  const deviations = [
    ...found.filter((word) => !expected.includes(word)).map((word) => `${word} must not be there`),
    ...expected.filter((word) => !found.includes(word)).map((word) => `${word} is missing`),
  ];
  if (deviations.length === 0 && found.join("\n") !== expected.join("\n")) {
    deviations.push(`its words stand in another order or twice: ${found.join(" ")}`);
  }
  return deviations;
}

/** Begins and ends what `deno compile` puts behind its runtime. */
const MAGIC = new TextEncoder().encode("d3n0l4nd");

async function readCompiled(bytes: Uint8Array<ArrayBuffer>): Promise<Artifact> {
  const blocks = findBlocks(bytes);
  const [block, ...others] = blocks;
  if (block === undefined) {
    throw new ArtifactError("it is neither a script nor made by deno compile");
  }
  if (others.length > 0) throw new ArtifactError("it holds more than one block of metadata");
  const { settings, facts, deviations } = await readProgram(readOnlyFile(bytes, block.end));
  const { permissions, ...metadata } = block.metadata;
  const expected = compiledMetadata();
  const grants: Grant[] = [];
  const otherPermissions: Record<string, unknown> = {};
  for (
    const [name, value] of Object.entries(v.parse(v.record(v.string(), v.unknown()), permissions))
  ) {
    const [verb, kind = ""] = name.split("_", 2);
    const isKind = PERMISSION_KINDS.some((known) => known === kind);
    if (!isKind || (verb !== "allow" && verb !== "deny")) otherPermissions[name] = value;
    else if (Array.isArray(value) && value.length > 0) {
      for (const target of value) grants.push({ verb, kind, target: String(target) });
    } else if (value !== null) grants.push({ verb, kind, target: "everything" });
  }
  return {
    form: "compiled",
    runtime: "its own",
    settings,
    facts,
    grants,
    deviations: [
      ...deviations,
      ...compareValues("permissions", otherPermissions, expected.permissions),
      ...compareValues("", metadata, expected.metadata),
    ],
  };
}

interface Block {
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Where what follows the metadata begins. */
  readonly end: number;
}

/** The blocks of metadata: the magic, a length of eight bytes, JSON of that length. */
function findBlocks(bytes: Uint8Array<ArrayBuffer>): Block[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Block[] = [];
  for (let at = indexOf(bytes, MAGIC, 0); at !== -1; at = indexOf(bytes, MAGIC, at + 1)) {
    const start = at + MAGIC.length + 8;
    if (start >= bytes.length || bytes[start] !== 0x7b /* { */) continue;
    const end = start + Number(view.getBigUint64(at + MAGIC.length, true));
    if (end > bytes.length) continue;
    try {
      const metadata = v.parse(
        v.record(v.string(), v.unknown()),
        JSON.parse(decode(bytes.subarray(start, end))),
      );
      if ("permissions" in metadata) blocks.push({ metadata, end });
    } catch {
      // The magic is part of the runtime's own code, too.
    }
  }
  return blocks;
}

/** What stands between the metadata and the file system when no packages and modules come with it. */
const NOTHING_ELSE = 20;

/** The one file of the embedded file system, which is the bundle. */
function readOnlyFile(bytes: Uint8Array<ArrayBuffer>, start: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const between = bytes.subarray(start, start + NOTHING_ELSE);
  if (between.length < NOTHING_ELSE || between.some((byte) => byte !== 0)) {
    throw new ArtifactError("it carries packages or modules beside the bundle");
  }
  const length = (at: number) => Number(view.getBigUint64(at, true));
  const directory = start + NOTHING_ELSE + 8;
  const content = directory + length(directory - 8);
  const listing = decode(bytes.subarray(directory, content));
  const size = /^\[\{"File":\{"n":"plugin\.js","o":\[0,(\d+)\][^{}[\]]*\}\}\]$/.exec(listing)?.[1];
  if (size === undefined || Number(size) !== length(content)) {
    throw new ArtifactError("its file system holds something else than the bundle");
  }
  return decode(bytes.subarray(content + 8, content + 8 + Number(size)));
}

/** Members that differ, by path; members whose expected value is `undefined` may have any. */
function compareValues(path: string, found: unknown, expected: unknown): string[] {
  if (isRecord(found) && isRecord(expected)) {
    const names = new Set([...Object.keys(found), ...Object.keys(expected)]);
    return [...names].flatMap((name) => {
      if (name in expected && expected[name] === undefined) return [];
      return compareValues(path === "" ? name : `${path}.${name}`, found[name], expected[name]);
    });
  }
  if (JSON.stringify(found) === JSON.stringify(expected)) return [];
  return [
    `${path} is ${JSON.stringify(found) ?? "missing"}, not ${JSON.stringify(expected) ?? "known"}`,
  ];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (
    let at = bytes.indexOf(wanted[0] ?? 0, from);
    at !== -1;
    at = bytes.indexOf(wanted[0] ?? 0, at + 1)
  ) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ArtifactError("it holds bytes that are no text where the program should be");
  }
}
