/**
 * How the image library finds the credential of a repository in an auth file, after
 * containers-auth.json(5). Written apart from the plugin, as what its files are judged by.
 */

/** What the library would use: a credential, a credential helper, nothing, or an error of its own. */
export type LookupResult =
  | { kind: "credential"; username: string; password: string; identitytoken?: string }
  | { kind: "helper"; helper: string }
  | { kind: "none" }
  | { kind: "error" };

/**
 * Looks a repository up.
 *
 * @param authFile the parsed JSON.
 * @param repository `host[:port]/path`, without tag or digest.
 * @returns every result that can come about. There is more than one only where several keys name
 * the host once normalised: the library takes them in no fixed order.
 */
export function lookUpCredential(authFile: unknown, repository: string): LookupResult[] {
  const [host = ""] = repository.split("/");
  const helpers = map(authFile, "credhelpers");
  const auths = map(authFile, "auths");
  // A value of a wrong type anywhere, and the whole file is refused.
  if (helpers === undefined || auths === undefined) return [{ kind: "error" }];
  if ([...helpers.values()].some((helper) => !isTextOrNull(helper))) return [{ kind: "error" }];
  if ([...auths.values()].some((entry) => !isDecodable(entry))) return [{ kind: "error" }];

  const helper = helpers.get(host);
  if (helper !== undefined) return [{ kind: "helper", helper: String(helper ?? "") }];

  for (let key = repository;; key = key.slice(0, key.lastIndexOf("/"))) {
    const entry = auths.get(key);
    if (entry !== undefined) return [credential(entry)];
    if (!key.includes("/")) break;
  }

  const results = [...auths]
    .filter(([key]) => hubName(withoutScheme(key)) === hubName(host))
    .map(([, entry]) => credential(entry));
  return results.length === 0 ? [{ kind: "none" }] : distinct(results);
}

/** The part that `auth` stands for; `username` and `password` beside it are not looked at. */
function credential(entry: unknown): LookupResult {
  const decoded = decodeBase64(text(entry, "auth"));
  if (decoded === undefined) return { kind: "error" };
  const colon = decoded.indexOf(":");
  if (colon < 0) return { kind: "none" };
  const identitytoken = text(entry, "identitytoken");
  const username = decoded.slice(0, colon);
  const password = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, "");
  // Nobody's, and so none.
  if (username + password + identitytoken === "") return { kind: "none" };
  return {
    kind: "credential",
    username,
    password,
    ...(identitytoken !== "" && { identitytoken }),
  };
}

/** Members of an object whose name is this one in any case, in the order of the text. */
function named(value: unknown, name: string): unknown[] {
  return isObject(value)
    ? Object.entries(value).filter(([key]) => key.toLowerCase() === name).map(([, member]) =>
      member
    )
    : [];
}

/** A map of the file: what stands under all spellings; `undefined` where one of them is none. */
function map(file: unknown, name: string): Map<string, unknown> | undefined {
  const whole = new Map<string, unknown>();
  for (const part of named(file, name)) {
    if (part === null) whole.clear();
    else if (!isObject(part) || Array.isArray(part)) return undefined;
    else for (const [key, value] of Object.entries(part)) whole.set(key, value);
  }
  return whole;
}

/** A text of an entry: the last one, empty when there is none. */
function text(entry: unknown, name: string): string {
  const last = named(entry, name).filter((value) => value !== null).at(-1);
  return typeof last === "string" ? last : "";
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

function isDecodable(entry: unknown): boolean {
  if (entry === null) return true;
  return isObject(entry) && !Array.isArray(entry) &&
    [...named(entry, "auth"), ...named(entry, "identitytoken")].every(isTextOrNull);
}

function withoutScheme(key: string): string {
  const [, rest] = /^https?:\/\/(.*)$/s.exec(key) ?? [];
  return rest === undefined ? key : rest.split("/")[0] ?? "";
}

function hubName(host: string): string {
  return host === "docker.io" || host === "registry-1.docker.io" ? "index.docker.io" : host;
}

/** Base64 with its padding, line ends in it or not; `undefined` for anything else. */
function decodeBase64(text: string): string | undefined {
  const joined = text.replace(/[\r\n]/g, "");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(joined)) {
    return undefined;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.fromBase64(joined));
}

function distinct(results: readonly LookupResult[]): LookupResult[] {
  return [...new Map(results.map((result) => [JSON.stringify(result), result])).values()];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
