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
  readonly today: () => number;
}

/** The process's own time and chance. */
export const CLOCK: Clock = {
  now: () => performance.now(),
  sleep,
  random: Math.random,
  today: Date.now,
};

/**
 * Waits for a number of milliseconds. `setTimeout` would load Node's timers, which takes longer than
 * the rest of a pull without mirrors; an `AbortSignal` does not.
 */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const over = AbortSignal.timeout(Math.ceil(milliseconds));
    over.addEventListener("abort", () => resolve(), { once: true });
  });
}
