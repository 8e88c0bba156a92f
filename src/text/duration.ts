/** Durations as Go writes them (`time.ParseDuration`): `12h`, `1h30m`, `0`, `-1.5s`. */

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
// Each digit has one place in a pattern, so that a long text without a unit is refused in one go.
const DURATION = /^([-+]?)(?:0|((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+))$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Milliseconds of a duration; `undefined` when the text is none. */
export function parseGoDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  let milliseconds = 0;
  for (const [, amount, unit = ""] of (match[2] ?? "").matchAll(PART)) {
    // deno-coverage-ignore -- for the compiler: the pattern has these units alone
    milliseconds += Number(amount) * (UNITS.get(unit) ?? NaN);
  }
  return match[1] === "-" ? -milliseconds : milliseconds;
}
