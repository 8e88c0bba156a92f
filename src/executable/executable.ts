/** An executable of this project, read without being run. */

import { EVERYTHING, PERMISSION_KINDS, type Policy } from "../settings/sandbox.ts";
import type { Settings } from "../settings/settings.ts";
import { isObject } from "../text/parse.ts";
import {
  type CompiledFile,
  CompiledFileError,
  formatCompiledFile,
  joinBytes,
  type Machine,
  readCompiledFile,
} from "./compiled_file.ts";
import { compareMetadata, compiledMetadata, ENTRY } from "./compiled_metadata.ts";
import {
  beginningOf,
  entryOf,
  findModuleOpenings,
  findOpenings,
  startsModules,
} from "./openings.ts";
import {
  ExecutableError,
  hashOfBundle,
  type Modules,
  parseProgram,
  type Program,
  sha256,
} from "./program.ts";
import { FIRST_MODULES, policyOfProgram, type ProgramName, PROGRAMS } from "./programs.ts";
import { scriptHeader } from "./script_header.ts";
import type { BuildFacts } from "./version.ts";

/** Something baked into an executable: a permission or another condition of its run. */
export interface Grant {
  readonly verb: "allow" | "deny";
  readonly kind: string;
  readonly target: string;
}

/** What an executable says and carries. */
export interface Executable {
  readonly form: "script" | "compiled";
  readonly name: ProgramName;
  /** What starts it: a command, or the executable itself. */
  readonly runtime: string;
  readonly settings: Settings;
  readonly facts: BuildFacts;
  readonly grants: readonly Grant[];
  /** Whatever else about the way it is run is not as the build makes it. */
  readonly deviations: readonly string[];
  /** The parts of the compiled form. */
  readonly compiled?: CompiledParts;
}

/** The parts of a compiled executable. */
export interface CompiledParts {
  readonly machine: Machine;
  readonly image: CompiledFile["image"];
  /** The embedded files. */
  readonly files: CompiledFile["files"];
  readonly program: Program;
  /** Of all that is the same for every program and every site. */
  readonly runtimeSha256: string;
}

/**
 * Reads an executable of either form.
 *
 * @throws {ExecutableError} when it is none of this project's, or holds what no build puts there.
 */
export async function readExecutable(bytes: Uint8Array<ArrayBuffer>): Promise<Executable> {
  return bytes[0] === 0x23 /* # */ ? await readScript(bytes) : await readCompiled(bytes);
}

/** How an executable differs from a policy; empty: not at all. */
export function compareWithPolicy({ grants, deviations }: Executable, policy: Policy): string[] {
  const expected: Grant[] = [
    ...policy.allow.map(({ kind, target }): Grant => ({ verb: "allow", kind, target })),
    ...policy.deny.map(({ kind, target }): Grant => ({ verb: "deny", kind, target })),
  ];
  return [
    ...missingFrom(expected, grants, "baked in, and not in the policy"),
    ...missingFrom(grants, expected, "in the policy, and not baked in"),
    ...deviations,
  ];
}

function missingFrom(from: readonly Grant[], what: readonly Grant[], verdict: string): string[] {
  const isSame = (a: Grant, b: Grant) =>
    a.verb === b.verb && a.kind === b.kind && a.target === b.target;
  return what.filter((grant) => !from.some((other) => isSame(grant, other)))
    .map(({ verb, kind, target }) => `${verb} ${kind} ${target}: ${verdict}`);
}

/** What is wrong with an executable, by the settings that are in it; empty: nothing. */
export function findDeviations(executable: Executable): string[] {
  return compareWithPolicy(executable, policyOfProgram(executable.name, executable.settings));
}

