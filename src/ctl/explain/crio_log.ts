/**
 * What CRI-O's log says of pulls. Its lines are those of CRI-O 1.34 to 1.36 (`server/image_pull.go`)
 * and of the image library (go.podman.io/image v5.38 and v5.42, `docker/docker_image_src.go` and
 * `pkg/docker/config/config.go`). At level info it names the pulls, the auth files and the sources that
 * are tried; at level debug also what the registries answered, and where credentials were found.
 */

import { isObject } from "../../text/parse.ts";
import { redact } from "../../redact.ts";
import { formatRepository, parseRepository } from "../../sources/reference.ts";
import { normalizeImage } from "../../sources/image_name.ts";

/** A source that CRI-O tried. */
export interface Attempt {
  /** As the log has it, with tag or digest. */
  readonly reference: string;
  /** `host[:port]/path` */
  readonly repository: string;
  /** What went wrong, in the words of the log; `undefined`: nothing, or the log does not say. */
  error?: string;
  /** Where its credentials came from, if the log says so. */
  credentials?: "none" | "request" | { readonly file: string } | { readonly helper: string };
}

/** A pull. */
export interface LoggedPull {
  /** CRI-O's name for the request. */
  readonly id: string;
  /** When it began, in the words of the log. */
  readonly time: string;
  /** The image as the kubelet named it to CRI-O. */
  readonly image: string;
  /** The file in which CRI-O looked for credentials of the namespace, if the log says so. */
  lookedFor?: string;
  /** That file, if it was there. */
  authFile?: string;
  readonly attempts: Attempt[];
  outcome: "pulled" | "failed" | "unknown";
  /** Of a pull that failed, in the words of the log. */
  error?: string;
  /** Whether it went on beside another pull, so that lines may be taken for its own that are not. */
  overlapped: boolean;
}

/** One line. */
interface Line {
  readonly message: string;
  readonly level: string;
  readonly time: string;
  readonly id: string;
}

/** What was read. */
export interface CrioLog {
  /** In the order in which they began. */
  readonly pulls: readonly LoggedPull[];
  /** Lines of CRI-O's. */
  readonly lines: number;
  /** Whether lines of level debug are among them. */
  readonly debug: boolean;
}

/** Longest word of a stranger that is kept, in characters. */
const LONGEST = 400;

/**
 * Reads a log, of which every line may be cut, and may have something in front of CRI-O's own text, as
 * journalctl's other formats do. What is no line of CRI-O's is passed over.
 */
export function parseCrioLog(text: string): CrioLog {
  const pulls: LoggedPull[] = [];
  let lines = 0, debug = false;
  for (const row of text.split("\n")) {
    const line = parseLine(row);
    if (line === undefined) continue;
    lines++;
    debug ||= line.level === "debug";
    readLine(line, pulls);
  }
  return { pulls, lines, debug };
}

function readLine({ message, id, time }: Line, pulls: LoggedPull[]): void {
  const own = pulls.findLast((pull) => pull.id === id && id !== "");
  const [, image] = /^Pulling image: (\S+)$/.exec(message) ?? [];
  if (image !== undefined) {
    pulls.push({ id, time, image, attempts: [], outcome: "unknown", overlapped: false });
    return;
  }
  if (own === undefined) readShared(pulls, message);
  else {
    noteOverlap(pulls, own);
    readOwn(own, message);
  }
}

/** A pull that has a line after another one began goes on beside that one. */
function noteOverlap(pulls: readonly LoggedPull[], pull: LoggedPull): void {
  const later = pulls.slice(pulls.indexOf(pull) + 1);
  for (const other of later.length === 0 ? [] : [pull, ...later]) other.overlapped = true;
}

/** A line that has the name of its request. */
function readOwn(pull: LoggedPull, message: string): void {
  const [, lookedFor] = /^Looking for namespaced auth JSON file in: (.+)$/.exec(message) ?? [];
  const [, authFile] = /^Using auth file for namespace \S+: (.+)$/.exec(message) ?? [];
  const [, error] = /^Error pulling image \S+: (.+)$/s.exec(message) ?? [];
  if (lookedFor !== undefined) pull.lookedFor = lookedFor;
  if (authFile !== undefined) pull.authFile = authFile;
  if (error !== undefined) {
    pull.error = redact(error, LONGEST);
    pull.outcome = "failed";
  }
  if (message.startsWith("Pulled image: ")) pull.outcome = "pulled";
}

