import assert from "node:assert/strict";
import { ApiServer, status } from "../support/api_server.ts";
import { AUTH, Cluster, IMAGE } from "../support/cluster.ts";
import { atMost, type MeasuredPull, measurePull, START_UP } from "../support/measured_pull.ts";
import {
  answer,
  type Behaviour,
  breaksOff,
  delays,
  drips,
  type Ending,
  head,
  liesAboutLength,
  MisbehavingApiServer,
  neverEnds,
  pages,
  saysNothing,
  secretList,
  sends,
  sendsChunks,
  sendsGzipBomb,
  sendsHandshakeRecord,
} from "../support/misbehaving_api_server.ts";
import { hang, RawServer, writeText } from "../support/raw_tls_server.ts";
import { ResettingRelay } from "../support/resetting_relay.ts";
import { serviceAccountToken } from "../support/service_account_token.ts";
import { share } from "../support/share.ts";
import { report } from "../support/summary.ts";

/**
 * Limit of runs that nothing else ends, in milliseconds: time for an attempt or two, even where the
 * machine stops for a while.
 */
const TIMEOUT = 3_000;

/** Limit of the other runs, which end before it even on a machine that is busy with other tests. */
const LONG_TIMEOUT = 30_000;

/** In MiB: the runtime's own 50, and what an answer as large as any that is read makes of it. */
const MEMORY_LIMIT = 300;

const LIST = secretList({ auths: { "localhost:5000": { auth: AUTH } } });
const WHOLE = answer(200, LIST);
const HEAD_LENGTH = WHOLE.length - LIST.length;

/** Pulls at the same time. */
const WIDTH = 12;

interface Case {
  readonly name: string;
  readonly behaviour: Behaviour;
  /** The line of the error; `undefined`: the pull succeeds. */
  readonly error: RegExp | undefined;
  /** The requests that reach the server; `undefined`: as many as there is time for. */
  readonly requests: number | undefined;
  /** Whether the time limit is what ends it. */
  readonly timesOut: boolean;
}

/** Tried again after a pause; here the server comes to its senses at the third request. */
function triedAgain(name: string, behaviour: Behaviour): Case {
  const twice: Behaviour = (peer, count) => count <= 2 ? behaviour(peer, count) : peer.send(WHOLE);
  return { name, behaviour: twice, error: undefined, requests: 3, timesOut: false };
}

/** Given up on when the time is over, with these words. */
function timesOut(name: string, behaviour: Behaviour, words: RegExp): Case {
  return { name, behaviour, error: words, requests: undefined, timesOut: true };
}

/** Given up on when the time is over, with no whole answer to the last request. */
function waitedFor(name: string, behaviour: Behaviour): Case {
  return timesOut(name, behaviour, NO_ANSWER);
}

const NO_ANSWER =
  /: no usable answer .* after \d+ attempts?: no answer within the time limit of a request; .*--timeout$/;

function refused(name: string, behaviour: Behaviour, error: RegExp, requests = 1): Case {
  return { name, behaviour, error, requests, timesOut: false };
}

function survived(name: string, behaviour: Behaviour, requests = 1): Case {
  return { name, behaviour, error: undefined, requests, timesOut: false };
}

const EXPIRED = answer(410, JSON.stringify({ kind: "Status", reason: "Expired", message: "old" }));

/** How many sizes of pages are tried where an answer is too large. */
const SIZES = 3;

/** 7 MiB that would be 150 MiB in memory. */
const OBJECTS = `{"kind":"SecretList","items":[${"{},".repeat(2_500_000)}{}]}`;

const PLACES: readonly [place: string, bytes: number][] = [
  ["before the answer", 0],
  ["in the status line", 5],
  ["in the headers", HEAD_LENGTH - 10],
  ["in the body", HEAD_LENGTH + 10],
  ["one byte before its end", WHOLE.length - 1],
];
const ENDINGS: readonly [ending: Ending, name: string][] = [
  ["close", "closed"],
  ["cut", "closed without TLS's close_notify"],
  ["reset", "reset"],
];

