/** The end-to-end run: the built plugin between the real parts. `deno task e2e [part of a name]` */

import { CASES } from "./cases.ts";
import { findParts } from "./parts.ts";
import { World } from "./world.ts";

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** How a case ended. */
interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: string;
}

async function main(only: string | undefined): Promise<boolean> {
  print("Parts");
  const parts = await findParts((name, path, version) => print(`  ${name}: ${path} ${version}`));
  const outcomes: Outcome[] = [];
  const starting = World.start(parts);
  // An interrupted run leaves nothing behind either.
  const interrupted = () => {
    starting.then((world) => world[Symbol.asyncDispose]()).finally(() => Deno.exit(130));
  };
  Deno.addSignalListener("SIGINT", interrupted);
  Deno.addSignalListener("SIGTERM", interrupted);
  await using world = await starting;

  for (const { name, expected, play } of CASES) {
    if (only !== undefined && !name.includes(only)) continue;
    print(`\n${name}\n  expected: ${expected}`);
    const begin = performance.now();
    let passed = true;
    try {
      print(`  seen:     ${await play(world)}`);
    } catch (error) {
      passed = false;
      const message = error instanceof Error ? error.message : String(error);
      print(`  FAILED:   ${mask(message).replaceAll("\n", "\n            ")}`);
    }
    outcomes.push({ name, passed, seconds: ((performance.now() - begin) / 1000).toFixed(1) });
  }

  const width = Math.max(...outcomes.map(({ name }) => name.length));
  print(`\n${"case".padEnd(width)}  result  seconds`);
  for (const { name, passed, seconds } of outcomes) {
    print(`${name.padEnd(width)}  ${passed ? "passed" : "FAILED"}  ${seconds.padStart(7)}`);
  }
  const failed = outcomes.filter(({ passed }) => !passed).length;
  print(`\n${outcomes.length - failed} passed, ${failed} failed`);
  return failed === 0 && outcomes.length > 0;
}

/** Hides what looks like a token or an `auth` value. */
function mask(text: string): string {
  return text.replaceAll(/\beyJ[\w.-]+/g, "<token>").replaceAll(/("auth": ?")[^"]+/g, "$1<masked>");
}

try {
  Deno.exit(await main(Deno.args[0]) ? 0 : 1);
} catch (error) {
  print(`error: ${mask(error instanceof Error ? error.message : String(error))}`);
  Deno.exit(1);
}
