import type { ErrorCode } from "./error_codes.ts";
import { redact } from "./redact.ts";

/**
 * The error a user meets: where it happened, what is wrong, and what to do about it, with a code for
 * programs and pages.
 *
 * Its message is meant for the kubelet's log and an operator's terminal. Whoever throws one makes
 * sure that no token, password or `auth` value is part of it; what looks like one is masked all the
 * same, and each part is cut to a length that suits a log.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** The kind of error. It stays the same when the words change. */
  readonly code: ErrorCode;
  /** The file, key, address or flag concerned. */
  readonly where: string;
  /** What is wrong, without the place. */
  readonly problem: string;
  /** What the reader can do about it, if anything is known. */
  readonly advice: string | undefined;

  constructor(code: ErrorCode, where: string, problem: string, advice?: string) {
    const parts = {
      where: redact(where),
      problem: redact(problem),
      advice: advice === undefined ? undefined : redact(advice),
    };
    super(
      `${parts.where}: ${parts.problem}${parts.advice === undefined ? "" : `; ${parts.advice}`}`,
    );
    this.code = code;
    this.where = parts.where;
    this.problem = parts.problem;
    this.advice = parts.advice;
  }
}

/** A command line or settings file that cannot be understood: exit status 2. */
export class UsageError extends UserError {}

/**
 * One line that describes any thrown value. Messages of errors that others throw may quote their
 * input (`JSON.parse` does), so only their kind and the place they came from are given.
 */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return error.message;
  if (!(error instanceof Error)) return "internal error: a value that is not an error was thrown";
  // The stack repeats the message, of which any line may look like a frame.
  const stack = error.stack ?? "";
  const end = stack.indexOf(error.message);
  const frames = end === -1 ? "" : stack.slice(end + error.message.length);
  const frame = frames.split("\n").find((line) => line.trimStart().startsWith("at "))?.trim();
  return `internal error: ${error.name}${frame === undefined ? "" : ` ${frame}`}`;
}

/** The code of any thrown value. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof UserError ? error.code : "internal-error";
}

/** An address without the user and password that someone may have put in. */
export function hideUserInfo(address: string): string {
  return address.replace(/^([a-z]+:\/\/)?.*@/s, "$1…@");
}
