/** Many at once, but no more than the machine bears. */

/**
 * Runs tasks 0 to `count - 1`, in that order and so many at a time. Stops starting new ones when one
 * fails, and lets those under way end.
 *
 * @param goOn asked before each task; `false` ends the run early. @default always
 * @returns the results of the tasks that were started, in order.
 * @throws what the first task that failed threw.
 */
export async function runPool<Result>(
  count: number,
  parallel: number,
  task: (index: number) => Promise<Result>,
  goOn: () => boolean = () => true,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count && failures.length === 0 && goOn()) {
      const index = next++;
      try {
        results[index] = await task(index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