async function readScript(bytes: Uint8Array<ArrayBuffer>): Promise<Executable> {
  const text = decode(bytes);
  const [shebang, header = ""] = text.split("\n", 2);
  if (shebang !== "#!/bin/sh") throw new ExecutableError("its first line is not #!/bin/sh");
  const program = parseProgram(text.slice(`${shebang}\n${header}\n`.length));
  const { settings, facts } = program.build;
  const words = splitWords(header);
  const name = nameOf(program.bundle) ?? "crio-credential-provider";
  const [, expected = ""] = scriptHeader(name, settings, runtimeWord(words)).split("\n");
  const { grants, others } = sortWords(words);
  return {
    form: "script",
    name,
    runtime: runtimeWord(words),
    settings,
    facts,
    grants,
    deviations: [
      ...await judgeProgram(program),
      ...compareWords(others, sortWords(splitWords(expected)).others),
    ],
  };
}

/** Which program a bundle is, by what its hash covers; `undefined` when it does not say. */
function nameOf(bundle: string): ProgramName | undefined {
  return PROGRAMS.find((name) =>
    bundle.startsWith(beginningOf(name)) || bundle === entryOf(FIRST_MODULES[name])
  );
}

async function judgeProgram(
  { build, bundle, isCanonical }: Program,
  modules: Modules = new Map(),
): Promise<string[]> {
  const deviations = isCanonical ? [] : ["its first line holds more than JSON"];
  if (!startsModules(bundle, modules)) deviations.push(...findOpenings(bundle));
  for (const [name, text] of modules) {
    deviations.push(...findModuleOpenings(name, text, [...modules.keys()]));
  }
  const found = await hashOfBundle(bundle, modules);
  if (found !== build.facts.bundleSha256) {
    deviations.push(`the program is not the one it claims to be: its SHA-256 is ${found}`);
  }
  return deviations;
}

/** Words as scriptHeader quotes them, and nothing else that a shell understands. */
const WORD = /(?:[\w@%+=:,./-]|'[^']*'|\\'|"\$(?:PATH|0|@)")+/y;

