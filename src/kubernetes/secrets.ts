/** Listing a namespace's registry secrets: `GET /api/v1/namespaces/<ns>/secrets`. */

import type { Clock } from "../clock.ts";
import { UserError } from "../errors.ts";
import { ConnectionError } from "./connection_failure.ts";
import {
  checkLiteral,
  isObject,
  type JsonObject,
  memberError,
  type Members,
  membersOf,
  optionalList,
  optionalObject,
  optionalObjects,
  optionalText,
  parseForeignJson,
  parseJson,
  requiredText,
} from "../parse.ts";
import { quote, redact } from "../redact.ts";
import type { SecretType } from "./secret_types.ts";
import type { ServiceAccount, TokenClaims } from "./service_account_token.ts";
import { retry, RetryableAnswer } from "./retry.ts";
import type { HttpAnswer, Transport } from "./transport.ts";

/** A secret as far as it matters here. */
export interface Secret {
  readonly name: string;
  readonly type: SecretType;
  /** By data key: texts in base64, if the API server keeps to its word. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Items of a page, as client-go's default for large lists. */
const PAGE_SIZE = 500;

/** Characters of all pages of one list; an API server that never ends its list is given up on. */
const MAX_LIST_LENGTH = 256 * 1024 * 1024;

/** Requests of one list; pages may rightly be empty, but not for ever. */
const MAX_PAGES = 1000;

/** Characters of a `Status` object; a longer body of an error is not looked into. */
const MAX_STATUS_LENGTH = 64 * 1024;

/** How often a list is begun anew because its continue token expired. */
const MAX_RESTARTS = 3;

/** Whom to ask for what, and for how long. */
export interface ListOptions {
  readonly transport: Transport;
  /** The API server's URL, for errors. */
  readonly server: string;
  readonly serviceAccount: ServiceAccount;
  readonly types: readonly SecretType[];
  readonly clock: Clock;
  /** When to give up, in milliseconds of `clock.now()`. */
  readonly deadline: number;
  /** Told of every attempt that failed and will be repeated. */
  readonly onRetry: (reason: string, delay: number) => void;
}

/**
 * Lists the secrets of the given types in the service account's namespace, sorted by name.
 *
 * @throws {UserError} when the API server refuses, cannot be understood, or does not answer in time.
 */
export async function listSecrets(options: ListOptions): Promise<Secret[]> {
  const pages = await listPages(options, (page) => page);
  return pages.flat().sort(compareNames);
}

/**
 * Lists secrets as {@link listSecrets} does, and makes of each page what the caller wants to keep of
 * it, while the next page is on its way.
 *
 * @param read called with each page, more than once with the same where a list is begun anew.
 * @returns what was made of the pages of whole lists, in no order that means anything.
 * @throws {UserError} as {@link listSecrets}.
 */
export async function listPages<Result>(
  options: ListOptions,
  read: (page: readonly Secret[]) => Result,
): Promise<Result[]> {
  const lists: Result[][] = [];
  for (const type of options.types) lists.push(await listType(type, options, read));
  return lists.flat();
}

/** The order of secrets, in which of equally specific credentials the last one counts. */
export function compareNames(a: Secret, b: Secret): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

async function listType<Result>(
  type: SecretType,
  options: ListOptions,
  read: (page: readonly Secret[]) => Result,
): Promise<Result[]> {
  const where = `SecretList of ${options.server}`;
  const ask = (next: string) => send(pagePath(type, next, options), options);
  let restarts = 0;
  let results: Result[] = [];
  let length = 0;
  let next = "";
  let seen = new Set<string>();
  let asked = ask("");
  for (let pages = 1;; pages++) {
    const answer = await asked;
    if (answer.status === 410 && next !== "" && restarts < MAX_RESTARTS) {
      // The continue token expired: what came so far may belong to another state of the namespace.
      [restarts, results, length, next, seen] = [restarts + 1, [], 0, "", new Set()];
      asked = ask("");
      continue;
    }
    if (answer.status !== 200) throw refusal(answer, options);
    length += answer.body.length;
    if (length > MAX_LIST_LENGTH) throw new UserError(where, `is longer than ${MAX_LIST_LENGTH}`);
    const list = membersOf(parseForeignJson(answer.body, where), where);
    checkLiteral(list, "kind", "SecretList");
    const secrets = readItems(list, type);
    next = optionalText(optionalObject(list, "metadata"), "continue") ?? "";
    if (next === "") return [...results, read(secrets)];
    if (seen.has(next)) throw new UserError(where, "its continue token does not move on");
    if (pages >= MAX_PAGES) throw new UserError(where, `has more than ${MAX_PAGES} pages`);
    seen.add(next);
    asked = ask(next);
    // Should reading fail, nobody waits for it any more.
    asked.catch(() => {});
    results.push(read(secrets));
  }
}

/** The secrets of a type. By hand where there may be thousands: paths are for errors alone. */
function readItems(list: Members, type: SecretType): Secret[] {
  const secrets: Secret[] = [];
  for (const [index, item] of optionalList(list, "items").entries()) {
    const metadata = isObject(item) ? item["metadata"] : undefined;
    const name = isObject(metadata) ? metadata["name"] : undefined;
    const data = isObject(item) ? item["data"] ?? NO_DATA : undefined;
    if (!isObject(item) || typeof name !== "string" || !isObject(data)) {
      throw misfit(list, index);
    }
    if (item["type"] === type) secrets.push({ name, type, data });
  }
  return secrets;
}

const NO_DATA: JsonObject = {};

/** Looks at an item again, to say what is wrong with it. */
function misfit(list: Members, index: number): UserError {
  const item = optionalObjects(list, "items")[index];
  const metadata = optionalObject(item, "metadata");
  if (metadata !== undefined) requiredText(metadata, "name");
  optionalObject(item, "data");
  return memberError(list, `items[${index}].metadata`, "is missing");
}

function pagePath(type: SecretType, next: string, { serviceAccount }: ListOptions): string {
  const query = new URLSearchParams({ fieldSelector: `type=${type}`, limit: String(PAGE_SIZE) });
  if (next !== "") query.set("continue", next);
  return `/api/v1/namespaces/${serviceAccount.namespace}/secrets?${query}`;
}

/** Answers that another attempt may better, as client-go and RFC 9110 see them. */
const RETRYABLE = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Sends a request whose answer is not asked to be repeated.
 *
 * A server that was unreachable a moment ago is starting, and refuses everyone until it has read its
 * roles: then a 403 is worth another attempt, and stands when no attempt is left.
 */
async function send(path: string, options: ListOptions): Promise<HttpAnswer> {
  let starting = false;
  return await retry(async (signal) => {
    let answer: HttpAnswer;
    try {
      answer = await options.transport(path, signal);
    } catch (error) {
      starting ||= error instanceof ConnectionError;
      throw error;
    }
    if (RETRYABLE.has(answer.status)) {
      throw new RetryableAnswer(describeAnswer(answer), answer.retryAfter);
    }
    if (starting && answer.status === 403) {
      throw new RetryableAnswer(describeAnswer(answer), null, refusal(answer, options));
    }
    return answer;
  }, options);
}

/** `403 Forbidden: secrets is forbidden: …`, from a `Status` object if the body is one. */
function describeAnswer({ status, body }: HttpAnswer): string {
  const { reason, message } = readStatus(body);
  const parts = [redact(reason, 100), redact(message, 300)];
  const text = parts.filter((part) => part !== "").join(": ");
  return `HTTP status ${status}${text === "" ? "" : ` ${text}`}`;
}

/** `reason` and `message` of a `Status` object; both empty when the body is none. */
function readStatus(body: string): { readonly reason: string; readonly message: string } {
  try {
    if (body.length > MAX_STATUS_LENGTH) return { reason: "", message: "" };
    const status = membersOf(parseJson(body, ""), "");
    checkLiteral(status, "kind", "Status");
    const reason = optionalText(status, "reason") ?? "";
    return { reason, message: optionalText(status, "message") ?? "" };
  } catch {
    return { reason: "", message: "" };
  }
}

function refusal(answer: HttpAnswer, { server, serviceAccount }: ListOptions): UserError {
  const { namespace, name } = serviceAccount;
  const account = `service account "${namespace}/${name ?? "(unnamed)"}"`;
  const answered = describeAnswer(answer);
  if (answer.status === 401) {
    return new UserError(
      server,
      `the token of ${account} was not accepted: ${answered}${
        describeClaims(serviceAccount.claims)
      }`,
      adviseOnAudience(serviceAccount),
    );
  }
  if (answer.status === 403) {
    const role = "crio-credential-provider";
    return new UserError(
      server,
      `${account} may not list secrets in namespace "${namespace}": ${answered}`,
      `the Role is missing: kubectl create role ${role} -n ${namespace} --verb=list ` +
        `--resource=secrets && kubectl create rolebinding ${role} -n ${namespace} ` +
        `--role=${role} --serviceaccount=${namespace}:${name ?? "default"}`,
    );
  }
  if (answer.status >= 300 && answer.status < 400) {
    return new UserError(
      server,
      `answered with a redirect (${answer.status}), which is not followed`,
    );
  }
  return new UserError(server, `secrets of namespace "${namespace}" were not listed: ${answered}`);
}

/** `; it is for "a" ("aud"), made by "b" ("iss")` */
function describeClaims(claims: TokenClaims | undefined): string {
  if (claims === undefined) return "";
  const { audience, issuer } = claims;
  const aud = audience.length === 0 ? "nobody by name" : audience.slice(0, 3).map(quote).join(", ");
  const iss = issuer === undefined ? "an issuer that it does not name" : quote(issuer);
  return `; it is for ${aud} ("aud"), made by ${iss} ("iss")`;
}

/**
 * What to do about a 401. kube-apiserver accepts the audiences of `--api-audiences`, which are by
 * default its `--service-account-issuer` (kubernetes/kubernetes, `pkg/kubeapiserver/options/
 * authentication.go` of v1.36): the issuer of the token tells the default.
 */
function adviseOnAudience({ claims, namespace }: ServiceAccount): string {
  const isDefault = claims?.issuer !== undefined && claims.audience.includes(claims.issuer);
  const audienceIsWrong = "its audience is not one of the API server's";
  const accountIsGone = "the token is expired, or its pod or service account was deleted";
  const causes = isDefault
    ? `most likely ${accountIsGone}; or ${audienceIsWrong}`
    : `most likely ${audienceIsWrong} (--api-audiences; where that is not set, the issuer); ` +
      `or ${accountIsGone}`;
  return `${causes}. The audience is set in two places, which must agree: ` +
    "serviceAccountTokenAudience of the CredentialProviderConfig on the node, and the node's RBAC for " +
    "request-serviceaccounts-token-audience. A token made without an audience carries the cluster's " +
    `in aud: kubectl create token default -n ${namespace} -o jsonpath='{.spec.audiences[0]}'`;
}
