/**
 * How the image library finds the credential of a repository in an auth file, after
 * containers-auth.json(5). Written apart from the plugin, as what its files are judged by.
 */

/** What the library would use: a credential, a credential helper, or nothing. */
export type LookupResult =
  | { kind: "credential"; username: string; password: string; identitytoken?: string }
  | { kind: "helper"; helper: string }
  | { kind: "none" };

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
  const helper = field(field(authFile, "credHelpers"), host);
  if (typeof helper === "string") return [{ kind: "helper", helper }];

  const auths = field(authFile, "auths");
  for (let key = repository;; key = key.slice(0, key.lastIndexOf("/"))) {
    const entry = field(auths, key);
    if (entry !== undefined) return [credential(entry)];
    if (!key.includes("/")) break;
  }

  const results = Object.entries(isObject(auths) ? auths : {})
    .filter(([key]) => hubName(withoutScheme(key)) === hubName(host))
    .map(([, entry]) => credential(entry));
  return results.length === 0 ? [{ kind: "none" }] : distinct(results);
}

/** The part that `auth` stands for; `username` and `password` beside it are not looked at. */
function credential(entry: unknown): LookupResult {
  const auth = field(entry, "auth");
  const decoded = typeof auth === "string" ? decodeBase64(auth) : "";
  const colon = decoded.indexOf(":");
  if (colon < 0) return { kind: "none" };
  const identitytoken = field(entry, "identitytoken");
  return {
    kind: "credential",
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/^\0+|\0+$/g, ""),
    ...(typeof identitytoken === "string" && identitytoken !== "" && { identitytoken }),
  };
}

function withoutScheme(key: string): string {
  const [, rest] = /^https?:\/\/(.*)$/s.exec(key) ?? [];
  return rest === undefined ? key : rest.split("/")[0] ?? "";
}

function hubName(host: string): string {
  return host === "docker.io" || host === "registry-1.docker.io" ? "index.docker.io" : host;
}

function decodeBase64(text: string): string {
  try {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.fromBase64(text));
  } catch {
    return "";
  }
}

function distinct(results: readonly LookupResult[]): LookupResult[] {
  return [...new Map(results.map((result) => [JSON.stringify(result), result])).values()];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function field(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
