/** Runs `crio-credential-ctl`. */

import { runCtl } from "../../src/ctl/application.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import type { BuildFacts } from "../../src/executable/version.ts";
import { compiledCtl, formUnderTest } from "./executable.ts";
import { runPlugin } from "./plugin.ts";

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
 * Runs a command: where the compiled form is judged the compiled tool, else the same within the test's
 * process, where its lines are counted.
 *
 * @param stdin what is piped in; `undefined` for a terminal.
 * @param settings what the build would fix.
 */
export async function runCtlWith(
  args: readonly string[],
  stdin?: string,
  settings: Settings = DEFAULT_SETTINGS,
): Promise<CtlResult> {
  if (await formUnderTest() === "compiled") {
    return await runCompiled(await compiledCtl(settings, FACTS), args, stdin);
  }
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
  const context = { process, stdin: input, columns: undefined, cwd: Deno.cwd, settings };
  const code = await runCtl(args, context, FACTS);
  return { code, stdout, stderr };
}

/** Runs the tool as a process, with a real terminal where nothing is piped in. */
async function runCompiled(
  ctl: string,
  args: readonly string[],
  stdin: string | undefined,
): Promise<CtlResult> {
  if (stdin !== undefined) return await runPlugin(ctl, { args, stdin });
  // script(1) gives the command a terminal; what it prints goes to files instead.
  const directory = await Deno.makeTempDir();
  try {
    const [out, err] = [`${directory}/stdout`, `${directory}/stderr`];
    const line = `${[ctl, ...args].map(quoteWord).join(" ")} >${out} 2>${err}`;
    const { code } = await runPlugin("/usr/bin/script", {
      args: ["--quiet", "--return", "--command", line, "/dev/null"],
    });
    return { code, stdout: await Deno.readTextFile(out), stderr: await Deno.readTextFile(err) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Quotes a word for the shell. */
function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
