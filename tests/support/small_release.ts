/** A release of a few kilobytes: laid out and described as a real one, around a runtime that is none. */

import { formatCompiledFile, joinBytes } from "../../src/executable/compiled_file.ts";
import { compiledMetadata, ENTRY } from "../../src/executable/compiled_metadata.ts";
import { hashOfRuntime } from "../../src/executable/executable.ts";
import LOCK_DOWN from "../../src/executable/lock_down.js" with { type: "text" };
import { formatProgram, sha256 } from "../../src/executable/program.ts";
import { policyOfProgram, type ProgramName } from "../../src/executable/programs.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { smallImage } from "./small_executable.ts";

/** What stands for the program. */
export const BUNDLE = `${LOCK_DOWN}run(BUILD);\n`;

/** Which release. */
export interface SmallRelease {
  readonly settings?: Settings;
  /** @default that of the tool in tests */
  readonly version?: string;
  readonly name?: ProgramName;
  /** `e_machine` of ELF(5). @default x86_64 */
  readonly machine?: number;
  readonly bundle?: string;
}

/** Makes it, as a build with these settings does. */
export async function smallRelease(
  {
    settings = DEFAULT_SETTINGS,
    version = "1.2.3",
    name = "crio-credential-provider",
    machine = 0x3e,
    bundle = BUNDLE,
  }: SmallRelease = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const image = smallImage({ machine });
  const facts = {
    version,
    gitCommit: "0123abc",
    gitCommitDate: "2026-01-02T03:04:05Z",
    bundleSha256: await sha256(bundle),
    dependencies: ["example@1.0.0 sha512-AAAA"],
    runtimeSha256: await hashOfRuntime(image),
  };
  const program = new TextEncoder().encode(formatProgram({ settings, facts }, bundle));
  const metadata = compiledMetadata(name, policyOfProgram(name, settings), [ENTRY]);
  return joinBytes(formatCompiledFile({ image, metadata, files: new Map([[ENTRY, program]]) }));
}
