/** What an executable says of itself. */

/** Facts that the build knows. */
export interface BuildFacts {
  /** The project's version, as in deno.json. */
  readonly version: string;
  readonly gitCommit: string;
  /** ISO 8601. */
  readonly gitCommitDate: string;
  /** SHA-256 of the bundled program: the same for every build of a commit in this form, whatever its settings. */
  readonly bundleSha256: string;
  /** Name, version and integrity hash of each package in the executable, as in deno.lock. */
  readonly dependencies: readonly string[];
  /** Of the compiled form: SHA-256 of all in the executable that is not the program. */
  readonly runtimeSha256?: string;
}

/** `--version-json`: the fields of the Go program, with Deno in Go's place. */
export function formatVersionJson(facts: BuildFacts): string {
  return JSON.stringify(versionFields(facts), null, 2) + "\n";
}

/** `--version`: a table of the same. */
export function formatVersion(facts: BuildFacts): string {
  const fields = Object.entries(versionFields(facts));
  const width = Math.max(...fields.map(([name]) => name.length)) + 2;
  const lines = fields.map(([name, value]) =>
    typeof value === "string"
      ? `${name}:`.padEnd(width) + value
      : [`${name}:`, ...value].join("\n  ")
  );
  return lines.join("\n") + "\n";
}

/** Whether the runtime is part of the executable. */
export function executableForm(): "compiled" | "script" {
  // deno-coverage-ignore -- only in a compiled executable: tests/artifact/command_line_test.ts
  return Deno.build.standalone ? "compiled" : "script";
}

/** What `--version-json` prints, as a value. */
export function versionFields(facts: BuildFacts): Record<string, string | readonly string[]> {
  return {
    version: facts.version,
    gitCommit: facts.gitCommit,
    gitCommitDate: facts.gitCommitDate,
    bundleSha256: facts.bundleSha256,
    denoVersion: Deno.version.deno,
    v8Version: Deno.version.v8,
    platform: `${Deno.build.os}/${Deno.build.arch}`,
    form: executableForm(),
    ...(facts.runtimeSha256 !== undefined && { runtimeSha256: facts.runtimeSha256 }),
    dependencies: facts.dependencies,
  };
}
