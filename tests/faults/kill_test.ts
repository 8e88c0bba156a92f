import assert from "node:assert/strict";
import { assertCleanAfterNextRun, assertWholeFiles } from "../support/auth_dir.ts";
import { AUTH, Cluster } from "../support/cluster.ts";
import { share } from "../support/share.ts";
import { report } from "../support/summary.ts";

/** A global auth file of 3 MB takes as long to write as to everything else that a run does. */
const LARGE = { "large.example.com": { auth: AUTH, email: "x".repeat(3_000_000) } };

/** From when the moment of a kill counts. */
type Start = "the start of the run" | "the API server's answer" | "the temporary file's appearance";

/** When a run is ended: so many milliseconds after something. */
interface Moment {
  readonly start: Start;
  readonly delay: number;
}

/**
 * Moments spread evenly over a run: half of them over all of it, a quarter over what comes after the
 * answer, a quarter over the writing of the file.
 */
function moments(count: number, wholeRun: number, afterAnswer: number): Moment[] {
  const spread = (start: Start, part: number, length: number) =>
    Array.from({ length: part }, (_, index) => ({ start, delay: length * (index + 0.5) / part }));
  const quarter = Math.ceil(count / 4);
  return [
    ...spread("the start of the run", count - 2 * quarter, wholeRun),
    ...spread("the API server's answer", quarter, afterAnswer),
    ...spread("the temporary file's appearance", quarter, afterAnswer / 4),
  ];
}

/** A pull that is ended by a signal at a moment; `undefined` lets it end by itself. */
async function endedPull(cluster: Cluster, signal: Deno.Signal, moment: Moment | undefined) {
  const timers: number[] = [];
  let child: Deno.ChildProcess | undefined;
  const happens = (what: Start) => {
    if (what === moment?.start) timers.push(timer(moment.delay, () => endProcess(child, signal)));
  };
  let answered = NaN;
  cluster.api.respond = () => {
    answered = performance.now();
    happens("the API server's answer");
    return undefined;
  };
  using watcher = Deno.watchFs(cluster.node.settings.authDir);
  const watching = (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "create" && paths.some((path) => path.endsWith(".tmp"))) {
        happens("the temporary file's appearance");
      }
    }
  })();
  const started = performance.now();
  const result = await cluster.pull({
    onStart: (process) => {
      child = process;
      happens("the start of the run");
    },
  });
  const ended = performance.now();
  watcher.close();
  await watching;
  timers.forEach(clearTimeout);
  return { ...result, wholeRun: ended - started, afterAnswer: ended - answered };
}

/** How long a pull takes as a whole and after the API server's answer: the shortest of three. */
async function undisturbedPull(
  cluster: Cluster,
  signal: Deno.Signal,
): Promise<[wholeRun: number, afterAnswer: number]> {
  const wholeRuns: number[] = [], afterAnswers: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { code, wholeRun, afterAnswer } = await endedPull(cluster, signal, undefined);
    assert.equal(code, 0);
    wholeRuns.push(wholeRun);
    afterAnswers.push(afterAnswer);
  }
  return [Math.min(...wholeRuns), Math.min(...afterAnswers)];
}

function timer(delay: number, action: () => void): number {
  return Number(setTimeout(action, delay));
}

function endProcess(child: Deno.ChildProcess | undefined, signal: Deno.Signal): void {
  try {
    child?.kill(signal);
  } catch {
    // It has just ended.
  }
}

for (
  const { signal, count } of [
    { signal: "SIGKILL", count: share(16, 200) },
    { signal: "SIGTERM", count: share(6, 50) },
  ] as const
) {
  Deno.test(`a run that ${signal} ends at any moment leaves no broken file, and nothing after the next`, async () => {
    await using cluster = await Cluster.start();
    const { authDir } = cluster.node.settings;
    await cluster.node.writeGlobalAuthFile({ auths: LARGE });
    await Deno.mkdir(authDir, { recursive: true, mode: 0o700 });
    let cut = 0;
    for (const moment of moments(count, ...await undisturbedPull(cluster, signal))) {
      const result = await endedPull(cluster, signal, moment);
      if (result.signal === null) assert.equal(result.code, 0, result.stderr);
      else assert.equal(result.signal, signal);
      if (result.signal !== null) cut++;
      const left = await assertWholeFiles(authDir);
      if (left.length > 0) await assertCleanAfterNextRun(cluster);
      assert.deepEqual(await cluster.authFile(), {
        auths: { ...LARGE, "localhost:5000": { auth: AUTH } },
      });
    }
    await assertCleanAfterNextRun(cluster);
    assert.ok(cut >= count / 4, `${cut} of ${count} runs were ended`);
    report({ suite: `runs ended by ${signal}`, cases: count, faults: cut });
  });
}
