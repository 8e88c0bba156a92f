/** What the long run shows at its end: each suite reports its counts to one file. */

import * as v from "valibot";

/** The counts of one suite. */
export interface SuiteReport {
  readonly suite: string;
  /** Inputs, runs or moments that were tried. */
  readonly cases: number;
  /** Faults among them that the plugin met and came through. @default 0 */
  readonly faults?: number;
  /** What should be there at the end and is not. A suite that passes has 0. @default 0 */
  readonly lost?: number;
}

const SuiteReports = v.object({
  suite: v.string(),
  cases: v.number(),
  faults: v.optional(v.number(), 0),
  lost: v.optional(v.number(), 0),
});

/** Appends a suite's counts to the file that `SUMMARY_FILE` names; without it, does nothing. */
export function report(counts: SuiteReport): void {
  const path = Deno.env.get("SUMMARY_FILE") ?? "";
  if (path === "") return;
  // One write in append mode: suites that run at the same time do not cut into each other's lines.
  Deno.writeTextFileSync(path, `${JSON.stringify(counts)}\n`, { append: true });
}

/**
 * The reports of a summary file, with those of the same suite added up, in order of their first.
 *
 * @throws {v.ValiError} when a line is no report.
 */
export function readReports(text: string): Required<SuiteReport>[] {
  const suites = new Map<string, Required<SuiteReport>>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const { suite, cases, faults, lost } = v.parse(SuiteReports, JSON.parse(line));
    const sum = suites.get(suite) ?? { suite, cases: 0, faults: 0, lost: 0 };
    suites.set(suite, {
      suite,
      cases: sum.cases + cases,
      faults: sum.faults + faults,
      lost: sum.lost + lost,
    });
  }
  return [...suites.values()];
}

/** The reports as a text table with a line of sums. */
export function formatReports(reports: readonly Required<SuiteReport>[]): string {
  const sum = (count: (report: Required<SuiteReport>) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  const total = {
    suite: "all",
    cases: sum(({ cases }) => cases),
    faults: sum(({ faults }) => faults),
    lost: sum(({ lost }) => lost),
  };
  const rows = [
    ["suite", "cases tried", "faults survived", "lost"],
    ...[...reports, total].map(({ suite, cases, faults, lost }) => [
      suite,
      String(cases),
      String(faults),
      lost === 0 ? "nothing" : String(lost),
    ]),
  ];
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ")
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return lines.join("\n");
}
