/** Runs `crio-credential-ctl` within the test's process. */

import { runCtl } from "../../src/cli/ctl.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings.ts";
import type { BuildFacts } from "../../src/version.ts";

/** What a command did. */
export interface CtlResult {
  /** Exit status. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const FACTS: BuildFacts = {
  version: "1.2.3",
  gitCommit: "0123abc",
  gitCommitDate: "2026-01-02T03:04:05Z",
  bundleSha256: "00ff",
  dependencies: ["example@1.0.0 sha512-…"],
};

/**
 * Runs a command.
 *
 * @param stdin what is piped in; `undefined` for a terminal.
 * @param settings what the tool is built with.
 */
export async function runCtlWith(
  args: readonly string[],
  stdin?: string,
  settings: Settings = DEFAULT_SETTINGS,
): Promise<CtlResult> {
  let stdout = "", stderr = "";
  let left = new TextEncoder().encode(stdin ?? "");
  const process = {
    stdout: { write: (text: string) => void (stdout += text) },
    stderr: { write: (text: string) => void (stderr += text) },
  };
  const input = {
    isTerminal: () => stdin === undefined,
    read: (buffer: Uint8Array) => {
      if (left.length === 0) return Promise.resolve(null);
      const count = Math.min(buffer.length, left.length);
      buffer.set(left.subarray(0, count));
      left = left.subarray(count);
      return Promise.resolve(count);
    },
  };
  const code = await runCtl(args, { process, stdin: input, settings }, FACTS);
  return { code, stdout, stderr };
}
