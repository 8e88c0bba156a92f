/**
 * Reading a namespace's registry secrets: the list, `GET /api/v1/namespaces/<ns>/secrets`, or those
 * that are named, one by one, `GET /api/v1/namespaces/<ns>/secrets/<name>`.
 */

import type { Clock } from "../../process/clock.ts";
import { UserError } from "../../errors.ts";
import { ConnectionError } from "../connection_failure.ts";
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
} from "../../text/parse.ts";
import { quote, redact } from "../../text/redact.ts";
import { ALSO_FOR_ANNOTATION, type SecretType } from "./secret_types.ts";
import type { ServiceAccount, TokenClaims } from "../service_account_token.ts";
import { retry, RetryableAnswer } from "../retry.ts";
import { type HttpAnswer, LargeAnswerError, MAX_BODY_BYTES, type Transport } from "../transport.ts";

/** A secret as far as it matters here. */
export interface Secret {
  readonly name: string;
  readonly type: SecretType;
  /** By data key: texts in base64, if the API server keeps to its word. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Its annotation {@link ALSO_FOR_ANNOTATION}, where that is read and there is one. */
  readonly alsoFor?: string;
}

/**
 * Items of a page: the first as client-go's default for large lists. Where a page is larger than
 * {@link MAX_BODY_BYTES}, it is asked for again with the next. Four of the largest secrets there are
 * (`MaxSecretSize` of `k8s.io/api/core/v1`: 1 MiB before base64) always fit.
 */
const PAGE_SIZES = [500, 50, 4] as const;

/**
 * Characters of all secrets that a run reads, listed or named. What they cost in memory and processor
 * time is in docs/operate/scale.md, "Limits": whoever may write secrets chooses it, and the node pays.
 */
const MAX_LENGTH = 32 * 1024 * 1024;

/** Largest answer with one secret, in bytes: those of 1 MiB, in base64, with what is around them. */
const MAX_SECRET_BYTES = 2 * 1024 * 1024;

/** Requests of one list; pages may rightly be empty, but not for ever. */
const MAX_PAGES = 1000;

/** Characters of a `Status` object; a longer body of an error is not looked into. */
const MAX_STATUS_LENGTH = 64 * 1024;

/** How often a list is begun anew because its continue token expired. */
const MAX_RESTARTS = 3;

/** The API server's answer says that the account may not read what it was asked for (any more). */
export class RefusedError extends UserError {
  /** The HTTP status: 401 for the token as such, 403 for what was asked. */
  readonly status: 401 | 403;

  constructor(status: 401 | 403, error: UserError) {
    super(error.code, error.where, error.problem, error.advice);
    this.status = status;
  }
}

/** Whom to ask for what, and for how long. */
export interface AskOptions {
  readonly transport: Transport;
  /** The API server's URL, for errors. */
  readonly server: string;
  readonly serviceAccount: ServiceAccount;
  readonly types: readonly SecretType[];
  /** Whether the annotation {@link ALSO_FOR_ANNOTATION} is read. */
  readonly alsoFor: boolean;
  readonly clock: Clock;
  /** When to give up, in milliseconds of `clock.now()`. */
  readonly deadline: number;
  /** Told of every attempt that failed and will be repeated. */
  readonly onRetry: (reason: string, delay: number) => void;
}

/**
 * Lists the secrets of the given types in the service account's namespace, sorted by name.
 *
 * @throws {RefusedError} when the account may not list secrets, or its token is not accepted.
 * @throws {UserError} when the API server cannot be understood, or does not answer in time.
 */
export async function listSecrets(options: AskOptions): Promise<Secret[]> {
  const pages = await listPages(options, (page) => page);
  return pages.flat().sort(compareNames);
}

/**
 * Lists secrets as {@link listSecrets} does, and makes of each page what the caller wants to keep of
 * it, while the next page is on its way. The page itself is not kept.
 *
 * @param read called with each page, more than once with the same where a list is begun anew.
 * @returns what was made of the pages of whole lists, in no order that means anything.
 * @throws {UserError} as {@link listSecrets}.
 */
export async function listPages<Result>(
  options: AskOptions,
  read: (page: readonly Secret[]) => Result,
): Promise<Result[]> {
  const lists: Result[][] = [];
  const bounds = newBounds();
  for (const type of options.types) lists.push(await listType(type, options, bounds, read));
  return lists.flat();
}

