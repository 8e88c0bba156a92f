/**
 * A storm: many pods' pulls at once, and the API server turns half of them away. Every run is a
 * process of the built artifact with a service account of its own, so that its requests can be told.
 * Two at a time are of one namespace, for the same image: each waits until the other's file is taken.
 */

import assert from "node:assert/strict";
import { print } from "../../scripts/support/print.ts";
import { MAX_ATTEMPTS } from "../../src/kubernetes/retry.ts";
import { type RecordedRequest, status } from "../support/api_server.ts";
import { Cluster, IMAGE } from "../support/cluster.ts";
import { CrioConsumer, type TakenAuthFile } from "../support/crio_consumer.ts";
import type { PluginResult } from "../support/plugin.ts";
import { runPool } from "../support/pool.ts";
import { share } from "../support/share.ts";
import { report } from "../support/summary.ts";

const PROCESSES = share(30, 300);

/** Processes at the same time. Most of them wait, and each takes some 60 MB. */
const PARALLEL = 40;

/** What the API server asks for (`k8s.io/apiserver` never sends less), in milliseconds. */
const RETRY_AFTER = 1000;

/** Beyond `--timeout`: no attempt after it is of use. */
const RETRY_TOO_LATE = 600_000;

/** The kubelet's patience; a run has to end by itself before. */
const KUBELET_LIMIT = 60_000;

/** What a process may take beyond `--timeout`: it starts before the limit does. */
const START_UP = 15_000;

/** How the API server turns a process away, request by request; the requests after these pass. */
interface Weather {
  readonly refusals: readonly (429 | 503)[];
  /** In milliseconds, with every 429. */
  readonly retryAfter: number;
  /** The process's `--timeout`, in milliseconds. */
  readonly timeout: number;
  /** What it ends with if not with a file. */
  readonly error?: RegExp;
}

const fair = { retryAfter: RETRY_AFTER, timeout: 30_000 };

/** Half begin with 429. Of thirty processes in turn, one meets a 503 that stays. */
const WEATHER: readonly Weather[] = [
  { ...fair, refusals: [429] },
  { ...fair, refusals: [] },
  { ...fair, refusals: [429, 503] },
  { ...fair, refusals: [503] },
  { ...fair, refusals: [429, 429] },
  { ...fair, refusals: [] },
  { ...fair, refusals: [429] },
  { ...fair, refusals: [503, 503, 503] },
  {
    refusals: Array<429>(MAX_ATTEMPTS).fill(429),
    retryAfter: RETRY_TOO_LATE,
    timeout: 30_000,
    error: /no usable answer from the API server after 1 attempt: HTTP status 429 TooManyRequests/,
  },
  { ...fair, refusals: [] },
];
const STAYS_UNAVAILABLE: Weather = {
  refusals: Array<503>(MAX_ATTEMPTS).fill(503),
  retryAfter: 0,
  timeout: 4_000,
  // The last attempt, or the first on a busy machine, may meet the time limit instead of an answer.
  error:
    /(?:no usable answer from the API server after \d+ attempts?: |the time limit was reached ).*--timeout/,
};

function weather(index: number): Weather {
  const turn = WEATHER[index % WEATHER.length];
  return index % 30 === 5 || turn === undefined ? STAYS_UNAVAILABLE : turn;
}

/** One process and what became of it. */
interface Outcome {
  readonly index: number;
  readonly result: PluginResult;
  /** What the pull that follows finds. */
  readonly file: TakenAuthFile | undefined;
  /** From its start to its end, in milliseconds. */
  readonly elapsed: number;
}

const namespaceOf = (index: number) => `storm-${Math.floor(index / 2)}`;
const accountOf = (index: number) => `run-${index}`;
const passwordOf = (index: number) => `password-${Math.floor(index / 2)}`;

/** The delays that a process logged, in milliseconds, with what each followed. */
function loggedDelays({ stderr }: PluginResult): { code: number; delay: number }[] {
  return [
    ...stderr.matchAll(/^warn: trying again reason="HTTP status (\d+) .*" delay="(\d+)ms"$/mg),
  ]
    .map(([, code, delay]) => ({ code: Number(code), delay: Number(delay) }));
}

/** Counts by steps of `width`, a line of marks each. */
function histogram(values: readonly number[], width: number): string {
  const bins = values.map((value) => Math.floor(value / width));
  const [first, last] = [Math.min(...bins), Math.max(...bins)];
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const count = bins.filter((bin) => bin === first + i).length;
    return `${String((first + i) * width).padStart(6)} ms ${"#".repeat(count)} ${count}`;
  }).join("\n");
}

