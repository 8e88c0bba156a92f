import assert from "node:assert/strict";
import { CLOCK, timeLimit, timer } from "../../src/process/clock.ts";
import { whileAwake } from "../support/while_awake.ts";

Deno.test("waiting takes as long as it was asked for", async () => {
  for (const wait of [CLOCK.sleep, timer]) {
    const begin = CLOCK.now();
    await whileAwake(() => wait(30));
    // Clocks may differ by a part of a millisecond.
    assert.ok(CLOCK.now() - begin >= 29);
  }
});

Deno.test("a time limit is a signal that comes in time, and not before", async () => {
  const signal = timeLimit(30);
  assert.ok(!signal.aborted);
  await whileAwake(() => new Promise((resolve) => signal.addEventListener("abort", resolve)));
  assert.ok(signal.aborted);
});

Deno.test("a limit of nothing is over at once", async () => {
  await timer(0);
});