const CASES: readonly Case[] = [
  survived("an answer that comes late", delays(300, sends(WHOLE))),
  survived("early hints before the answer", sends(head(103, ["Link: </x>"]) + WHOLE)),
  survived("an answer of HTTP/1.0", sends(WHOLE.replace("1.1", "1.0"))),
  waitedFor("no answer", saysNothing),
  waitedFor("an answer that would come later than the limit", delays(60_000, sends(WHOLE))),
  waitedFor("a status line that drips", drips(WHOLE, 80)),
  waitedFor("headers that drip", async (peer) => {
    await peer.send(WHOLE.slice(0, 30));
    await peer.drip(WHOLE.slice(30), 80);
  }),
  waitedFor("a body that drips", async (peer) => {
    await peer.send(WHOLE.slice(0, HEAD_LENGTH));
    await peer.drip(LIST, 80);
  }),
  waitedFor("chunks that drip", async (peer) => {
    await peer.send(head(200, ["Transfer-Encoding: chunked"]));
    await peer.drip("1\r\n \r\n".repeat(1000), 20);
  }),
  {
    ...waitedFor("early hints without end", neverEnds("", head(103, ["Link: </x>"]))),
    error: /no usable answer .* after \d+ attempts?: .*(?:its head is too long|time limit)/,
  },
  ...ENDINGS.flatMap(([ending, name], shift) =>
    PLACES
      .filter((_, index) => (index + shift) % share(ENDINGS.length, 1) === 0)
      .map(([place, bytes]) =>
        triedAgain(`a connection ${name} ${place}`, breaksOff(WHOLE, bytes, ending))
      )
  ),
  triedAgain(
    "a body without a length, closed without TLS's close_notify",
    breaksOff(head(200, ["Connection: close"]) + LIST, Infinity, "cut"),
  ),
  triedAgain("a handshake record in the place of an answer", sendsHandshakeRecord(WHOLE)),
  triedAgain("a length longer than the body", liesAboutLength(LIST, LIST.length + 10)),
  refused(
    "a length of 10 GB",
    liesAboutLength(LIST, 10_000_000_000),
    /answer is larger tha/,
    SIZES,
  ),
  triedAgain("a length beyond all numbers", liesAboutLength(LIST, "9".repeat(30))),
  triedAgain("a negative length", liesAboutLength(LIST, -1)),
  refused(
    "a length shorter than the body",
    liesAboutLength(LIST, 20),
    /SecretList .*not valid JSON/,
  ),
  triedAgain("a chunk without a size", sendsChunks(`zz\r\n${LIST}\r\n0\r\n\r\n`)),
  triedAgain("a chunk shorter than its size", sendsChunks(`ffff\r\n${LIST}\r\n0\r\n\r\n`)),
  triedAgain("a chunk longer than its size", sendsChunks(`10\r\n${LIST}\r\n0\r\n\r\n`)),
  triedAgain("a chunk of a size beyond all numbers", sendsChunks(`${"f".repeat(30)}\r\n${LIST}`)),
  triedAgain("chunks without the last", sendsChunks(`${LIST.length.toString(16)}\r\n${LIST}\r\n`)),
  triedAgain("no HTTP", sends(LIST)),
  triedAgain("headers without end", neverEnds("HTTP/1.1 200 OK\r\n", `X: ${"a".repeat(1000)}\r\n`)),
  triedAgain("a status line without end", neverEnds("HTTP/1.1 200 ", "a".repeat(10_000))),
  refused(
    "a body without end",
    neverEnds(head(200, []), " ".repeat(65_536)),
    /answer is larger tha/,
    SIZES,
  ),
  refused("a gzip bomb of 4 GiB", sendsGzipBomb(4096), /the answer is compressed/),
  refused(
    "2.5 million objects in a list",
    sends(answer(200, OBJECTS)),
    /SecretList .*: has more than \d+ JSON values$/,
  ),
  refused(
    "2.5 million objects in an error",
    sends(answer(404, OBJECTS)),
    /were not listed: HTTP status 404$/,
  ),
  refused("a list nested without end", sends(answer(200, "[".repeat(10_000))), /not valid JSON/),
  refused("an array", sends(answer(200, "[]")), /SecretList .*: it must be an object$/),
  refused("no body", sends(answer(200, "")), /SecretList .*: is empty, expected JSON$/),
  refused(
    "a switch of protocols",
    sends(head(101, ["Connection: Upgrade", "Upgrade: x"]) + WHOLE),
    /the answer switches to another protocol, although that was not requested$/,
  ),
  refused("a status of its own", sends(answer(999, "")), /were not listed: HTTP status 999$/),
  refused(
    "a Retry-After beyond all numbers",
    sends(answer(429, "", [`Retry-After: ${"9".repeat(400)}`])),
    /after 1 attempt: HTTP status 429; /,
  ),
  refused(
    "a continue token that repeats",
    pages(() => "same"),
    /token is one that it gave before$/,
    2,
  ),
  refused(
    "tokens that take turns",
    pages((count) => `${count % 2}`),
    /is one that it gave before$/,
    3,
  ),
  refused("a first page that has expired", sends(EXPIRED), /HTTP status 410 Expired: old$/),
  refused(
    "pages that always expire",
    (peer, count) => {
      const next = secretList({ next: `token-${count}` });
      return peer.send(count % 2 === 1 ? answer(200, next) : EXPIRED);
    },
    /were not listed: HTTP status 410 Expired: old$/,
    8,
  ),
  survived("a list that expires half-way", (peer, count) => {
    const turns = [
      answer(200, secretList({ next: "a" })),
      EXPIRED,
      answer(200, secretList({ next: "b" })),
    ];
    return peer.send(turns[count - 1] ?? WHOLE);
  }, 4),
  refused(
    "pages without end",
    pages((count) => `token-${count}`),
    /SecretList .*: has more than 1000 pages$/,
    1000,
  ),
  timesOut(
    "slow pages without end",
    delays(50, pages((count) => `token-${count}`)),
    /time limit.*--timeout$/,
  ),
  timesOut(
    "a server that stays unavailable",
    sends(answer(503, "")),
    /no usable answer .*: HTTP status 503; .*--timeout$/,
  ),
  timesOut(
    "connections that are always reset",
    breaksOff(WHOLE, 10, "reset"),
    /no usable answer .*--timeout$/,
  ),
];

