/** Trying again, politely: bounded, with jitter, and no sooner than the server asked for. */

import { type Clock, timeLimit } from "../process/clock.ts";
import { UserError } from "../errors.ts";
import { ConnectionError } from "./connection_failure.ts";

/** An answer that asks for another attempt. */
export class RetryableAnswer extends Error {
  override readonly name = "RetryableAnswer";
  readonly retryAfter: string | null;
  /** What to throw when no attempt is left, if the answer speaks for itself. */
  readonly verdict: UserError | undefined;

  constructor(message: string, retryAfter: string | null, verdict?: UserError) {
    super(message);
    this.retryAfter = retryAfter;
    this.verdict = verdict;
  }
}

/** Attempts at one request, the first included. */
export const MAX_ATTEMPTS = 10;

/** Limit of one request, in milliseconds. */
export const REQUEST_LIMIT = 10_000;

const FIRST_DELAY = 100;
const LONGEST_DELAY = 5_000;

/** What {@link retry} needs to know. */
export interface RetryOptions {
  readonly server: string;
  readonly clock: Clock;
  readonly deadline: number;
  readonly onRetry: (reason: string, delay: number) => void;
}

/**
 * Runs an attempt until it succeeds, for at most {@link MAX_ATTEMPTS} times and until the deadline.
 *
 * Delays double from 100 ms to 5 s and are drawn from the upper half of that range, so that nodes
 * which failed together do not return together. `Retry-After` (RFC 9110 section 10.2.3) sets the
 * least delay. On top of it comes such a backoff, and jitter over as much time again as was asked
 * for, at most 5 s: the first backoff alone would bring back within 50 ms all nodes that were asked
 * the same.
 *
 * @throws {UserError} when the attempts or the time run out.
 */
export async function retry<Result>(
  attempt: (signal: AbortSignal) => Promise<Result>,
  { server, clock, deadline, onRetry }: RetryOptions,
): Promise<Result> {
  let failure: RetryableAnswer | ConnectionError | undefined;
  for (let count = 1;; count++) {
    const remaining = deadline - clock.now();
    if (remaining <= 0) throw giveUp(server, failure, count - 1);
    try {
      return await attempt(timeLimit(Math.max(1, Math.min(remaining, REQUEST_LIMIT))));
    } catch (error) {
      if (!(error instanceof RetryableAnswer || error instanceof ConnectionError)) throw error;
      failure = error;
    }
    const delay = nextDelay(failure, count, clock, deadline);
    if (count === MAX_ATTEMPTS || clock.now() + delay >= deadline) {
      throw giveUp(server, failure, count);
    }
    onRetry(failure.message, delay);
    await clock.sleep(delay);
  }
}

function nextDelay(
  failure: RetryableAnswer | ConnectionError,
  count: number,
  clock: Clock,
  deadline: number,
): number {
  const longest = Math.min(FIRST_DELAY * 2 ** (count - 1), LONGEST_DELAY);
  const random = clock.random();
  const backoff = longest * (0.5 + random / 2);
  const asked = failure instanceof RetryableAnswer
    ? parseRetryAfter(failure.retryAfter, clock.wallClock())
    : undefined;
  if (asked === undefined) return backoff;
  const least = asked + backoff;
  // No attempt that the server's word leaves time for is lost to jitter.
  const slack = Math.max(0, deadline - clock.now() - least);
  return least + random * Math.min(asked, LONGEST_DELAY, slack / 2);
}

/** Milliseconds to wait by a `Retry-After` header: seconds or an HTTP date. */
export function parseRetryAfter(header: string | null, wallClock: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = header.endsWith("GMT") ? Date.parse(header) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock);
}

/** Says what the last attempt failed for, if there was time for one. */
function giveUp(
  server: string,
  failure: RetryableAnswer | ConnectionError | undefined,
  attempts: number,
): UserError {
  if (failure === undefined) {
    return new UserError(
      "time-limit-reached",
      server,
      "the time limit was reached before all requests to the API server were made",
      "allow more time with --timeout",
    );
  }
  if (failure instanceof RetryableAnswer && failure.verdict !== undefined) return failure.verdict;
  return new UserError(
    "api-server-unusable",
    server,
    `no usable answer from the API server after ${attempts} attempt${
      attempts === 1 ? "" : "s"
    }: ${failure.message}`,
    "check that it can be reached from this node, or allow more time with --timeout",
  );
}
