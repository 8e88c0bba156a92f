import assert from "node:assert/strict";
import { parseGoDuration } from "../../src/text/duration.ts";

const DURATIONS: readonly [text: string, milliseconds: number | undefined][] = [
  ["12h", 43_200_000],
  ["1h30m", 5_400_000],
  ["1.5s", 1500],
  [".5s", 500],
  ["1.s", 1000],
  ["10ms", 10],
  ["0", 0],
  ["-0", -0],
  ["0s", 0],
  ["-1s", -1000],
  ["+1s", 1000],
  ["2000000ns", 2],
  ["3us", 0.003],
  ["3\u03bcs", 0.003],
  ["3µs", 0.003],
  ["", undefined],
  ["1", undefined],
  ["s", undefined],
  [".s", undefined],
  ["1 s", undefined],
  ["1d", undefined],
  ["1s ", undefined],
];

for (const [text, milliseconds] of DURATIONS) {
  Deno.test(`Go reads the duration ${JSON.stringify(text)} as ${milliseconds} milliseconds`, () => {
    assert.equal(parseGoDuration(text), milliseconds);
  });
}
