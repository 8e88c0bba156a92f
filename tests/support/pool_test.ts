import assert from "node:assert/strict";
import { runPool } from "./pool.ts";

Deno.test("each task is run once, so many at a time, and the results are in order", async () => {
  let running = 0;
  let most = 0;
  const results = await runPool(20, 3, async (index) => {
    most = Math.max(most, ++running);
    // The later ones of three are done first.
    for (let turn = index % 3; turn < 3; turn++) await Promise.resolve();
    running--;
    return index;
  });
  assert.deepEqual(results, Array.from({ length: 20 }, (_, index) => index));
  assert.equal(most, 3);
});

Deno.test("after a failure no task is begun, and those under way have ended", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const failing = runPool(20, 2, async (index) => {
    begun.push(index);
    await Promise.resolve();
    if (index === 2) throw new RangeError("two");
    await Promise.resolve();
    ended.push(index);
  });
  await assert.rejects(failing, /two/);
  assert.ok(begun.length < 20);
  assert.deepEqual(begun.filter((index) => index !== 2), ended.sort((a, b) => a - b));
});

Deno.test("a run that is told to stop begins no further task", async () => {
  let left = 5;
  const results = await runPool(20, 2, () => Promise.resolve(left--), () => left > 0);
  assert.equal(results.length, 5);
});
