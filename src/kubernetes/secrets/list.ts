/**
 * The registry secrets of a namespace, page by page: `GET /api/v1/namespaces/<ns>/secrets`.
 */

import { UserError } from "../../errors.ts";
import {
  checkLiteral,
  isObject,
  memberError,
  type Members,
  membersOf,
  optionalList,
  optionalObject,
  optionalObjects,
  optionalText,
  parseForeignJson,
  requiredText,
} from "../../text/parse.ts";
import { type HttpAnswer, LargeAnswerError } from "../transport.ts";
import { refuseList } from "./refusals.ts";
import { type Allowance, type AskOptions, newAllowance, send, spend } from "./request.ts";
import { NO_DATA, readAlsoFor, type Secret } from "./secret.ts";
import type { SecretType } from "./secret_types.ts";

/**
 * Items of a page: the first as client-go's default for large lists. Where a page is larger than
 * {@link MAX_BODY_BYTES}, it is asked for again with the next. Four of the largest secrets there are
 * (`MaxSecretSize` of `k8s.io/api/core/v1`: 1 MiB before base64) always fit.
 */
const PAGE_SIZES = [500, 50, 4] as const;

/** Requests of one list; pages may rightly be empty, but not for ever. */
const MAX_PAGES = 1000;

/** How often a list is begun anew because its continue token expired. */
const MAX_RESTARTS = 3;

/**
 * Lists the secrets of the given types in the service account's namespace, and makes of each page what the
 * caller wants to keep of it, while the next page is on its way. The page itself is not kept.
 *
 * @param read called with each page, more than once with the same where a list is begun anew.
 * @returns what was made of the pages of whole lists, in no order that means anything.
 * @throws {RefusedError} when the account may not list secrets, or its token is not accepted.
 * @throws {UserError} when the API server cannot be understood, or does not answer in time.
 */
export async function listPages<Result>(
  options: AskOptions,
  read: (page: readonly Secret[]) => Result,
): Promise<Result[]> {
  const lists: Result[][] = [];
  const bounds: Bounds = { ...newAllowance(), sizes: PAGE_SIZES };
  for (const type of options.types) lists.push(await listType(type, options, bounds, read));
  return lists.flat();
}

/** How much is asked for. */
interface Bounds extends Allowance {
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
