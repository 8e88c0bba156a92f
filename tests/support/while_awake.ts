/** Keeps a test's process awake. */

/**
 * Runs something that waits for a time limit alone. In the program a read or a connection is waited
 * for as well, and keeps the process alive; what a test puts in their place does not.
 */
export async function whileAwake<Result>(run: () => Promise<Result>): Promise<Result> {
  const timer = setInterval(() => {}, 1000);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
