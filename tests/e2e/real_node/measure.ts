/**
 * Measures `--wait-for-taken`: several pods of one namespace that start the same image on a node at
 * once, by setting. Run by `deno task bench:waits`.
 */

import { mask } from "../report.ts";
import { print } from "../../../scripts/support/print.ts";
import { mustRun, sleep } from "../process.ts";
import { endWithParent, settleIn } from "./namespaces.ts";
import { BIN_DIR, type PullSettings } from "./node.ts";
import type { Request } from "./run.ts";
import { type PodName, type PodOptions, RealWorld } from "./world.ts";

/** One line of the table. */
interface Scenario {
  readonly pulls: "serial" | "parallel";
  readonly pods: number;
  readonly policy: "Always" | "IfNotPresent";
  /** Of the image, in megabytes. */
  readonly megabytes: number;
  readonly args: readonly string[];
  readonly rounds: number;
  /** For how long the mirror stalls, in milliseconds. */
  readonly stall?: number;
  /** The image is there already, recorded as the account's. */
  readonly cached?: boolean;
}

const PULLS: Readonly<Record<Scenario["pulls"], PullSettings>> = {
  serial: { serializeImagePulls: true },
  parallel: { serializeImagePulls: false, maxParallelImagePulls: 5 },
};

/** What one round showed. */
interface Round {
  readonly failed: number;
  /** From the pods' creation until all of them ran, in seconds. */
  readonly all: number;
  /** From the end of a stall. */
  readonly afterStall: number;
  readonly runs: readonly Run[];
  readonly megabytes: number;
}

/** One run of the plugin. */
interface Run {
  readonly seconds: number;
}

const RUNS = "/run/plugin-runs";

/** Stands in the plugin's place, and writes down how long each run takes. */
const TIMED = `#!/bin/sh
begin=$(date +%s%N)
"$0.real" "$@"
status=$?
echo "$(( ($(date +%s%N) - begin) / 1000000 ))" >>${RUNS}
exit $status
`;

const NAMESPACE = "team";

class Bench {
  readonly #world: RealWorld;
  #images = 0;

  constructor(world: RealWorld) {
    this.#world = world;
  }

  async setUp(): Promise<void> {
    const world = this.#world;
    await world.install();
    await this.#timePlugin();
    await world.node.startCrio();
    await world.node.startKubelet(PULLS.serial);
    await world.namespace(NAMESPACE, "myuser");
  }

  async #timePlugin(): Promise<void> {
    const path = `${BIN_DIR}/crio-credential-provider`;
    await mustRun("mv", [path, `${path}.real`]);
    await Deno.writeTextFile(path, TIMED);
    await Deno.chmod(path, 0o755);
  }

  async play(scenario: Scenario): Promise<string> {
    const world = this.#world;
    await world.install(scenario.args);
    await this.#timePlugin();
    await world.node.restartKubelet(PULLS[scenario.pulls]);
    const rounds: Round[] = [];
    for (let index = 0; index < scenario.rounds; index++) {
      rounds.push(await this.#round(scenario));
    }
    const pods = scenario.pods * scenario.rounds;
    const failed = rounds.reduce((sum, round) => sum + round.failed, 0);
    const seconds = rounds.flatMap(({ runs }) => runs.map(({ seconds }) => seconds));
    const cell = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(" ");
    return [
      `${scenario.pulls}, ${scenario.pods} pods, ${scenario.policy}, ${
        scenario.megabytes || "<1"
      } MB`,
      scenario.stall === undefined ? "" : `, stall ${scenario.stall / 1000} s`,
      scenario.cached ? ", from the cache" : "",
      ` | ${scenario.args.join(" ")} | ${failed} of ${pods}`,
      ` | ${Math.max(...seconds).toFixed(1)} | ${seconds.length}`,
      ` | ${cell(rounds.map(({ all }) => all))}`,
      scenario.stall === undefined ? "" : ` | ${cell(rounds.map((round) => round.afterStall))}`,
      ` | ${Math.max(...rounds.map(({ megabytes }) => megabytes)).toFixed(0)} MB`,
    ].join("");
  }

  async #round(scenario: Scenario): Promise<Round> {
    const world = this.#world;
    const image = `measured-${this.#images++}`;
    await world.push(image, scenario.megabytes);
    const options: PodOptions = {
      image: `docker.io/library/${image}`,
      imagePullPolicy: scenario.policy,
    };
    if (scenario.cached) {
      const first = { namespace: NAMESPACE, name: "first" };
      await world.run(first, options);
      await world.deletePods(first);
    }
    await Deno.writeTextFile(RUNS, "");
    const names = Array.from({ length: scenario.pods }, (_, index): PodName => ({
      namespace: NAMESPACE,
      name: `${image}-${index}`,
    }));
    if (scenario.stall !== undefined) world.mirror.stall();
    let stalled = scenario.stall !== undefined;
    const begin = performance.now();
    await Promise.all(names.map((name) => world.createPod(name, options)));
    let megabytes = 0;
    let waiting: readonly PodName[] = names;
    let resumed = begin;
    while (waiting.length > 0 && performance.now() - begin < 300_000) {
      if (stalled && performance.now() - begin > (scenario.stall ?? 0)) {
        world.mirror.resume();
        resumed = performance.now();
        stalled = false;
      }
      megabytes = Math.max(megabytes, await pluginMemory());
      const states = await Promise.all(waiting.map((name) => world.state(name)));
      waiting = waiting.filter((_, index) => states[index]?.running !== true);
      await sleep(100);
    }
    const all = (performance.now() - begin) / 1000;
    const afterStall = (performance.now() - resumed) / 1000;
    let failed = 0;
    for (const name of names) {
      const events = await world.events(name);
      if (events.some(({ message }) => /^Failed to pull image/.test(message))) failed++;
    }
    await world.deletePods(...names);
    const runs = (await Deno.readTextFile(RUNS)).trim().split("\n").map((line) => ({
      seconds: Number(line) / 1000,
    }));
    return { failed: failed + waiting.length, all, afterStall, runs, megabytes };
  }
}

