/** What the commands of `crio-credential-ctl` work with. */

import type { CommandContext, StricliProcess } from "@stricli/core";
import { timer } from "../process/clock.ts";
import { UsageError, UserError } from "../errors.ts";
import { closedDirectory, OutsideSandboxError, readTextFile } from "../process/files.ts";
import { escapeControls } from "../process/log.ts";
import type { Settings } from "../settings/settings.ts";
import { readText } from "../process/stdio.ts";

/** The process as the commands see it. */
export interface CtlContext extends CommandContext {
  readonly process: StricliProcess;
  /** The defaults of the plugin built together with this. */
  readonly settings: Settings;
  readonly stdin: {
    read(buffer: Uint8Array): Promise<number | null>;
    isTerminal(): boolean;
  };
  /** Columns of the terminal that stdout is; `undefined` when it is none. */
  readonly columns: number | undefined;
  /** The working directory. */
  readonly cwd: () => string;
}

/** Manifests are small; what holds more says so. */
const MAX_INPUT_BYTES = 4 * 1024 * 1024;

/** How long the writer of a pipe may take, in milliseconds: it may be asking a person. */
const INPUT_TIMEOUT = 10 * 60_000;

/** When the person sees what is waited for, in milliseconds: over ssh nobody sees that it is a pipe. */
const PATIENCE = 3_000;

/** Writes a line to stderr; stdout is for what was asked for. */
export function report(context: CtlContext, line: string): void {
  context.process.stderr.write(`${escapeControls(line)}\n`);
}

/**
 * Reads a file that a flag names; `-` is stdin.
 *
 * @param maxBytes the largest size accepted. @default 4 MiB
 * @throws {UserError} when it is not there or cannot be read.
 */
export async function readInput(
  context: CtlContext,
  path: string,
  flag: string,
  maxBytes = MAX_INPUT_BYTES,
): Promise<string> {
  if (path === "-") return await readPipe(context, `--${flag}`, maxBytes);
  let text: string | undefined;
  try {
    text = readTextFile(path, { flag, maxBytes });
  } catch (error) {
    // What the kernel makes up there, the runtime opens only without a sandbox.
    // deno-coverage-ignore-start -- only in a sandbox: tests/artifact/ctl_test.ts
    if (!(error instanceof OutsideSandboxError) || closedDirectory(path) === undefined) {
      throw error;
    }
    const problem = "cannot be read: the sandbox of this tool does not reach /proc, /dev and /sys";
    throw new UserError(
      "outside-sandbox",
      path,
      problem,
      `pass it on stdin: --${flag} - < ${path}`,
      // deno-coverage-ignore-stop
    );
  }
  if (text === undefined) {
    throw new UserError("file-missing", path, "does not exist", `it was named by --${flag}`);
  }
  return text;
}

/** What errors call an input that a flag names. */
export function inputName(path: string): string {
  return path === "-" ? "stdin" : path;
}

/**
 * Reads stdin to its end. What is waited for is said on stderr when that takes long.
 *
 * @param purpose what is read, for the error.
 * @param maxBytes the largest size accepted. @default 4 MiB
 * @throws {UsageError} when stdin is a terminal, where a person might wait in front of it.
 */
export async function readPipe(
  context: CtlContext,
  purpose: string,
  maxBytes = MAX_INPUT_BYTES,
): Promise<string> {
  if (context.stdin.isTerminal()) {
    throw new UsageError(
      "input-is-terminal",
      "stdin",
      `is a terminal; ${purpose} is read from a pipe or a file`,
    );
  }
  let done = false;
  timer(PATIENCE).then(() => {
    // deno-coverage-ignore -- only in a child process: tests/artifact/ctl_test.ts
    if (!done) report(context, `waiting for ${purpose} on stdin`);
  });
  try {
    return await readText(context.stdin, maxBytes, INPUT_TIMEOUT);
  } finally {
    done = true;
  }
}