Deno.test("in a storm every run ends with its file or a clear error, in time and politely", async () => {
  const arrivals = new Map<string, number[]>();
  const refused = new Map<string, { at: number; code: 429 | 503 }[]>();
  const respond = ({ user = "" }: RecordedRequest) => {
    const [, account = "", number] = /:(run-(\d+))$/.exec(user) ?? [];
    const now = performance.now();
    const times = [...arrivals.get(account) ?? [], now];
    arrivals.set(account, times);
    const { refusals, retryAfter } = weather(Number(number));
    const code = refusals[times.length - 1];
    if (code === undefined) return undefined;
    refused.set(account, [...refused.get(account) ?? [], { at: now, code }]);
    return code === 429
      ? status(429, "TooManyRequests", "Too many requests, please try again later.", {
        headers: { "Retry-After": String(retryAfter / 1000) },
      })
      : status(503, "ServiceUnavailable", "apiserver is shutting down.");
  };
  await using cluster = await Cluster.start({ api: { respond } });
  const { api, node } = cluster;
  const crio = new CrioConsumer(node.settings.authDir);
  const tokens = Array.from({ length: PROCESSES }, (_, index) => {
    const namespace = namespaceOf(index);
    const name = accountOf(index);
    api.grant(namespace, { name });
    if (index % 2 === 0) {
      const auth = btoa(`user:${passwordOf(index)}`);
      api.addDockerConfig(namespace, "registry", { "localhost:5000": { auth } });
    }
    return api.addServiceAccount(namespace, name);
  });

  const begin = performance.now();
  const outcomes = await runPool(PROCESSES, PARALLEL, async (index): Promise<Outcome> => {
    const start = performance.now();
    const args = [`--timeout=${weather(index).timeout / 1000}s`, "--wait-for-taken=10s"];
    const result = await cluster.pull({ token: tokens[index] ?? "", args, timeout: KUBELET_LIMIT });
    const elapsed = performance.now() - start;
    // Where the run fails, the pull that follows would take the file of the namespace's other run.
    const pull = { namespace: namespaceOf(index), image: IMAGE, cgroupParent: `/pod-${index}` };
    const file = result.code === 0
      ? await crio.pull(pull, (file) => Promise.resolve(file))
      : undefined;
    return { index, result, file, elapsed };
  });

  for (const { index, result, file, elapsed } of outcomes) {
    const { refusals, timeout, error } = weather(index);
    const requests = arrivals.get(accountOf(index))?.length ?? 0;
    const which = `process ${index}: ${result.stderr}`;
    assert.equal(result.signal, null, which);
    assert.ok(elapsed <= timeout + START_UP, `${Math.round(elapsed)} ms, ${which}`);
    assert.ok(requests <= MAX_ATTEMPTS, which);
    if (error === undefined) {
      assert.equal(result.code, 0, which);
      assert.equal(requests, refusals.length + 1, which);
      const auth = btoa(`user:${passwordOf(index)}`);
      assert.deepEqual(file?.authFile, { auths: { "localhost:5000": { auth } } });
    } else {
      assert.deepEqual([result.code, result.stdout, file], [1, "", undefined], which);
      assert.match(result.stderr.trimEnd().split("\n").at(-1) ?? "", error);
    }
  }
  assert.deepEqual(await node.authDirEntries(), ["in-use"]);

  // As the server saw it: nobody was back before the time it had asked for.
  let early = 0;
  for (const [account, refusals] of refused) {
    const times = arrivals.get(account) ?? [];
    for (const { at, code } of refusals) {
      const next = times[times.indexOf(at) + 1];
      if (code === 429 && next !== undefined && next - at < RETRY_AFTER) early++;
    }
  }
  assert.equal(early, 0);

  // As the processes drew them: those that were sent away with the same words, for the first time,
  // do not come back together.
  const delays = outcomes.flatMap(({ result }) => loggedDelays(result).slice(0, 1))
    .filter(({ code }) => code === 429).map(({ delay }) => delay);
  const spread = Math.max(...delays) - Math.min(...delays);
  assert.ok(delays.length >= PROCESSES / 3);
  assert.ok(Math.min(...delays) >= RETRY_AFTER);
  assert.ok(spread >= RETRY_AFTER / 4, `all come back within ${spread} ms`);
  assert.ok(new Set(delays).size >= delays.length / 2);

  report({
    suite: "storm",
    cases: PROCESSES,
    faults: [...refused.values()].flat().length,
  });
  if (share(0, 1) === 1) {
    const text =
      `\n${PROCESSES} processes in ${Math.round((performance.now() - begin) / 1000)} s; ` +
      `${delays.length} first delays after Retry-After ${RETRY_AFTER / 1000}:\n` +
      `${histogram(delays, 100)}`;
    print(text, Deno.stderr);
  }
});