/** What all running plugins take together, in megabytes: shared memory is divided among its users. */
async function pluginMemory(): Promise<number> {
  let kilobytes = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const comm = await Deno.readTextFile(`/proc/${name}/comm`);
      if (!comm.startsWith("crio-credential")) continue;
      const rollup = await Deno.readTextFile(`/proc/${name}/smaps_rollup`);
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return kilobytes / 1024;
}

/** What two and four pods start. */
const OF_FEW = [["Always", 0], ["IfNotPresent", 0], ["Always", 150]] as const;

function scenarios(): Scenario[] {
  const given = Deno.env.get("SCENARIOS");
  if (given !== undefined) return JSON.parse(given);
  const all: Scenario[] = [];
  // Of few pods fewer rounds: the whole is to be done within an hour.
  for (
    const [args, rounds, ofFew] of [[["--wait-for-taken=0s"], 2, 2], [[], 7, 3]] as const
  ) {
    for (const pulls of ["serial", "parallel"] as const) {
      for (const policy of ["Always", "IfNotPresent"] as const) {
        for (const megabytes of [0, 150]) {
          all.push({ pulls, pods: 8, policy, megabytes, args, rounds });
        }
      }
      for (const pods of [2, 4]) {
        for (const [policy, megabytes] of OF_FEW) {
          all.push({ pulls, pods, policy, megabytes, args, rounds: ofFew });
        }
      }
    }
  }
  for (const wait of [[], ["--wait-for-taken=0s"]]) {
    const args = ["--pulled-images=service-account", ...wait];
    for (const pulls of ["serial", "parallel"] as const) {
      const [pods, policy, megabytes] = [8, "IfNotPresent", 0] as const;
      all.push({ pulls, pods, policy, megabytes, args, rounds: 3, cached: true });
    }
    all.push({ pulls: "parallel", pods: 8, policy: "Always", megabytes: 0, args, rounds: 4 });
  }
  // Longer than either wait.
  for (const account of [[], ["--pulled-images=service-account"]]) {
    for (const wait of [[], ["--wait-for-taken=0s"]]) {
      for (const pulls of ["serial", "parallel"] as const) {
        const args = [...account, ...wait];
        const [pods, policy, megabytes] = [8, "Always", 0] as const;
        all.push({ pulls, pods, policy, megabytes, args, rounds: 2, stall: 14_000 });
      }
    }
  }
  return all;
}

async function main(request: Request): Promise<void> {
  endWithParent();
  await settleIn(request.directory);
  await using world = await RealWorld.start(request);
  const bench = new Bench(world);
  await bench.setUp();
  print(
    "pods that start together | setting | first pulls that failed | longest run (s) | runs | " +
      "all running after (s) | memory of all runs together",
  );
  for (const scenario of scenarios()) {
    print(await bench.play(scenario).catch((error) => `failed: ${mask(String(error))}`));
  }
  await Deno.writeTextFile(`${request.directory}/outcomes.json`, "[]");
}

try {
  await main(JSON.parse(Deno.env.get("E2E_NODE") ?? ""));
} catch (error) {
  print(`error: ${mask(error instanceof Error ? error.stack ?? error.message : String(error))}`);
  Deno.exit(1);
}
Deno.exit(0);