/**
 * Gets secrets by their names, one after the other over the same connection: while one is read, the
 * next is on its way. One that is not there, is of another type, or is larger than any secret of
 * Kubernetes is left out; the others count.
 *
 * @param names of secrets, each checked by `parseSecretNames`.
 * @param onLeftOut called for each that is left out, and why.
 * @param read makes of a secret what the caller wants to keep of it.
 * @returns what was made of the secrets, in the order of their names in `names`.
 * @throws {RefusedError} when the account may not get one of them, or its token is not accepted.
 * @throws {UserError} when the API server cannot be understood, or does not answer in time.
 */
export async function getSecrets<Result>(
  names: readonly string[],
  options: AskOptions,
  onLeftOut: (secret: string, reason: string) => void,
  read: (secret: Secret) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  const bounds = newBounds();
  const ask = (name: string) => getOne(name, names, options);
  const [first] = names;
  if (first === undefined) return results;
  let asked = ask(first);
  for (const [index, name] of names.entries()) {
    const found = await asked;
    const next = names[index + 1];
    if (next !== undefined) {
      asked = ask(next);
      // Should reading fail, nobody waits for it any more.
      asked.catch(() => {});
    }
    const secret = typeof found === "string" ? found : readNamed(found, name, options, bounds);
    if (typeof secret === "string") onLeftOut(name, secret);
    else results.push(read(secret));
  }
  return results;
}

/** The answer with a secret, or why there is none. */
async function getOne(
  name: string,
  names: readonly string[],
  options: AskOptions,
): Promise<HttpAnswer | string> {
  const { namespace } = options.serviceAccount;
  const refuse = (answer: HttpAnswer) => refuseNamed(answer, name, names, options);
  try {
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    const answer = await send(path, options, refuse, MAX_SECRET_BYTES);
    if (answer.status === 200) return answer;
    if (answer.status === 404 && readStatus(answer.body).reason === "NotFound") {
      return notThere(namespace);
    }
    throw refuse(answer);
  } catch (error) {
    if (!(error instanceof LargeAnswerError)) throw error;
    return `it is larger than ${MAX_SECRET_BYTES} bytes, which Kubernetes allows no secret`;
  }
}

/** A secret out of its answer, or why it is left out. */
function readNamed(
  { body }: HttpAnswer,
  name: string,
  options: AskOptions,
  bounds: Bounds,
): Secret | string {
  const { server, types } = options;
  spend(bounds, body.length, options);
  const where = `Secret ${JSON.stringify(name)} of ${server}`;
  const secret = membersOf(parseForeignJson(body, where), where);
  checkLiteral(secret, "kind", "Secret");
  const metadata = optionalObject(secret, "metadata");
  if (metadata === undefined) throw memberError(secret, "metadata", "is missing");
  checkLiteral(metadata, "name", name);
  const data = optionalObject(secret, "data")?.all ?? NO_DATA;
  const type = types.find((type) => type === secret.all["type"]);
  if (type === undefined) return otherType(types);
  return { name, type, data, ...readAlsoFor(metadata.all, options) };
}

/** The annotation of a secret's metadata. The API server lets nothing but texts be annotations. */
function readAlsoFor(metadata: JsonObject, { alsoFor }: AskOptions): Pick<Secret, "alsoFor"> {
  const annotations = alsoFor ? metadata["annotations"] : undefined;
  const text = isObject(annotations) ? annotations[ALSO_FOR_ANNOTATION] : undefined;
  return typeof text === "string" ? { alsoFor: text } : NO_ALSO_FOR;
}

const NO_ALSO_FOR = {};

/** Why a named secret that does not exist is left out. */
export function notThere(namespace: string): string {
  return `there is no such secret in namespace "${namespace}"`;
}

/** Why a named secret of another type than those given is left out. */
export function otherType(types: readonly SecretType[]): string {
  return `its type is not one of those that are read (--secret-types): ${types.join(", ")}`;
}

/** The order of secrets, in which of equally specific credentials the last one counts. */
export function compareNames(a: Secret, b: Secret): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** How much is asked for: what the requests of a run have in common. */
interface Bounds {
  /** What their answers may still take, in characters. */
  left: number;
  /** The sizes of pages that have not turned out too large yet, the next one first. */
  sizes: readonly number[];
}

