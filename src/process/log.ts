/**
 * The log: one line per step, to stderr and to journald. It is never handed a secret, and what others
 * have written into a message or a field is cut and masked here (`redact.ts`).
 */

import { timer } from "./clock.ts";
import { sendAll, writeAll } from "./write_all.ts";
import { LONGEST_MESSAGE, redact, redactList } from "../redact.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** From most to least urgent. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
/** One of them. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Lines as people read them, or an object of JSON each. */
export const LOG_FORMATS = ["text", "json"] as const;
/** One of them. */
export type LogFormat = typeof LOG_FORMATS[number];

/** Facts of a line, by name. The `code` of an error is for programs: lines of text leave it out. */
export type LogFields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** What the rooms of the program log through. */
export interface Log {
  readonly error: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string, fields?: LogFields) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly debug: (message: string, fields?: LogFields) => void;
}

/** Takes finished lines, without the newline. */
export type LogSink = (level: LogLevel, line: string) => void;

/** Syslog severities (RFC 5424 section 6.2.1), which journald takes over. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** Makes a log that formats each line once and hands it to every sink. */
export function createLog(
  options: { level: LogLevel; format: LogFormat; sinks: readonly LogSink[]; now: () => Date },
): Log {
  const format = options.format === "json" ? formatJson : formatText;
  const write = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(options.level)) return () => {};
    return (message: string, fields: LogFields = {}) => {
      const line = format(
        level,
        redact(message, LONGEST_MESSAGE),
        redactFields(fields),
        options.now,
      );
      for (const sink of options.sinks) sink(level, line);
    };
  };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}

/** `info: found pull sources image="quay.io/team/app"` */
function formatText(level: LogLevel, message: string, fields: LogFields): string {
  let line = `${level}: ${message}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || name === "code") continue;
    line += ` ${name}=${JSON.stringify(typeof value === "object" ? value.join(", ") : value)}`;
  }
  return escapeControls(line);
}

function formatJson(level: LogLevel, message: string, fields: LogFields, now: () => Date): string {
  const line = { time: now().toISOString(), level, message, ...fields };
  return escapeControls(JSON.stringify(line));
}

function redactFields(fields: LogFields): LogFields {
  const redacted = Object.entries(fields).map(([name, value]) => [name, redactField(value)]);
  return Object.fromEntries(redacted);
}

function redactField(value: LogFields[string]): LogFields[string] {
  if (typeof value === "string") return redact(value);
  return typeof value === "object" ? redactList(value) : value;
}

/**
 * Escapes what could end a line or drive a terminal: image names, secret names and keys come from
 * strangers, and must not be able to write lines of their own.
 */
export function escapeControls(line: string): string {
  return line.replace(
    // deno-lint-ignore no-control-regex -- control characters are what is replaced
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// deno-coverage-ignore-start -- only in a child process: tests/faults/stdio_test.ts
/** A sink that writes lines to stderr. A reader that went away is no reason to fail a pull. */
export function stderrSink(): LogSink {
  return (_level, line) => {
    try {
      writeAll(Deno.stderr, encodeUtf8(line + "\n"));
    } catch {
      // deno-coverage-ignore-stop
      // Nobody reads it any more.
    }
  };
}

/** How long the log may hold up the end of a run, in milliseconds. */
const JOURNALD_LIMIT = 250;

/**
 * Lines for journald, by its native stream protocol: on connecting seven header lines, then a
 * message per line, each with its priority. The lines are sent together at the end, since a cold
 * start pays for each turn of the event loop.
 */
export class JournaldStream {
  #lines = "";
  readonly #identifier: string;

  constructor(identifier: string) {
    this.#identifier = identifier;
  }

  readonly sink: LogSink = (level, line) => {
    this.#lines += `<${SEVERITIES[level]}>${line}\n`;
  };

  /**
   * Sends the lines. Returns after {@link JOURNALD_LIMIT} at the latest, and never throws: a node
   * without journald, or a sandbox without its socket, is logged to on stderr alone.
   */
  async send(socket: string): Promise<void> {
    const header = [this.#identifier, "", "6", "1", "0", "0", "0"].join("\n");
    const bytes = encodeUtf8(`${header}\n${this.#lines}`);
    this.#lines = "";
    try {
      await Promise.race([deliver(socket, bytes), timer(JOURNALD_LIMIT)]);
    } catch {
      // No journald here.
    }
  }
}

async function deliver(path: string, bytes: Uint8Array): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  await sendAll(connection, bytes);
}
