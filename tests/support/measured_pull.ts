/** Pulls whose time and memory are measured from outside. */

import type { Cluster, Pull } from "./cluster.ts";
import type { PluginResult } from "./plugin.ts";
import { share } from "./share.ts";

/**
 * What a run may take beyond its time limit to start and to end, in milliseconds. A machine that is
 * busy with other tests, or stops for a while as virtual ones do, takes its share.
 */
export const START_UP = share(15_000, 3_000);

/** How a pull ended, and what it took. */
export interface MeasuredPull extends PluginResult {
  /** From the start of the process to its end. */
  readonly milliseconds: number;
  /** The most memory seen in its possession at one time, in MiB (`VmHWM` of proc(5)). */
  readonly mebibytes: number;
  /** Processor time, of all threads, in milliseconds; what was used since the last look is missed. */
  readonly processor: number;
}

/** Milliseconds between two looks at the process's memory. */
const INTERVAL = 5;

/** Runs the plugin and looks at it while it runs. */
export async function measurePull(cluster: Cluster, pull: Pull = {}): Promise<MeasuredPull> {
  let mebibytes = 0, processor = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const start = performance.now();
  try {
    const result = await cluster.pull({
      ...pull,
      onStart: ({ pid }) => {
        timer = setInterval(() => {
          mebibytes = Math.max(mebibytes, peakOf(pid));
          processor = Math.max(processor, processorTimeOf(pid));
        }, INTERVAL);
      },
    });
    return { ...result, milliseconds: performance.now() - start, mebibytes, processor };
  } finally {
    clearInterval(timer);
  }
}

function peakOf(pid: number): number {
  try {
    const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
    return Number(kibibytes?.[1] ?? 0) / 1024;
  } catch {
    return 0; // It has ended.
  }
}

/** Milliseconds of one unit of processor time in `/proc/<pid>/stat` (proc(5), `USER_HZ`). */
const TICK = 10;

function processorTimeOf(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The second field is the program's name in parentheses; user and system time are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK;
  } catch {
    return 0; // It has ended.
  }
}

/** Runs tasks, so many at the same time, and gives their results in order. */
export async function atMost<Result>(
  width: number,
  tasks: readonly (() => Promise<Result>)[],
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = tasks.entries();
  await Promise.all(Array.from({ length: width }, async () => {
    for (const [index, task] of queue) results[index] = await task();
  }));
  return results;
}