async function listType<Result>(
  type: SecretType,
  options: AskOptions,
  bounds: Bounds,
  read: (page: readonly Secret[]) => Result,
): Promise<Result[]> {
  const where = `SecretList of ${options.server}`;
  const ask = (next: string) => askPage(type, next, options, bounds);
  let restarts = 0;
  let results: Result[] = [];
  let next = "";
  let seen = new Set<string>();
  let asked = ask("");
  for (let pages = 1;; pages++) {
    const answer = await asked;
    if (answer.status === 410 && next !== "" && restarts < MAX_RESTARTS) {
      // The continue token expired: what came so far may belong to another state of the namespace.
      [restarts, results, next, seen] = [restarts + 1, [], "", new Set()];
      asked = ask("");
      continue;
    }
    if (answer.status !== 200) throw refuseList(answer, options);
    spend(bounds, answer.body.length, options);
    const list = membersOf(parseForeignJson(answer.body, where), where);
    checkLiteral(list, "kind", "SecretList");
    const secrets = readItems(list, type, options);
    next = optionalText(optionalObject(list, "metadata"), "continue") ?? "";
    if (next === "") return [...results, read(secrets)];
    if (seen.has(next)) {
      throw new UserError(
        "answer-unexpected",
        where,
        "its continue token is one that it gave before",
      );
    }
    if (pages >= MAX_PAGES) {
      throw new UserError("answer-unexpected", where, `has more than ${MAX_PAGES} pages`);
    }
    seen.add(next);
    asked = ask(next);
    // Should reading fail, nobody waits for it any more.
    asked.catch(() => {});
    results.push(read(secrets));
  }
}

/** Asks for a page, and for a smaller one where that is too large. */
async function askPage(
  type: SecretType,
  next: string,
  options: AskOptions,
  bounds: Bounds,
): Promise<HttpAnswer> {
  const [limit = 1, ...smaller] = bounds.sizes;
  const refuse = (answer: HttpAnswer) => refuseList(answer, options);
  try {
    return await send(pagePath(type, next, limit, options), options, refuse);
  } catch (error) {
    if (!(error instanceof LargeAnswerError) || smaller.length === 0) throw error;
  }
  // Twice at most, so that what was read in vain need not be counted.
  bounds.sizes = smaller;
  return await askPage(type, next, options, bounds);
}

function newBounds(): Bounds {
  return { left: MAX_LENGTH, sizes: PAGE_SIZES };
}

/** @throws {UserError} when no more is left. */
function spend(bounds: Bounds, length: number, { server, serviceAccount }: AskOptions): void {
  bounds.left -= length;
  if (bounds.left >= 0) return;
  throw new UserError(
    "secrets-too-large",
    server,
    `the secrets of namespace "${serviceAccount.namespace}" are larger than the ${MAX_LENGTH} ` +
      "characters that are read",
    "remove registry secrets that are not used, name those that are in the service account's " +
      "annotation, or limit the namespace with a ResourceQuota",
  );
}

