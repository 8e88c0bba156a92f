/**
 * containerd's `hosts.toml`, read as strictly as the strictest of its versions.
 *
 * A file that containerd cannot read as a whole is dropped, and it goes to the image's own registry
 * with whatever credential it has. So nothing may be made of a file that one version in use drops or
 * reads otherwise: such a file is {@link Unsure}, and never an approximation.
 *
 * The rules are those of `parseHostsFile` and `parseHostConfig` in containerd's
 * `core/remotes/docker/config/hosts.go` (2.4) and `remotes/docker/config/hosts.go` (1.6, 1.7).
 */

import { hideUserInfo } from "../../errors.ts";
import { parseGoDuration } from "../../text/duration.ts";
import { isObject, type JsonObject } from "../../text/parse.ts";
import { parseToml } from "../../text/toml.ts";

/** A host that containerd asks. */
export interface HostEntry {
  /** As the file has it. */
  readonly url: string;
  readonly scheme: "http" | "https";
  /** `host[:port]`. */
  readonly host: string;
  /** Path in front of the repository's name: `/v2`, `/v2/hub`. */
  readonly path: string;
  readonly pull: boolean;
  readonly resolve: boolean;
  /** Whether the file sets an `Authorization` header for it. */
  readonly authorization: boolean;
  /** Line of the `[host."…"]` table or of `server`, counted from 1. */
  readonly line: number;
}

/** What the file says. */
export interface HostsFile {
  /** The hosts that are tried first, in order. */
  readonly hosts: readonly HostEntry[];
  /** The host that is tried last; `undefined`: the image's own registry. */
  readonly server: HostEntry | undefined;
}

/** A file of which versions of containerd make different things, or nothing. */
export interface Unsure {
  /** Counted from 1; `undefined` when it is the file as a whole. */
  readonly line: number | undefined;
  /** In words that follow the file's name. */
  readonly problem: string;
  /** What to write in its place. */
  readonly advice: string;
}

/** Reads the file's text, with its byte order mark if it has one. */
export function parseHostsFile(text: string): HostsFile | Unsure {
  try {
    return read(text);
  } catch (error) {
    // deno-coverage-ignore-start -- an error of another kind would be a bug
    if (error instanceof UnsureError) return error.unsure;
    throw error;
    // deno-coverage-ignore-stop
  }
}

/** Whether a file was read. */
export function isUnsure(file: HostsFile | Unsure): file is Unsure {
  return "problem" in file;
}

/** Ends the reading of a file. */
class UnsureError extends Error {
  readonly unsure: Unsure;

  constructor(line: number | undefined, problem: string, advice: string) {
    super(problem);
    this.unsure = { line, problem, advice };
  }
}

function read(text: string): HostsFile {
  if (text.startsWith("\ufeff")) {
    throw new UnsureError(1, "begins with a byte order mark", "save it as UTF-8 without one");
  }
  refuseNewerToml(text);
  const lines = text.split(/\r?\n/);
  const document = parseDocument(text);
  const known = checkKeys(document, 0);
  const tables = document["host"];
  const headers = tableHeaders(lines);
  if (tables !== undefined && !isObject(tables)) throw wrongType("host", "tables", undefined);
  const hosts = [...headers].map(([url, line]) => {
    const table = tables?.[url];
    if (!isObject(table)) {
      throw wrongType(`host.${quote(hideUserInfo(url))}`, "a table", line);
    }
    return readEntry(url, checkKeys(table, line), line);
  });
  const unlisted = Object.keys(tables ?? {}).find((url) => !headers.has(url));
  if (unlisted !== undefined) {
    // containerd 1.6 and 1.7 ask such a host, 2.0 and later do not.
    throw new UnsureError(
      undefined,
      `${quote(hideUserInfo(unlisted))} has no table header of its own`,
      `write it as [host.${quote(hideUserInfo(unlisted))}]`,
    );
  }
  const server = document["server"] ?? "";
  if (typeof server !== "string") throw wrongType("server", "a string", undefined);
  const serverLine = lines.findIndex((line) => /^\s*["']?server["']?\s*=/.test(line)) + 1;
  const last = server === "" ? undefined : readEntry(server, known, serverLine);
  if (last !== undefined && hosts.length === 0) {
    throw new UnsureError(
      serverLine,
      `has "server" and no [host."…"] table, which containerd 1.6 drops`,
      `add [host.${quote(hideUserInfo(server))}]`,
    );
  }
  return { hosts, server: last };
}

function parseDocument(text: string): JsonObject {
  const toml = parseToml(text);
  if ("document" in toml) return toml.document;
  throw new UnsureError(toml.fault.line, "is not valid TOML", "fix the TOML on that line");
}

/**
 * Refuses what TOML 1.1 has and containerd's parsers do not (they know TOML 1.0), and texts over
 * several lines, in which a table's header could be mistaken for one of the file.
 */
function refuseNewerToml(text: string): void {
  const string = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#.*/g;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.includes(`"""`) || line.includes("'''")) {
      throw new UnsureError(
        index + 1,
        "has a string over several lines",
        "write the string on one line",
      );
    }
    const strings = line.match(string) ?? [];
    if (
      strings.some((text) => text.startsWith(`"`) && /\\[^btnfr"\\uU]/.test(withoutPairs(text)))
    ) {
      throw new UnsureError(
        index + 1,
        "has an escape that TOML 1.0 does not have",
        "spell it out",
      );
    }
    const rest = line.replace(string, "");
    const open = rest.split("{").length, closed = rest.split("}").length;
    if (open !== closed || /,\s*\}/.test(rest)) {
      throw new UnsureError(
        index + 1,
        "has an inline table in the form of TOML 1.1",
        "write it on one line, without a comma at its end",
      );
    }
    if (/(?:^|[^:\d])\d\d:\d\d(?!:)/.test(rest)) {
      throw new UnsureError(index + 1, "has a time without seconds", "write the seconds");
    }
  }
}

/** An escaped backslash escapes nothing itself. */
function withoutPairs(text: string): string {
  return text.replaceAll("\\\\", "");
}

/** Where each host's table begins, in the order of the file: containerd goes by headers alone. */
function tableHeaders(lines: readonly string[]): Map<string, number> {
  const headers = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    if (!line.trimStart().startsWith("[")) continue;
    const toml = parseToml(line);
    if ("fault" in toml) continue; // Part of a list.
    const header = toml.document["host"];
    const [url] = isObject(header) ? Object.keys(header) : [];
    if (url !== undefined && !headers.has(url)) headers.set(url, index + 1);
  }
  return headers;
}