interface Outcome extends MeasuredPull {
  readonly namespace: string;
  readonly arrivals: readonly number[];
}

/** Pulls in one namespace for each case, several at the same time. */
async function pullAll(
  cluster: Cluster,
  api: MisbehavingApiServer,
  cases: readonly Case[],
): Promise<[Case, Outcome][]> {
  return await atMost(
    WIDTH,
    cases.map((testCase, index) => async (): Promise<[Case, Outcome]> => {
      const namespace = `case-${index}`;
      api.behave(namespace, testCase.behaviour);
      const timeout = testCase.timesOut ? TIMEOUT : LONG_TIMEOUT;
      const result = await measurePull(cluster, {
        token: serviceAccountToken({ namespace }),
        args: ["--timeout", `${timeout}ms`],
      });
      return [testCase, { ...result, namespace, arrivals: api.arrivals(namespace) }];
    }),
  );
}

/** The result is right, within its limits, and the requests are as many as they should be. */
async function assertOutcome(cluster: Cluster, testCase: Case, outcome: Outcome) {
  const { code, signal, stdout, stderr, namespace, arrivals } = outcome;
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  const authFile = await cluster.authFile(namespace, IMAGE);
  if (testCase.error === undefined) {
    assert.deepEqual([code, signal], [0, null], stderr);
    assert.deepEqual(authFile, { auths: { "localhost:5000": { auth: AUTH } } });
  } else {
    assert.match(last, testCase.error);
    assert.match(last, /^error: /);
    assert.deepEqual([code, signal, stdout, authFile], [1, null, "", undefined]);
  }
  const latest = (testCase.timesOut ? TIMEOUT : LONG_TIMEOUT) * 1.1 + START_UP;
  assert.ok(outcome.milliseconds <= latest, `${outcome.milliseconds} ms`);
  assert.ok(outcome.mebibytes <= MEMORY_LIMIT, `${outcome.mebibytes} MiB`);
  if (testCase.requests !== undefined) assert.equal(arrivals.length, testCase.requests, stderr);
}

const SUITE = "an API server that misbehaves";

Deno.test("an API server that misbehaves is put up with or given up on, in bounded time and memory", async (test) => {
  await using api = await MisbehavingApiServer.start();
  await using cluster = await Cluster.start({ settings: { apiserver: api.url } });
  await cluster.node.writeCa(api.ca.certificatePem);
  for (const [testCase, outcome] of await pullAll(cluster, api, CASES)) {
    await test.step(testCase.name, () => assertOutcome(cluster, testCase, outcome));
  }
  const written = CASES.filter(({ error }) => error === undefined).length;
  assert.equal((await cluster.node.authDirEntries()).length, written);
  report({ suite: SUITE, cases: CASES.length, faults: CASES.length });
});

