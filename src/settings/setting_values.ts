/** The forms that the values of settings have as text. Each error leaves the flag to be filled in. */

import { UsageError } from "../errors.ts";
import { isAnnotationKey } from "../kubernetes/names.ts";
import { closedDirectory } from "../process/files.ts";
import { isHost } from "../sources/reference.ts";
import { parseGoDuration } from "../text/duration.ts";
import { quote } from "../redact.ts";

/**
 * The one text of a flag that may be given once.
 *
 * @throws {UsageError} when there is none, or more than one.
 */
export function single(texts: readonly string[]): string {
  const [text, ...rest] = texts;
  if (text === undefined || rest.length > 0) {
    throw new UsageError("flag-missing", "", "must be given once");
  }
  return text;
}

/**
 * An absolute path without the characters that separate permissions or end a line.
 *
 * @throws {UsageError} when the text is none, or one that no sandbox can be opened to.
 */
export function parsePath(text: string): string {
  const quoted = JSON.stringify(text);
  if (!text.startsWith("/")) {
    throw new UsageError("flag-value-invalid", "", `${quoted} is not an absolute path`);
  }
  const path = parseLocalPath(text);
  if (/\/\.\.?(?:\/|$)/.test(path)) {
    throw new UsageError("flag-value-invalid", "", `${quoted} has "." or ".." in it`);
  }
  const closed = path === "/dev/null" ? undefined : closedDirectory(path);
  if (closed !== undefined) {
    const problem = `${quoted} is below ${closed}, which no sandbox can be opened to`;
    throw new UsageError("flag-value-invalid", "", problem, "name a place outside of it");
  }
  return path;
}

/**
 * A path, absolute or relative to the working directory, without the characters that separate
 * permissions or end a line. A relative one begins with `.`.
 *
 * @throws {UsageError} when the text is none, or the root directory.
 */
export function parseLocalPath(text: string): string {
  const quoted = JSON.stringify(text);
  if (text === "") throw new UsageError("flag-value-invalid", "", "is empty, expected a path");
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[,\u0000-\u001f\u007f]/.test(text)) {
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${quoted} has a comma or a control character`,
    );
  }
  const path = text.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
  if (path === "/") {
    throw new UsageError(
      "flag-value-invalid",
      "",
      "the root directory is too wide; name a directory below it",
    );
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

/**
 * A limit of a run, in milliseconds.
 *
 * @throws {UsageError} when the text is no duration from 100ms to 55s.
 */
export function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds >= 100 && milliseconds <= MAX_TIMEOUT) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is not between 100ms and ${MAX_TIMEOUT / 1000}s`,
  );
}

/**
 * A wait that leaves room for the rest of a run, in milliseconds.
 *
 * @throws {UsageError} when the text is no duration up to 30s.
 */
export function parseWaitForTaken(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds <= MAX_WAIT_FOR_TAKEN) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is longer than ${MAX_WAIT_FOR_TAKEN / 1000}s`,
    "the kubelet gives a run 60s in all",
  );
}

const MAX_CACHE_DURATION = 24 * 3_600_000;

/**
 * How long an answer may be used again, in milliseconds. A changed secret counts that much later.
 *
 * @throws {UsageError} when the text is no duration up to 24h.
 */
export function parseCacheDuration(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds <= MAX_CACHE_DURATION) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is over 24h, for which a withdrawn credential would be used on`,
  );
}

/**
 * One host, with its port if it has one: no pattern, so that nobody consents to more than they see.
 *
 * @throws {UsageError} when the text is none.
 */
export function parseHostAndPort(text: string): string {
  if (isHost(text) || /^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/.test(text)) return text;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${JSON.stringify(text)} is not HOST or HOST:PORT`,
    "write it like registry-1.docker.io, without a scheme, a path or a *",
  );
}

/**
 * An age of a file, in milliseconds; 0: none. Pulls wait in the kubelet's queue after the plugin has run: a
 * file can rightly be minutes old.
 *
 * @throws {UsageError} when the text is neither 0 nor a duration of 10m or more.
 */
export function parseStaleAfter(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === 0 || milliseconds >= 600_000) return milliseconds;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${text} is shorter than 10m, for which a pull may still wait for its file`,
  );
}

/**
 * The value that a text names.
 *
 * @throws {UsageError} when it names none of the values.
 */
export function oneOf<Value extends string>(text: string, values: readonly Value[]): Value {
  const value = values.find((each) => each === text);
  if (value !== undefined) return value;
  const list = values.join(", ");
  throw new UsageError("flag-value-invalid", "", `must be one of ${list}, not ${quote(text)}`);
}

/**
 * The key of an annotation, as Kubernetes takes it.
 *
 * @throws {UsageError} when the text is none.
 */
export function parseAnnotationKey(text: string): string {
  if (isAnnotationKey(text)) return text;
  throw new UsageError(
    "flag-value-invalid",
    "",
    `${JSON.stringify(text)} is not an annotation key`,
    "write it like example.com/secrets",
  );
}
