/** What the run prints: the cases as they are played, and a table in the end. */

import { print } from "../../scripts/support/print.ts";

/** A named case. */
export interface Case<World> {
  readonly name: string;
  readonly expected: string;
  /** @returns what was seen. @throws when that is not what was expected. */
  readonly play: (world: World) => Promise<string>;
}

/** How a case ended. */
export interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
}

/** How cases are played. */
export interface Playing<World> {
  /** A part of the names of those to play. @default all */
  readonly only?: string | undefined;
  /** What comes after each case. @default nothing */
  readonly after?: (world: World) => Promise<void>;
  /** @default to standard output */
  readonly say?: (text: string) => void;
}

/** Plays cases one after the other; one that fails does not keep the next. */
export async function playAll<World>(
  cases: readonly Case<World>[],
  world: World,
  { only, after = () => Promise.resolve(), say = print }: Playing<World> = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, expected, play } of cases) {
    if (only !== undefined && !name.includes(only)) continue;
    say(`\n${name}\n  expected: ${expected}`);
    const begin = performance.now();
    let passed = true;
    try {
      say(`  seen:     ${mask(await play(world)).replaceAll("\n", "\n            ")}`);
    } catch (error) {
      passed = false;
      const message = error instanceof Error ? error.message : String(error);
      say(`  FAILED:   ${mask(message).replaceAll("\n", "\n            ")}`);
    }
    await after(world).catch((error) => say(`  after it: ${mask(String(error))}`));
    outcomes.push({ name, passed, seconds: (performance.now() - begin) / 1000 });
  }
  return outcomes;
}

/**
 * A line for each case, with a column for each program that was judged.
 *
 * @param columns outcomes by the program's name.
 */
export function table(columns: ReadonlyMap<string, readonly Outcome[]>): string {
  const names = new Set([...columns.values()].flat().map(({ name }) => name));
  const width = Math.max(4, ...[...names].map((name) => name.length));
  const cells = [...columns.keys()].map((name) => name.padEnd(15));
  const lines = [`${"case".padEnd(width)}  ${cells.join("  ")}`];
  for (const name of names) {
    const row = [...columns.values()].map((outcomes) => {
      const outcome = outcomes.find((outcome) => outcome.name === name);
      if (outcome === undefined) return "not played".padEnd(15);
      const { passed, seconds } = outcome;
      return `${passed ? "passed" : "FAILED"} ${`${seconds.toFixed(1)} s`.padStart(8)}`;
    });
    lines.push(`${name.padEnd(width)}  ${row.join("  ")}`.trimEnd());
  }
  return lines.join("\n");
}

/** Hides what looks like a token or an `auth` value. */
export function mask(text: string): string {
  return text.replaceAll(/\beyJ[\w.-]+/g, "<token>").replaceAll(/("auth": ?")[^"]+/g, "$1<masked>");
}