/** A line of the image library, which does not know whose pull it works for. */
function readShared(pulls: readonly LoggedPull[], message: string): void {
  const [, tried = ""] = /^Trying to access ("(?:[^"\\]|\\.)*")$/.exec(message) ?? [];
  const [, failed = "", error = ""] =
    /^Accessing ("(?:[^"\\]|\\.)*") failed: (.+)$/s.exec(message) ?? [];
  const reference = unquote(tried) ?? unquote(failed);
  if (reference !== undefined) {
    const name = repositoryOf(reference);
    if (tried !== "") {
      const pull = pullOf(pulls, reference);
      if (pull === undefined) return;
      noteOverlap(pulls, pull);
      pull.attempts.push({ reference, repository: name });
      return;
    }
    const attempt = attemptAt(pulls, name);
    if (attempt !== undefined) attempt.error ??= redact(error, LONGEST);
    return;
  }
  const found = /^Found credentials for (\S+) in credential helper (\S+?)(?: in file (.+))?$/.exec(
    message,
  );
  const [, none] = /^No credentials for (\S+) found$/.exec(message) ?? [];
  const [, given] = /^Returning credentials for (\S+) from DockerAuthConfig$/.exec(message) ?? [];
  const key = found?.[1] ?? none ?? given;
  if (key === undefined) return;
  // A credential helper is asked for a host, and not for a repository.
  const attempt = attemptAt(pulls, key) ?? attemptAtHost(pulls, key);
  if (attempt === undefined) return;
  const [, , helper = "", file] = found ?? [];
  attempt.credentials ??= given !== undefined
    ? "request"
    : none !== undefined
    ? "none"
    : file === undefined
    ? { helper }
    : { file };
}

/**
 * The pull that a source was tried for. Without parallel pulls it is the one that began last; with
 * them one that goes on, and whose image ends in the same name, tag and digest.
 */
function pullOf(pulls: readonly LoggedPull[], reference: string): LoggedPull | undefined {
  const open = pulls.filter(({ outcome }) => outcome === "unknown");
  const end = endOf(reference);
  return open.findLast(({ image, attempts }) =>
    endOf(image) === end && attempts.every((attempt) => attempt.reference !== reference)
  ) ?? open.at(-1);
}

/** The attempt at a repository that has no end yet. */
function attemptAt(pulls: readonly LoggedPull[], repository: string): Attempt | undefined {
  return findAttempt(pulls, (attempt) => attempt.repository === repository);
}

function attemptAtHost(pulls: readonly LoggedPull[], host: string): Attempt | undefined {
  return findAttempt(pulls, (attempt) => attempt.repository.startsWith(`${host}/`));
}

function findAttempt(
  pulls: readonly LoggedPull[],
  is: (attempt: Attempt) => boolean,
): Attempt | undefined {
  for (const { outcome, attempts } of pulls.toReversed()) {
    if (outcome !== "unknown") continue;
    const attempt = attempts.findLast((attempt) => is(attempt) && attempt.error === undefined);
    if (attempt !== undefined) return attempt;
  }
  return undefined;
}

function repositoryOf(reference: string): string {
  const repository = parseRepository(reference);
  // deno-coverage-ignore -- no test has a log with what is no reference
  return repository === undefined ? reference : formatRepository(repository);
}

/** The last part of the name with tag or digest, without which CRI-O pulls the tag `latest`. */
function endOf(image: string): string {
  const end = image.slice(image.lastIndexOf("/") + 1);
  return /[:@]/.test(end) ? end.replace(/:[^@]*@/, "@") : `${end}:latest`;
}

/** The pulls of an image. @param image as the kubelet names it to the plugin. */
export function pullsOf({ pulls }: CrioLog, image: string): LoggedPull[] {
  return pulls.filter((pull) => normalizeImage(pull.image) === image);
}

/** A line of logrus (`TextFormatter`, or `JSONFormatter` where CRI-O's log_format is json). */
function parseLine(row: string): Line | undefined {
  const brace = row.indexOf('{"');
  if (brace !== -1 && row.trimEnd().endsWith("}")) return parseJsonLine(row.slice(brace));
  const start = row.search(/(?:^|\s)(?:time="|level=)/);
  if (start === -1) return undefined;
  const fields = new Map<string, string>();
  for (
    const [, key = "", quoted, bare = ""] of row.slice(start).matchAll(
      /([\w.]+)=(?:("(?:[^"\\]|\\.)*")|([^\s"]*))/g,
    )
  ) {
    if (!fields.has(key)) fields.set(key, quoted === undefined ? bare : unquote(quoted) ?? "");
  }
  const message = fields.get("msg");
  if (message === undefined) return undefined;
  const field = (key: string) => fields.get(key) ?? "";
  return { message, level: field("level"), time: field("time"), id: field("id") };
}

function parseJsonLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // deno-coverage-ignore -- for the compiler: what begins with a brace is an object
  if (!isObject(value)) return undefined;
  const fields = value;
  const field = (key: string) => {
    const text = fields[key];
    return typeof text === "string" ? text : "";
  };
  const message = field("msg");
  if (message === "") return undefined;
  return { message, level: field("level"), time: field("time"), id: field("id") };
}

/** A text in quotes as Go writes it (`strconv.Quote`); `undefined` when it is none. */
function unquote(text: string): string | undefined {
  if (text === "") return undefined;
  const json = text.replaceAll(
    /\\(?:x([0-9a-f]{2})|([av'])|U([0-9a-f]{8}))/g,
    (_, hex: string | undefined) => hex === undefined ? "?" : `\\u00${hex}`,
  );
  try {
    const value: unknown = JSON.parse(json);
    // deno-coverage-ignore -- for the compiler: what is in quotes is a string
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
