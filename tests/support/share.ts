/** How much of a long test is run: the one place that reads `LONG`. */

/**
 * A count, or a duration in whatever unit the caller uses, for the tests whose worth grows with it.
 *
 * @param quick what `deno task test` runs.
 * @param long what a run with `LONG=1` in the environment runs.
 */
export function share(quick: number, long: number): number {
  return Deno.env.get("LONG") === "1" ? long : quick;
}
