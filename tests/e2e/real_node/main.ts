/** The part of the end-to-end run that is played inside of namespaces, by `run.ts`. */

import { mask, playAll } from "../report.ts";
import { print } from "../../../scripts/support/print.ts";
import { REAL_NODE_CASES } from "./cases.ts";
import { endWithParent, settleIn } from "./namespaces.ts";
import type { Request } from "./run.ts";
import { RealWorld } from "./world.ts";

async function main(request: Request): Promise<void> {
  endWithParent();
  await settleIn(request.directory);
  const begin = performance.now();
  await using world = await RealWorld.start(request);
  await world.install();
  await world.node.startCrio();
  await world.node.startKubelet();
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  print(`\nThe control plane, the mirror and the node are ready after ${seconds} s.`);
  const outcomes = await playAll(REAL_NODE_CASES, world, {
    only: request.only,
    after: (world) => world.clear(),
  });
  await Deno.writeTextFile(`${request.directory}/outcomes.json`, JSON.stringify(outcomes));
}

try {
  await main(JSON.parse(Deno.env.get("E2E_NODE") ?? ""));
} catch (error) {
  print(`error: ${mask(error instanceof Error ? error.stack ?? error.message : String(error))}`);
  Deno.exit(1);
}
Deno.exit(0);