Deno.test("a server that is asked for by another name misbehaves no more successfully", async (test) => {
  // With `tls-server-name` the certificate is looked at by another name.
  const names = new Set([
    "an answer that comes late",
    "early hints before the answer",
    "no answer",
    "a connection closed in the body",
    "a length longer than the body",
    "a chunk without a size",
    "headers without end",
    "a gzip bomb of 4 GiB",
    "a switch of protocols",
  ]);
  const cases = [
    ...CASES.filter(({ name }) => share(0, 1) === 1 || names.has(name))
      // A connection for each of a thousand requests takes longer than the time limit.
      .filter(({ name }) => name !== "pages without end"),
    waitedFor("a body that drips and has no length", async (peer) => {
      await peer.send(head(200, ["Connection: close"]));
      await peer.drip(LIST, 80);
    }),
  ];
  assert.ok(cases.length > names.size);
  await using api = await MisbehavingApiServer.start({ hosts: ["kubernetes.default"] });
  await using cluster = await Cluster.start({ settings: { apiserver: api.url, caFile: "" } });
  const kubeconfig = { server: api.url, caPem: api.ca.certificatePem };
  await cluster.node.writeKubeconfig({ ...kubeconfig, tlsServerName: "kubernetes.default" });
  for (const [testCase, outcome] of await pullAll(cluster, api, cases)) {
    await test.step(testCase.name, () => assertOutcome(cluster, testCase, outcome));
  }
});

Deno.test("what goes wrong below HTTP is tried again until the time is over", async (test) => {
  const timeout = 1.5 * TIMEOUT;
  await using api = await ApiServer.start({ respond: () => new Response("x".repeat(1_000_000)) });
  await using plain = RawServer.startTcp((connection) => writeText(connection, WHOLE));
  await using silent = RawServer.startTcp(hang);
  await using early = RawServer.startTcp(() => {});
  await using alert = RawServer.startTcp(async (connection) => {
    // handshake_failure (RFC 8446 section 6)
    await connection.write(Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40));
  });
  await using atOnce = await ResettingRelay.start(api.port, 0);
  await using inHandshake = await ResettingRelay.start(api.port, 100);
  await using inBody = await ResettingRelay.start(api.port, 20_000);
  const peers: readonly [name: string, url: string, words: RegExp][] = [
    ["plain HTTP", plain.url, /received corrupt message of type InvalidContentType/],
    ["silence", silent.url, /no answer within the time limit of a request/],
    ["an early end", early.url, /unexpected end of file|eof/],
    ["a TLS alert", alert.url, /received fatal alert: HandshakeFailure/i],
    ["a reset at once", atOnce.url, /reset by peer/],
    ["a reset in the handshake", inHandshake.url, /reset by peer/],
    ["a reset in the body", inBody.url, /connection reset|reset by peer|decrypt/i],
  ];
  const outcomes = await atMost(
    WIDTH,
    peers.map(([, apiserver]) => async () => {
      await using cluster = await Cluster.start({ settings: { apiserver, timeout } });
      await cluster.node.writeCa(api.ca.certificatePem);
      return { ...await measurePull(cluster), entries: await cluster.node.authDirEntries() };
    }),
  );
  for (const [index, [name, , words]] of peers.entries()) {
    await test.step(name, () => {
      const outcome = outcomes[index];
      assert.ok(outcome);
      const last = outcome.stderr.trimEnd().split("\n").at(-1) ?? "";
      assert.match(last, /^error: .* no usable answer .*--timeout$/);
      // The last attempt may have been cut short by the limit; those before it are in the log.
      assert.match(outcome.stderr, words);
      assert.deepEqual([outcome.code, outcome.stdout, outcome.entries], [1, "", []]);
      const latest = timeout * 1.1 + START_UP;
      assert.ok(outcome.milliseconds <= latest, `${outcome.milliseconds} ms`);
    });
  }
});

/** Answers that another attempt may better, as client-go and RFC 9110 see them. */
const TRIED_AGAIN = new Set([408, 429, 500, 502, 503, 504]);

