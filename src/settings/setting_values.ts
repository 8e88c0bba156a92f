/** The forms that the values of settings have as text. Each error leaves the flag to be filled in. */

import { UsageError } from "../errors.ts";
import { isAnnotationKey } from "../kubernetes/names.ts";
import { parseGoDuration } from "../text/duration.ts";

/** The one text of a flag that may be given once. */
export function single(texts: readonly string[]): string {
  const [text, ...rest] = texts;
  if (text === undefined || rest.length > 0) {
    throw new UsageError("flag-missing", "", "must be given once");
  }
  return text;
}

/** An absolute path without the characters that separate permissions or end a line. */
export function parsePath(text: string): string {
  const quoted = JSON.stringify(text);
  if (!text.startsWith("/")) {
    throw new UsageError("flag-value-invalid", "", `${quoted} is not an absolute path`);
  }
  const path = parseLocalPath(text);
  if (/\/\.\.?(?:\/|$)/.test(path)) {
    throw new UsageError("flag-value-invalid", "", `${quoted} holds "." or ".."`);
  }
  return path;
}

/**
 * A path, absolute or relative to the working directory, without the characters that separate
 * permissions or end a line. A relative one begins with `.`.
 */
export function parseLocalPath(text: string): string {
  const quoted = JSON.stringify(text);
  if (text === "") throw new UsageError("flag-value-invalid", "", "is empty, expected a path");
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[,\u0000-\u001f\u007f]/.test(text)) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${quoted} holds a comma or a control character`,
    );
  }
  const path = text.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
  if (path === "/") {
    throw new UsageError("flag-value-invalid", "", "the root directory is too wide");
  }
  return /^(?:\/|\.\.?(?:\/|$))/.test(path) ? path : `./${path}`;
}

const MAX_TIMEOUT = 55_000;
const MAX_WAIT_FOR_TAKEN = 30_000;

/** Whole milliseconds of a duration as Go writes it: `30s`, `1500ms`, `1h30m`. Only `0` becomes 0. */
function parseDuration(text: string): number {
  const milliseconds = parseGoDuration(text) ?? NaN;
  if (milliseconds > 0 && milliseconds < Infinity) return Math.max(1, Math.round(milliseconds));
  if (milliseconds === 0) return 0;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${JSON.stringify(text)} is not a duration`,
    "write it like 30s",
  );
}

/** A limit of a run, in milliseconds. */
export function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds >= 100 && milliseconds <= MAX_TIMEOUT) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is outside of 100ms to ${MAX_TIMEOUT / 1000}s`,
  );
}

/** A wait that leaves room for the rest of a run, in milliseconds. */
export function parseWaitForTaken(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds <= MAX_WAIT_FOR_TAKEN) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is over ${MAX_WAIT_FOR_TAKEN / 1000}s`,
    "the kubelet gives a run 60s in all",
  );
}

/** Pulls wait in the kubelet's queue after the plugin has run: a file can rightly be minutes old. */
export function parseStaleAfter(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === 0 || milliseconds >= 600_000) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is under 10m, in which a pull may still wait for its file`,
  );
}

/** The value that a text names. */
export function oneOf<Value>(text: string, find: (text: string) => Value | undefined): Value {
  const value = find(text);
  if (value === undefined) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${JSON.stringify(text)} is not among its values`,
    );
  }
  return value;
}

/** The key of an annotation, as Kubernetes takes it. */
export function parseAnnotationKey(text: string): string {
  if (isAnnotationKey(text)) return text;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${JSON.stringify(text)} is no annotation's key`,
    "write it like example.com/secrets",
  );
}
