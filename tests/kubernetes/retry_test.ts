import assert from "node:assert/strict";
import type { Clock } from "../../src/process/clock.ts";
import { UserError } from "../../src/errors.ts";
import { ConnectionError } from "../../src/kubernetes/connection_failure.ts";
import {
  MAX_ATTEMPTS,
  parseRetryAfter,
  retry,
  RetryableAnswer,
} from "../../src/kubernetes/retry.ts";
import { whileAwake } from "../support/while_awake.ts";

/** A clock that moves only while someone sleeps, and then perhaps too long. */
function heldClock(random: number, oversleep = 0) {
  const delays: number[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    sleep: (milliseconds) => {
      delays.push(milliseconds);
      now += milliseconds + oversleep;
      return Promise.resolve();
    },
    random: () => random,
    wallClock: () => Date.UTC(2026, 0, 1),
  };
  return { clock, delays };
}

/** Fails with the given errors in turn, then succeeds. */
async function run(
  failures: readonly Error[],
  { random = 0, deadline = 60_000, oversleep = 0 } = {},
  onRetry: (reason: string, delay: number) => void = () => {},
) {
  const { clock, delays } = heldClock(random, oversleep);
  let attempts = 0;
  const options = { server: "https://a.io", clock, deadline, onRetry };
  const outcome = await retry(() => {
    const failure = failures[attempts++];
    return failure === undefined ? Promise.resolve("done") : Promise.reject(failure);
  }, options).catch((error: Error) => error);
  return { outcome, attempts, delays };
}

const unreachable = new ConnectionError("connection refused");
const always = Array<Error>(100).fill(unreachable);

Deno.test("delays double, and are drawn from the upper half of their range", async () => {
  const least = await run(always.slice(0, 5));
  assert.deepEqual(least.delays, [50, 100, 200, 400, 800]);
  const most = await run(always.slice(0, 5), { random: 0.5 });
  assert.deepEqual(most.delays, [75, 150, 300, 600, 1200]);
  assert.equal(most.outcome, "done");
});

Deno.test("the attempts are bounded, and the error says how many there were and why", async () => {
  const { outcome, attempts, delays } = await run(always, { random: 0.999 });
  assert.equal(attempts, MAX_ATTEMPTS);
  assert.ok(delays.every((delay) => delay <= 5000));
  assert.match(
    String(outcome),
    /https:\/\/a\.io: no usable answer from the API server after 10 attempts: connection refused; .*--timeout/,
  );
});

Deno.test("no attempt begins that could only end after the deadline", async () => {
  const { outcome, attempts } = await run(always, { deadline: 120 });
  assert.equal(attempts, 2);
  assert.match(String(outcome), /after 2 attempts/);
});

Deno.test("a run that is woken after the deadline says what it was waiting to try again", async () => {
  const { outcome, attempts } = await run(always, { oversleep: 60_000 });
  assert.equal(attempts, 1);
  assert.match(String(outcome), /after 1 attempt: connection refused; /);
});

Deno.test("delays grow to 5 s and no further, and each retry is told with its reason", async () => {
  const told: [string, number][] = [];
  const { delays } = await run(always.slice(0, 8), { random: 1 - 2 ** -20 }, (...what) => {
    told.push(what);
  });
  assert.deepEqual(delays.map(Math.round), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.deepEqual(told, delays.map((delay) => ["connection refused", delay]));
});

Deno.test("a run whose time is up before its first attempt says just that", async () => {
  const { outcome, attempts } = await run([], { deadline: 0 });
  assert.equal(attempts, 0);
  assert.match(
    String(outcome),
    /https:\/\/a\.io: the time limit was reached before all requests .*--timeout/,
  );
});

Deno.test("an attempt is told to stop at the deadline", async () => {
  const { clock } = heldClock(0);
  const options = { server: "https://a.io", clock, deadline: 1, onRetry: () => {} };
  const stopped = retry((signal) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new ConnectionError("stopped")));
    }), options);
  await whileAwake(() => assert.rejects(stopped, /after 1 attempt: stopped/));
});

Deno.test("an answer that speaks for itself is what is told when no attempt is left", async () => {
  const verdict = new UserError("content-invalid", "https://a.io", "the Role is missing");
  const { outcome } = await run(Array(100).fill(new RetryableAnswer("HTTP 403", null, verdict)));
  assert.equal(outcome, verdict);
});

Deno.test("a Retry-After date counts from today", async () => {
  const busy = new RetryableAnswer("HTTP status 503", "Thu, 01 Jan 2026 00:00:10 GMT");
  assert.deepEqual((await run([busy])).delays, [10_050]);
});

Deno.test("Retry-After is the least delay, with jitter on top that is as long as what it asks for", async () => {
  const busy = new RetryableAnswer("HTTP status 429", "2");
  assert.deepEqual((await run([busy])).delays, [2050]);
  assert.deepEqual((await run([busy], { random: 0.5 })).delays, [3075]);
  const long = new RetryableAnswer("HTTP status 429", "20");
  assert.deepEqual((await run([long], { random: 0.5 })).delays, [22_575]);
  const now = new RetryableAnswer("HTTP status 429", "0");
  assert.deepEqual((await run([now], { random: 0.5 })).delays, [75]);
});

Deno.test("jitter does not cost the attempt that Retry-After leaves time for", async () => {
  const busy = new RetryableAnswer("HTTP status 429", "20");
  const { outcome, delays } = await run([busy], { random: 0.9, deadline: 21_095 });
  assert.equal(outcome, "done");
  assert.deepEqual(delays, [20_545]);
});

Deno.test("a Retry-After beyond the deadline ends the run at once", async () => {
  const { outcome, delays } = await run([new RetryableAnswer("HTTP status 429", "120")]);
  assert.deepEqual(delays, []);
  assert.match(String(outcome), /after 1 attempt: HTTP status 429/);
});

Deno.test("what is neither a connection failure nor a retryable answer is not repeated", async () => {
  const { outcome, attempts } = await run([new TypeError("bug"), unreachable]);
  assert.equal(attempts, 1);
  assert.match(String(outcome), /bug/);
});

const RETRY_AFTER: readonly [header: string | null, milliseconds: number | undefined][] = [
  [null, undefined],
  ["0", 0],
  ["5", 5000],
  ["Thu, 01 Jan 2026 00:00:03 GMT", 3000],
  ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
  ["1000000000000000000", 1e21],
  ["1.5", undefined],
  ["2026-01-01T00:00:03Z", undefined],
  ["", undefined],
  ["soon", undefined],
  ["-1", undefined],
];

for (const [header, milliseconds] of RETRY_AFTER) {
  Deno.test(`Retry-After ${JSON.stringify(header)} asks for ${milliseconds ?? "no"} ms`, () => {
    assert.equal(parseRetryAfter(header, Date.UTC(2026, 0, 1)), milliseconds);
  });
}
