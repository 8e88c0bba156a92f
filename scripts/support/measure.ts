/** Measures whole processes: wall time, processor time, peak memory. */

/** One run. */
export interface Run {
  /** Milliseconds from start to end. */
  readonly wall: number;
  /** Milliseconds of processor time, of the process and the kernel for it. */
  readonly cpu: number;
}

/** An executable and what it reads from stdin; what it prints is dropped. */
export interface Command {
  readonly executable: string;
  readonly stdin: string;
  /** @default none */
  readonly args?: readonly string[];
}

const RUSAGE_CHILDREN = -1;
const { symbols: libc } = Deno.dlopen("libc.so.6", {
  getrusage: { parameters: ["i32", "buffer"], result: "i32" },
});

/** Milliseconds of processor time of the processes that were started here and have ended. */
function childrenCpu(): number {
  const usage = new BigInt64Array(18);
  libc.getrusage(RUSAGE_CHILDREN, usage);
  const [userSeconds = 0n, user = 0n, systemSeconds = 0n, system = 0n] = usage;
  return Number(userSeconds + systemSeconds) * 1000 + Number(user + system) / 1000;
}

/** As the kubelet starts a plugin, with a pipe for the request; no shell is between. */
async function start({ executable, stdin, args = [] }: Command): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(executable, {
    args: [...args],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  } catch (error) {
    // A floor program may have ended without reading it.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return child;
}

async function finish(child: Deno.ChildProcess, { executable }: Command): Promise<void> {
  const { code } = await child.status;
  if (code !== 0) throw new Error(`${executable} failed with exit status ${code}`);
}

/**
 * Runs a command several times at once.
 *
 * @returns the wall time of all of them, and their processor time together.
 * @throws {Error} when a run fails: its time would be that of something else.
 */
export async function measure(command: Command, atOnce = 1): Promise<Run> {
  const cpu = childrenCpu();
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => await finish(await start(command), command)),
  );
  return { wall: performance.now() - begin, cpu: childrenCpu() - cpu };
}

/**
 * The peak of a command's resident memory, in KiB: the kernel's high-water mark, read again and again
 * while it runs.
 */
export async function measureMemory(command: Command): Promise<number> {
  const child = await start(command);
  let peak = 0;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      // deno-lint-ignore no-sync-fn-in-async-fn -- nothing else is to be done meanwhile
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      const mark = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
      // A process that has ended, and was not waited for yet, has no memory any more.
      if (mark === undefined) break;
      peak = Math.max(peak, Number(mark));
    } catch {
      break;
    }
    Atomics.wait(pause, 0, 0, 0.3);
  }
  await finish(child, command);
  return peak;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
