import assert from "node:assert/strict";
import { plotParts } from "../../scripts/support/bench_plot.ts";

Deno.test("the benchmark's picture has a bar per pull, with the milliseconds of each part", () => {
  const svg = plotParts(
    new Map([
      ["no mirror", [{ what: "the runtime", ms: 12.34 }]],
      ["one secret", [{ what: "the runtime", ms: 12.34 }, { what: "TLS", ms: 24.56 }]],
    ]),
  );
  assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
  for (const text of ["no mirror", "one secret", "the runtime", "TLS"]) {
    assert.ok(texts.includes(text), text);
  }
  assert.deepEqual(texts.filter((text) => text === "12.3" || text === "24.6"), [
    "12.3",
    "12.3",
    "24.6",
  ]);
});
