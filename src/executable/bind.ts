/** A copy of a compiled executable with other settings, and the permissions that follow from them. */

import type { PolicyLine } from "../settings/sandbox.ts";
import type { Settings } from "../settings/settings.ts";
import { formatCompiledFile, joinBytes } from "./compiled_file.ts";
import { compiledMetadata, ENTRY } from "./compiled_metadata.ts";
import {
  type CompiledParts,
  type Executable,
  findDeviations,
  readExecutable,
} from "./executable.ts";
import { ExecutableError, formatProgram } from "./program.ts";
import { policyOfProgram } from "./programs.ts";

/** An executable that can be bound, or was. */
export interface Bindable extends Executable {
  readonly compiled: CompiledParts;
}

/** What became of an executable. */
export interface Bound {
  readonly before: Bindable;
  /** Read back from the bytes. */
  readonly after: Bindable;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Reads an executable that is to be bound.
 *
 * @param version of this program, which knows how executables of its own version are made.
 * @throws {ExecutableError} when it is no release, is of another version, or was changed.
 */
export async function readBindable(
  bytes: Uint8Array<ArrayBuffer>,
  version: string,
): Promise<Bindable> {
  const isScript = bytes[0] === 0x23; /* # */
  const executable = isScript ? undefined : await readExecutable(bytes);
  if (executable?.compiled === undefined) {
    const advice = "the sandbox of a script is its second line, which a build makes";
    throw new ExecutableError(`it is a script: the compiled form alone can be bound; ${advice}`);
  }
  const { compiled, facts } = executable;
  if (facts.version !== version) {
    throw new ExecutableError(
      `it is version ${JSON.stringify(facts.version)}, and this tool knows ${version} alone: ` +
        "take both from one release",
    );
  }
  const deviations = findDeviations(executable);
  if (deviations.length > 0) {
    throw new ExecutableError(`it is not as it was built: ${deviations.join("; ")}`);
  }
  return { ...executable, compiled };
}

/**
 * Binds an executable: replaces its settings and its metadata, and nothing else. What it was bound to
 * before has no part in the result.
 *
 * @param settings all of them, as a build takes them.
 * @throws {ExecutableError} as {@link readBindable} does.
 */
export async function bindExecutable(
  bytes: Uint8Array<ArrayBuffer>,
  settings: Settings,
  version: string,
): Promise<Bound> {
  const before = await readBindable(bytes, version);
  const { image, files, program: { build: { facts }, bundle } } = before.compiled;
  const policy = policyOfProgram(before.name, settings);
  const metadata = compiledMetadata(before.name, policy, [...files.keys()]);
  const program = new TextEncoder().encode(formatProgram({ settings, facts }, bundle));
  // The entry keeps its place among the files.
  const bound = joinBytes(
    formatCompiledFile({ image, metadata, files: new Map([...files, [ENTRY, program]]) }),
  );
  return { before, after: await readBindable(bound, version), bytes: bound };
}

/** A line of a policy that one executable has and the other has not. */
export interface PolicyChange {
  readonly sign: "+" | "-";
  readonly verb: "allow" | "deny";
  readonly line: PolicyLine;
}

/** What changes with the settings, line by line: first what goes, then what comes. */
export function policyChanges(before: Executable, after: Executable): PolicyChange[] {
  const [old, now] = [before, after].map(({ name, settings }) => policyOfProgram(name, settings));
  // deno-coverage-ignore -- for the compiler: both are there
  if (old === undefined || now === undefined) return [];
  const only = (
    sign: PolicyChange["sign"],
    verb: PolicyChange["verb"],
    lines: readonly PolicyLine[],
    others: readonly PolicyLine[],
  ): PolicyChange[] =>
    lines.filter((line) => !others.some((other) => isSame(line, other)))
      .map((line) => ({ sign, verb, line }));
  return [
    ...only("-", "allow", old.allow, now.allow),
    ...only("-", "deny", old.deny, now.deny),
    ...only("+", "allow", now.allow, old.allow),
    ...only("+", "deny", now.deny, old.deny),
  ];
}

function isSame(a: PolicyLine, b: PolicyLine): boolean {
  return a.kind === b.kind && a.target === b.target && a.flag === b.flag;
}
