import assert from "node:assert/strict";
import { formatReports, readReports, report } from "./summary.ts";

Deno.test("suites that report into a file are summed up by name", async () => {
  const path = await Deno.makeTempFile();
  const before = Deno.env.get("SUMMARY_FILE");
  try {
    Deno.env.set("SUMMARY_FILE", path);
    report({ suite: "storm", cases: 300, faults: 250 });
    report({ suite: "races", cases: 20, lost: 1 });
    report({ suite: "storm", cases: 1 });
    assert.deepEqual(readReports(await Deno.readTextFile(path)), [
      { suite: "storm", cases: 301, faults: 250, lost: 0 },
      { suite: "races", cases: 20, faults: 0, lost: 1 },
    ]);
    Deno.env.delete("SUMMARY_FILE");
    report({ suite: "storm", cases: 1 });
  } finally {
    if (before === undefined) Deno.env.delete("SUMMARY_FILE");
    else Deno.env.set("SUMMARY_FILE", before);
    await Deno.remove(path);
  }
});

Deno.test("the table ends with the sums, and says when nothing was lost", () => {
  const table = formatReports([
    { suite: "storm", cases: 300, faults: 250, lost: 0 },
    { suite: "races with CRI-O", cases: 20, faults: 0, lost: 3 },
  ]);
  assert.equal(
    table,
    [
      "suite             cases tried  faults survived     lost",
      "----------------  -----------  ---------------  -------",
      "storm                     300              250  nothing",
      "races with CRI-O           20                0        3",
      "all                       320              250        3",
    ].join("\n"),
  );
});

Deno.test("a line that is no report is an error", () => {
  assert.throws(() => readReports('{"suite":"storm"}\n'));
});