/** The secrets of a type. By hand where there may be thousands: paths are for errors alone. */
function readItems(list: Members, type: SecretType, options: AskOptions): Secret[] {
  const secrets: Secret[] = [];
  for (const [index, item] of optionalList(list, "items").entries()) {
    const metadata = isObject(item) ? item["metadata"] : undefined;
    const name = isObject(metadata) ? metadata["name"] : undefined;
    const data = isObject(item) ? item["data"] ?? NO_DATA : undefined;
    if (!isObject(item) || !isObject(metadata) || typeof name !== "string" || !isObject(data)) {
      throw misfit(list, index);
    }
    if (item["type"] === type) {
      secrets.push({ name, type, data, ...readAlsoFor(metadata, options) });
    }
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

function pagePath(
  type: SecretType,
  next: string,
  limit: number,
  { serviceAccount }: AskOptions,
): string {
  const query = new URLSearchParams({ fieldSelector: `type=${type}`, limit: String(limit) });
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
async function send(
  path: string,
  options: AskOptions,
  refuse: (answer: HttpAnswer) => UserError,
  maxBytes = MAX_BODY_BYTES,
): Promise<HttpAnswer> {
  let starting = false;
  return await retry(async (signal) => {
    let answer: HttpAnswer;
    try {
      answer = await options.transport(path, signal, maxBytes);
    } catch (error) {
      starting ||= error instanceof ConnectionError;
      throw error;
    }
    if (RETRYABLE.has(answer.status)) {
      throw new RetryableAnswer(describeAnswer(answer), answer.retryAfter);
    }
    if (starting && answer.status === 403) {
      throw new RetryableAnswer(describeAnswer(answer), null, refuse(answer));
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

/** What a list's answer other than 200 means. */
function refuseList(answer: HttpAnswer, options: AskOptions): UserError {
  return ranked(answer, refusal(answer, options));
}

/**
 * What an answer for a named secret other than 200 means. The error for a 403 has the Role that is missing:
 * one of the account's own, for the names of its annotation and nothing else.
 */
function refuseNamed(
  answer: HttpAnswer,
  secret: string,
  names: readonly string[],
  options: AskOptions,
): UserError {
  const { server, serviceAccount: { namespace, name } } = options;
  if (answer.status === 401) return ranked(answer, refusal(answer, options));
  const what = `secret "${secret}" of namespace "${namespace}"`;
  const answered = describeAnswer(answer);
  if (answer.status !== 403) {
    return new UserError("secrets-not-read", server, `${what} was not read: ${answered}`);
  }
  const account = { namespace, name: name ?? "default" };
  const commands = roleCommands(account, names);
  // A command that is cut in the log would make another Role than is meant.
  const shown = commands.length <= LONGEST_COMMANDS
    ? commands
    : `crio-credential-ctl generate rbac --namespace ${namespace} --service-account ` +
      `${account.name}, with --secret NAME for each of them, prints it`;
  return ranked(
    answer,
    new UserError(
      "secret-get-forbidden",
      server,
      `service account "${namespace}/${name ?? "(unnamed)"}" may not get ${what}: ${answered}`,
      `its Role must name the secrets of the annotation as resourceNames, with the verb get: ${shown}`,
    ),
  );
}

/** Up to this length commands are part of an error, in characters: all of it is never cut in the log. */
const LONGEST_COMMANDS = 900;

/** What makes the Role and its binding, whether they are there or not. */
function roleCommands(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  secrets: readonly string[],
): string {
  const role = `crio-credential-provider-${name}`;
  const apply = "--dry-run=client -o yaml | kubectl apply -f -";
  return `kubectl create role ${role} -n ${namespace} --verb=get --resource=secrets ` +
    `${secrets.map((secret) => `--resource-name=${secret}`).join(" ")} ${apply} && ` +
    `kubectl create rolebinding ${role} -n ${namespace} --role=${role} ` +
    `--serviceaccount=${namespace}:${name} ${apply}`;
}

/** 401 and 403 say that nothing is granted; every other answer says nothing about rights. */
function ranked({ status }: HttpAnswer, error: UserError): UserError {
  if (status !== 401 && status !== 403) return error;
  return new RefusedError(status, error);
}

function refusal(answer: HttpAnswer, { server, serviceAccount }: AskOptions): UserError {
  const { namespace, name } = serviceAccount;
  const account = `service account "${namespace}/${name ?? "(unnamed)"}"`;
  const answered = describeAnswer(answer);
  if (answer.status === 401) {
    return new UserError(
      "token-refused",
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
      "secrets-list-forbidden",
      server,
      `${account} may not list secrets in namespace "${namespace}": ${answered}`,
      `the Role is missing: kubectl create role ${role} -n ${namespace} --verb=list ` +
        `--resource=secrets && kubectl create rolebinding ${role} -n ${namespace} ` +
        `--role=${role} --serviceaccount=${namespace}:${name ?? "default"}; ` +
        "or let the account name its secrets (crio-credential-ctl generate rbac --secret)",
    );
  }
  if (answer.status >= 300 && answer.status < 400) {
    return new UserError(
      "api-server-redirects",
      server,
      `answered with a redirect (${answer.status}), which is not followed`,
    );
  }
  return new UserError(
    "secrets-not-read",
    server,
    `secrets of namespace "${namespace}" were not listed: ${answered}`,
  );
}

/** `; it is for "a" ("aud"), made by "b" ("iss")` */
function describeClaims(claims: TokenClaims | undefined): string {
  if (claims === undefined) return "";
  const { audience, issuer } = claims;
  const aud = audience.length === 0
    ? "no named audience"
    : audience.slice(0, 3).map(quote).join(", ");
  const iss = issuer === undefined ? "an issuer without a name" : quote(issuer);
  return `; it is for ${aud} ("aud"), made by ${iss} ("iss")`;
}

/**
 * What to do about a 401. kube-apiserver accepts the audiences of `--api-audiences`, which are by
 * default its `--service-account-issuer` (kubernetes/kubernetes, `pkg/kubeapiserver/options/
 * authentication.go` of v1.36): the issuer of the token shows the default.
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
