/** Requests for secrets: whom to ask, how often, and how much of an answer is read. */

import { UserError } from "../../errors.ts";
import type { Clock } from "../../process/clock.ts";
import { checkLiteral, membersOf, optionalText, parseJson } from "../../text/parse.ts";
import { redact } from "../../redact.ts";
import { ConnectionError } from "../connection_failure.ts";
import { retry, RetryableAnswer } from "../retry.ts";
import type { ServiceAccount } from "../service_account_token.ts";
import { type HttpAnswer, MAX_BODY_BYTES, type Transport } from "../transport.ts";
import type { SecretType } from "./secret_types.ts";

/**
 * Characters of all secrets that a run reads, listed or named. What they cost in memory and processor
 * time is in docs/operate/scale.md, "Limits": whoever may write secrets chooses it, and the node pays.
 */
const MAX_LENGTH = 32 * 1024 * 1024;

/** Characters of a `Status` object; a longer body of an error is not looked into. */
const MAX_STATUS_LENGTH = 64 * 1024;

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
  /** Called for every attempt that failed and will be repeated. */
  readonly onRetry: (reason: string, delay: number) => void;
}

/** What the answers of a run have in common. */
export interface Allowance {
  /** What they may still take, in characters. */
  left: number;
}

/** What the answers of a run may take: {@link MAX_LENGTH}. */
export function newAllowance(): Allowance {
  return { left: MAX_LENGTH };
}

/**
 * Takes an answer's length off the allowance.
 *
 * @throws {UserError} when no more is left.
 */
export function spend(
  allowance: Allowance,
  length: number,
  { server, serviceAccount }: AskOptions,
): void {
  allowance.left -= length;
  if (allowance.left >= 0) return;
  throw new UserError(
    "secrets-too-large",
    server,
    `the secrets of namespace "${serviceAccount.namespace}" are larger than the ${MAX_LENGTH} ` +
      "characters that are read",
    "remove registry secrets that are not used, name those that are in the service account's " +
      "annotation, or limit the namespace with a ResourceQuota",
  );
}

/** Answers that another attempt may better, as client-go and RFC 9110 see them. */
const RETRYABLE = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Sends a request whose answer is not asked to be repeated.
 *
 * A server that was unreachable a moment ago is starting, and refuses everyone until it has read its
 * roles: then a 403 is worth another attempt, and is the answer when no attempt is left.
 *
 * @throws {UserError} when the attempts or the time run out, the one that `refuse` makes where the last
 * answer was such a 403, and what the transport throws for good.
 */
export async function send(
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
export function describeAnswer({ status, body }: HttpAnswer): string {
  const { reason, message } = readStatus(body);
  const parts = [redact(reason, 100), redact(message, 300)];
  const text = parts.filter((part) => part !== "").join(": ");
  return `HTTP status ${status}${text === "" ? "" : ` ${text}`}`;
}

/** `reason` and `message` of a `Status` object; both empty when the body is none. */
export function readStatus(body: string): { readonly reason: string; readonly message: string } {
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