function splitWords(header: string): string[] {
  const start = `":" //; `;
  if (!header.startsWith(start)) {
    throw new ExecutableError(`its second line does not begin with ${start}`);
  }
  const words: string[] = [];
  for (let position = start.length; position <= header.length;) {
    WORD.lastIndex = position;
    const word = WORD.exec(header)?.[0];
    position += (word?.length ?? 0) + 1;
    if (word === undefined || (position <= header.length && header[position - 1] !== " ")) {
      throw new ExecutableError(`its second line is not a plain command at column ${position}`);
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
    // Without targets a kind of permission goes for everything.
    const match = /^--(allow|deny)-(?:([a-z]+)=(.+)|(read|write|net))$/s.exec(word);
    if (match === null) {
      others.push(word);
      continue;
    }
    const verb = match[1] === "allow" ? "allow" : "deny";
    for (const target of match[3]?.split(",") ?? [EVERYTHING]) {
      // deno-coverage-ignore -- for the compiler: one of the groups matched
      grants.push({ verb, kind: match[2] ?? match[4] ?? "", target });
    }
  }
  return { grants, others };
}

function compareWords(found: readonly string[], expected: readonly string[]): string[] {
  const deviations = [
    ...found.filter((word) => !expected.includes(word)).map((word) => `${word} must not be there`),
    ...expected.filter((word) => !found.includes(word)).map((word) => `${word} is missing`),
  ];
  if (deviations.length === 0 && found.join("\n") !== expected.join("\n")) {
    deviations.push(`its words are in another order, or one is there twice: ${found.join(" ")}`);
  }
  return deviations;
}

async function readCompiled(bytes: Uint8Array<ArrayBuffer>): Promise<Executable> {
  const file = takeApart(bytes);
  const name = PROGRAMS.find((name) => name === file.metadata["app_name"]);
  if (name === undefined) {
    throw new ExecutableError(
      `it is another program than ${PROGRAMS.join(" and ")}: ` +
        `${JSON.stringify(file.metadata["app_name"])}`,
    );
  }
  const content = file.files.get(ENTRY);
  if (content === undefined) {
    throw new ExecutableError("its file system holds something else than the program");
  }
  const program = parseProgram(decode(content));
  const others = [...file.files].filter(([name]) => name !== ENTRY);
  const modules = new Map(others.map(([name, bytes]) => [name, decode(bytes)]));
  const { settings, facts } = program.build;
  const names = [...file.files.keys()];
  const expected = compiledMetadata(name, policyOfProgram(name, settings), names);
  const runtimeSha256 = await hashOfRuntime(file.image);
  const deviations = [
    ...await judgeProgram(program, modules),
    ...compareMetadata(withoutGrants(file.metadata), withoutGrants(expected)),
  ];
  const own = nameOf(program.bundle);
  if (own !== undefined && own !== name) {
    deviations.push(`app_name is ${JSON.stringify(name)}, and its program is that of ${own}`);
  }
  if (facts.runtimeSha256 !== runtimeSha256) {
    deviations.push(
      `the runtime is not the one it was built with: its SHA-256 is ${runtimeSha256}, ` +
        // deno-coverage-ignore -- no test has a build without the hash
        `not ${facts.runtimeSha256 ?? "known"}`,
    );
  }
  // deno-coverage-ignore -- for the compiler: the index is in range
  if (names.slice(1).some((name, index) => name < (names[index] ?? ""))) {
    deviations.push("its files are in another order than a build puts them in");
  }
  if (deviations.length === 0 && !isLaidOutAsBuilt(bytes, file)) {
    deviations.push("its parts are laid out otherwise than a build lays them out");
  }
  return {
    form: "compiled",
    name,
    runtime: "its own",
    settings,
    facts,
    grants: grantsOf(file.metadata["permissions"]),
    deviations,
    compiled: {
      machine: file.machine,
      image: file.image,
      files: file.files,
      program,
      runtimeSha256,
    },
  };
}

function takeApart(bytes: Uint8Array<ArrayBuffer>): CompiledFile {
  try {
    return readCompiledFile(bytes);
  } catch (error) {
    // deno-coverage-ignore-start -- an error of another kind would be a bug
    if (error instanceof CompiledFileError) throw new ExecutableError(`it ${error.message}`);
    throw error;
    // deno-coverage-ignore-stop
  }
}

/**
 * The SHA-256 of a compiled executable with no program in it: of the runtime, and of the headers that
 * the compiler makes.
 */
export async function hashOfRuntime(image: CompiledFile["image"]): Promise<string> {
  return await sha256(joinBytes(formatCompiledFile({ image, metadata: {}, files: new Map() })));
}

/** Whether no byte differs from what is written with the same parts. */
function isLaidOutAsBuilt(bytes: Uint8Array, file: CompiledFile): boolean {
  let at = 0;
  for (const chunk of formatCompiledFile(file)) {
    if (!isSame(chunk, bytes.subarray(at, at + chunk.length))) return false;
    at += chunk.length;
  }
  return at === bytes.length;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  // The largest chunk is the runtime, of which the file is read as it is.
  if (a.buffer === b.buffer && a.byteOffset === b.byteOffset) return a.length === b.length;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The permissions to read, write and connect are the site's, and compared with a policy. */
function isGrant(name: string): { verb: "allow" | "deny"; kind: string } | undefined {
  const [verb, kind = ""] = name.split("_", 2);
  const isKind = PERMISSION_KINDS.some((known) => known === kind);
  return isKind && (verb === "allow" || verb === "deny") ? { verb, kind } : undefined;
}

function withoutGrants(metadata: CompiledFile["metadata"]): CompiledFile["metadata"] {
  const { permissions } = metadata;
  if (!isObject(permissions)) return metadata;
  const others = Object.entries(permissions).filter(([name]) => isGrant(name) === undefined);
  return { ...metadata, permissions: Object.fromEntries(others) };
}

function grantsOf(permissions: unknown): Grant[] {
  if (!isObject(permissions)) return [];
  return Object.entries(permissions).flatMap(([name, value]) => {
    const grant = isGrant(name);
    if (grant === undefined || value === null) return [];
    const targets = Array.isArray(value) && value.length > 0 ? value.map(String) : [EVERYTHING];
    return targets.map((target) => ({ ...grant, target }));
  });
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // deno-coverage-ignore-start -- no test has a program that is no text
  } catch {
    throw new ExecutableError("it holds bytes that are not text where the program should be");
    // deno-coverage-ignore-stop
  }
}
