/** What the commands of `crio-credential-ctl` work with. */

import type { CommandContext, StricliProcess } from "@stricli/core";
import { UsageError, UserError } from "../errors.ts";
import { readTextFile } from "../files.ts";
import { escapeControls } from "../log.ts";
import type { Settings } from "../settings.ts";
import { readText } from "../stdio.ts";

/** The process as the commands see it. */
export interface CtlContext extends CommandContext {
  readonly process: StricliProcess;
  /** The defaults of the plugin built together with the tool. */
  readonly settings: Settings;
  readonly stdin: {
    read(buffer: Uint8Array): Promise<number | null>;
    isTerminal(): boolean;
  };
}

const MAX_INPUT_BYTES = 4 * 1024 * 1024;

/** How long the writer of a pipe may take, in milliseconds: it may be asking a person. */
const INPUT_TIMEOUT = 10 * 60_000;

/** Writes a line to stderr; stdout is for what was asked for. */
export function report(context: CtlContext, line: string): void {
  context.process.stderr.write(`${escapeControls(line)}\n`);
}

/**
 * Reads a file that a flag names; `-` is stdin.
 *
 * @throws {UserError} when it is not there or cannot be read.
 */
export async function readInput(context: CtlContext, path: string, flag: string): Promise<string> {
  if (path === "-") return await readPipe(context, `--${flag}`);
  const text = readTextFile(path, { flag });
  if (text === undefined) throw new UserError(path, "does not exist", `it was named by --${flag}`);
  return text;
}

/** What errors call an input that a flag names. */
export function inputName(path: string): string {
  return path === "-" ? "stdin" : path;
}

/**
 * Reads stdin to its end.
 *
 * @param purpose what is read, for the error.
 * @throws {UsageError} when stdin is a terminal, where a person might wait in front of it.
 */
export async function readPipe(context: CtlContext, purpose: string): Promise<string> {
  if (context.stdin.isTerminal()) {
    throw new UsageError("stdin", `is a terminal; ${purpose} is read from a pipe or a file`);
  }
  return await readText(context.stdin, MAX_INPUT_BYTES, INPUT_TIMEOUT);
}
