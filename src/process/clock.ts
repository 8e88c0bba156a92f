/** Time and chance, which no module reads on its own. */

/** What the program knows of time and chance; passed in, so that tests can hold them still. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  readonly now: () => number;
  /** Waits for a number of milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** A number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Wall-clock time in milliseconds since 1970, for `Retry-After` dates. */
  readonly wallClock: () => number;
}

/** The process's own time and chance. */
export const CLOCK: Clock = {
  now: () => performance.now(),
  sleep,
  random: Math.random,
  wallClock: Date.now,
};

/**
 * Waits for a number of milliseconds. `setTimeout` would load Node's timers, which takes 5.5 ms more
 * of a start than an `AbortSignal` (`docs/develop/start-up.md`).
 *
 * Where something else is waited for at the same time, {@link timer} costs less.
 */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const over = AbortSignal.timeout(Math.ceil(milliseconds));
    over.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Nobody ever notifies it. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/**
 * Resolves after a number of milliseconds, as a limit of something else that is waited for: alone it
 * does not keep the process alive. It asks the engine, where {@link sleep} has to load the runtime's
 * timers, which takes 0.7 ms of a cold start (`docs/develop/start-up.md`). The engine's flag
 * `--single-threaded` would keep it from ever ending.
 */
export async function timer(milliseconds: number): Promise<void> {
  await Atomics.waitAsync(NEVER, 0, 0, milliseconds).value;
}

/** A signal that a time limit gives, by {@link timer}. */
export function timeLimit(milliseconds: number): AbortSignal {
  const controller = new AbortController();
  timer(milliseconds).then(() => controller.abort());
  return controller.signal;
}