// deno-fmt-ignore
const STATUSES_OF_INTEREST = [
  201, 204, 206, 302, 304, 400, 401, 403, 404, 408, 410, 421, 425, 429, 500, 501, 502, 503, 504, 599,
];

/** Statuses whose answers have no body (Fetch, "null body status"). */
const WITHOUT_BODY = new Set([204, 205, 304]);

Deno.test("each HTTP status but 200 is tried again or refused, by what it means", async (test) => {
  const all = Array.from({ length: 399 }, (_, index) => 201 + index);
  const statuses = share(0, 1) === 1 ? all : STATUSES_OF_INTEREST;
  await using cluster = await Cluster.start();
  const { api } = cluster;
  api.respond = ({ path }, attempt) => {
    const code = Number(/\/status-(\d+)\//.exec(path)?.[1]);
    if (attempt > 1) return undefined;
    if (WITHOUT_BODY.has(code)) return new Response(null, { status: code });
    return status(code, "Reason", "message", { headers: { "Location": "/elsewhere" } });
  };
  const tasks = statuses.map((code) => async () => {
    const namespace = `status-${code}`;
    const token = api.addServiceAccount(namespace);
    api.grant(namespace);
    api.addDockerConfig(namespace, "my-registry", { "localhost:5000": { auth: AUTH } });
    const result = await cluster.pull({ token });
    const requests = api.requests.filter(({ path }) => path.includes(`/${namespace}/`)).length;
    return { code, result, requests, authFile: await cluster.authFile(namespace) };
  });
  for (const { code, result, requests, authFile } of await atMost(WIDTH, tasks)) {
    await test.step(`status ${code}`, () => {
      if (TRIED_AGAIN.has(code)) {
        assert.deepEqual([result.code, requests], [0, 2], result.stderr);
        assert.match(
          result.stderr,
          new RegExp(`^warn: trying again reason="HTTP status ${code} `, "m"),
        );
        assert.ok(authFile);
      } else {
        assert.deepEqual([result.code, requests, authFile], [1, 1, undefined], result.stderr);
        assert.match(
          result.stderr,
          new RegExp(`^error: .*(?:HTTP status ${code}|redirect \\(${code}\\))`, "m"),
        );
      }
    });
  }
});

/** Milliseconds between each request and the one before it. */
function gaps(arrivals: readonly number[]): number[] {
  return arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? at));
}

Deno.test("attempts keep their distance, each run its own, and Retry-After comes on top", async () => {
  await using api = await MisbehavingApiServer.start();
  await using cluster = await Cluster.start({ settings: { apiserver: api.url } });
  await cluster.node.writeCa(api.ca.certificatePem);
  const run = async (namespace: string, refusals: number, refusal: () => string) => {
    api.behave(namespace, (peer, count) => peer.send(count <= refusals ? refusal() : WHOLE));
    const { code, stderr } = await cluster.pull({ token: serviceAccountToken({ namespace }) });
    assert.equal(code, 0, stderr);
    assert.equal(api.arrivals(namespace).length, refusals + 1);
    return gaps(api.arrivals(namespace));
  };
  const busy = (after: string) => answer(429, "", [`Retry-After: ${after}`]);
  const runs = share(6, 20);
  const [backoffs, seconds, dates] = await Promise.all([
    atMost(
      2,
      Array.from(
        { length: runs },
        (_, index) => () => run(`backoff-${index}`, 4, () => answer(503, "")),
      ),
    ),
    run("seconds", 2, () => busy("1")),
    run("date", 1, () => busy(new Date(Date.now() + 2500).toUTCString())),
  ]);
  for (const delays of backoffs) {
    const least = [50, 100, 200, 400];
    for (const [index, delay] of delays.entries()) {
      assert.ok(delay >= (least[index] ?? Infinity), `gap ${index + 1} is ${delay} ms`);
    }
  }
  // 400 to 800 ms by chance: that all lie within a tenth of that happens once in ten thousand runs.
  const last = backoffs.map((delays) => delays.at(-1) ?? NaN);
  const spread = Math.max(...last) - Math.min(...last);
  assert.ok(spread > 40, `the last delays differ by ${spread} ms`);
  assert.ok((seconds[0] ?? 0) >= 1050 && (seconds[1] ?? 0) >= 1100, String(seconds));
  // A date has whole seconds.
  assert.ok((dates[0] ?? 0) >= 1550, String(dates));
});