const KEYS = [
  "capabilities",
  "ca",
  "client",
  "skip_verify",
  "header",
  "override_path",
  "dial_timeout",
  "server",
  "host",
];

/** A table whose known keys are written as containerd's versions all read them. */
function checkKeys(table: JsonObject, line: number): JsonObject {
  const odd = Object.keys(table).find((key) =>
    !KEYS.includes(key) && KEYS.includes(key.toLowerCase())
  );
  if (odd === undefined) return table;
  throw new UnsureError(
    line === 0 ? undefined : line,
    `has the key ${quote(odd)}`,
    `write it in lower case: ${odd.toLowerCase()}`,
  );
}

function readEntry(url: string, table: JsonObject, line: number): HostEntry {
  const capabilities = texts(table, "capabilities", line).map((text) => text.toLowerCase());
  for (const capability of capabilities) {
    // "referrers" is known from 2.2 on; earlier versions drop the file.
    if (!["pull", "resolve", "push"].includes(capability)) {
      throw new UnsureError(
        line,
        "has a capability for which some versions drop the file",
        `leave "pull", "resolve" and "push"`,
      );
    }
  }
  const all = capabilities.length === 0;
  flag(table, "skip_verify", line);
  const overridePath = flag(table, "override_path", line);
  checkFiles(table, line);
  const timeout = table["dial_timeout"] ?? "";
  if (typeof timeout !== "string") throw wrongType("dial_timeout", "a string", line);
  if (timeout !== "" && parseGoDuration(timeout) === undefined) {
    throw new UnsureError(line, `has a "dial_timeout" that is not a duration`, "write it like 3s");
  }
  return {
    url,
    ...readUrl(url, overridePath, line),
    pull: all || capabilities.includes("pull"),
    resolve: all || capabilities.includes("resolve"),
    authorization: headerNames(table, line).some((name) => name.toLowerCase() === "authorization"),
    line,
  };
}

/**
 * Reads the URL of a host. What containerd drops of one (user, query) or may read otherwise is
 * refused.
 */
function readUrl(
  url: string,
  overridePath: boolean,
  line: number,
): Pick<HostEntry, "scheme" | "host" | "path"> {
  const whole = url.startsWith("http") ? url : `https://${url}`;
  const match =
    /^(https?):\/\/([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)((?:\/[A-Za-z0-9._~-]*)*)$/
      .exec(whole);
  if (match === null) {
    throw new UnsureError(
      line,
      `names a host by a URL that is not plain`,
      "write it like https://mirror.example.com:5000/path",
    );
  }
  const [, scheme, host = "", written = ""] = match;
  const path = written === "" ? "" : cleanPath(written);
  const complete = overridePath || path.endsWith("/v2") ? path : `${path === "/" ? "" : path}/v2`;
  return { scheme: scheme === "http" ? "http" : "https", host, path: complete };
}

/** Go's `path.Clean` for an absolute path. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Names of certificate files: a text, a list of texts, for `client` also of pairs. */
function checkFiles(table: JsonObject, line: number): void {
  const isTexts = (value: unknown) =>
    Array.isArray(value) && value.every((item) => typeof item === "string");
  const { ca, client } = { ca: table["ca"] ?? "", client: table["client"] ?? "" };
  if (typeof ca !== "string" && !isTexts(ca)) throw wrongType("ca", "a string or a list", line);
  if (typeof client === "string") return;
  const isPair = (value: unknown) => Array.isArray(value) && value.length === 2 && isTexts(value);
  if (
    !Array.isArray(client) || !client.every((item) => typeof item === "string" || isPair(item))
  ) throw wrongType("client", "a string, a list, or a list of pairs", line);
}

function headerNames(table: JsonObject, line: number): string[] {
  const header = table["header"] ?? {};
  if (!isObject(header)) throw wrongType("header", "a table", line);
  for (const value of Object.values(header)) {
    const isText = typeof value === "string" ||
      (Array.isArray(value) && value.every((item) => typeof item === "string"));
    if (!isText) throw wrongType("header", "a table of strings", line);
  }
  return Object.keys(header);
}

function texts(table: JsonObject, key: string, line: number): string[] {
  const value = table[key] ?? [];
  const found: string[] = [];
  for (const item of Array.isArray(value) ? value : [undefined]) {
    if (typeof item !== "string") throw wrongType(key, "a list of strings", line);
    found.push(item);
  }
  return found;
}

function flag(table: JsonObject, key: string, line: number): boolean {
  const value = table[key] ?? false;
  if (typeof value !== "boolean") throw wrongType(key, "true or false", line);
  return value;
}

function wrongType(key: string, expected: string, line: number | undefined): UnsureError {
  return new UnsureError(line, `has a "${key}" that is not ${expected}`, `write ${expected}`);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
