import assert from "node:assert/strict";
import type { HttpAnswer } from "../../../src/kubernetes/transport.ts";
import { listSecrets } from "../../support/secret_answers.ts";

/** Lists from a server that answers each request by its number, from 1. */
async function list(answer: (request: number) => HttpAnswer) {
  let requests = 0;
  const listing = listSecrets({
    transport: () => Promise.resolve(answer(++requests)),
    server: "https://a.io",
    serviceAccount: { namespace: "team-a", name: "builder" },
    types: ["kubernetes.io/dockerconfigjson"],
    alsoFor: true,
    clock: { now: () => 0, sleep: () => Promise.resolve(), random: () => 0, wallClock: () => 0 },
    deadline: 60_000,
    onRetry: () => {},
  });
  const error = await listing.then(() => "", (error: Error) => error.message);
  return { requests, error };
}

/** A page with the token of the next, and as many characters as asked for. */
function page(next: string, length = 0): HttpAnswer {
  const body = JSON.stringify({ kind: "SecretList", metadata: { continue: next }, items: [] });
  return { status: 200, retryAfter: null, body: body.padStart(length) };
}

function failure(status: number, message: string, length = 0): HttpAnswer {
  const body = JSON.stringify({ kind: "Status", reason: "Reason", message });
  return { status, retryAfter: null, body: body.padEnd(length) };
}

Deno.test("a list begins anew three times, however often its continue token expires", async () => {
  const { requests, error } = await list((request) =>
    request % 2 === 1 ? page(`token-${request}`) : failure(410, "too old")
  );
  assert.match(error, /HTTP status 410 Reason: too old/);
  assert.equal(requests, 2 * (1 + 3));
});

Deno.test("a list of 1000 pages is read, and one more is too much", async () => {
  const pages = (last: number) => list((request) => page(request === last ? "" : `${request}`));
  assert.deepEqual(await pages(1000), { requests: 1000, error: "" });
  assert.match((await pages(1001)).error, /has more than 1000 pages/);
});

Deno.test("a list is read up to the length that the error of a longer one names", async () => {
  const MIB = 1024 * 1024;
  const endless = await list((request) => page(`${request}`, 4 * MIB));
  const length = Number(/larger than (?:the )?(\d+)/.exec(endless.error)?.[1]);
  assert.equal(length % (4 * MIB), 0, endless.error);
  const count = length / (4 * MIB);
  const ofLength = (more: number) =>
    list((request) => request === count ? page("", 4 * MIB + more) : page(`${request}`, 4 * MIB));
  assert.deepEqual(await ofLength(0), { requests: count, error: "" });
  assert.equal((await ofLength(1)).error, endless.error);
});

Deno.test("a Status object of 64 Ki characters is looked into, and no longer one", async () => {
  assert.match((await list(() => failure(404, "no such", 64 * 1024))).error, /Reason: no such/);
  const { error } = await list(() => failure(404, "no such", 64 * 1024 + 1));
  assert.match(error, /HTTP status 404/);
  assert.doesNotMatch(error, /no such/);
});

Deno.test("each status from 300 to 399 is a redirect", async () => {
  for (const status of [300, 307, 399]) {
    const { error } = await list(() => failure(status, "elsewhere"));
    assert.match(error, new RegExp(`redirect \\(${status}\\)`));
  }
  for (const status of [299, 400]) {
    assert.doesNotMatch((await list(() => failure(status, "not here"))).error, /redirect/);
  }
});
