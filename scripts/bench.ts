/**
 * Times what a node runs, the compiled plugin, as a whole process beside floor programs that are compiled
 * alike, the script form and, where `GO_PLUGIN` names it, the Go program. `deno task bench [runs] [plot]`
 *
 * Writes `dist/bench.json`, and where a pull's time goes as a picture.
 */

import { DEFAULT_SETTINGS } from "../src/settings/settings.ts";
import { TEST_NODE_ROOT } from "../tests/support/executable.ts";
import { tempNode } from "../tests/support/temp_node.ts";
import { type Part, plotParts } from "./support/bench_plot.ts";
import { preparePrograms, type Programs } from "./support/bench_programs.ts";
import { type BenchServer, NAMESPACES } from "./support/bench_server.ts";
import { type Command, measure, measureMemory, median } from "./support/measure.ts";
import { print } from "./support/print.ts";
import { DIST, PROJECT } from "./support/project.ts";

const LEAST_RUNS = 20;
const MEMORY_RUNS = 5;
const WARM_UP_RUNS = 3;
const AT_ONCE = 20;
const AT_ONCE_ROUNDS = 5;

/** The port that a Go build has baked in, with the root of `test_node.jsonc`. */
const GO_PORT = 16443;

/** What one program's runs took, in milliseconds, round by round. */
interface Times {
  readonly wall: readonly number[];
  readonly cpu: readonly number[];
}

interface Figures extends Times {
  /** KiB. */
  readonly memory: number;
}

/** A line of the table of goals. */
interface Verdict {
  readonly what: string;
  readonly ours: string;
  readonly other: string;
  /** Of what the goal is about: processor time, or memory. */
  readonly ratio: number;
  /** Of wall time, where the goal is about processor time. */
  readonly wallRatio?: number;
  /** @default none */
  readonly goal?: number;
}

/** The API server, until it is disposed of. */
async function startServer(port: number): Promise<BenchServer & AsyncDisposable> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `${PROJECT}/scripts/support/bench_server.ts`, String(port)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the API server did not start");
    text += value;
  }
  const server: BenchServer = JSON.parse(text);
  return {
    ...server,
    [Symbol.asyncDispose]: async () => {
      await child.stdin.close();
      await child.status;
    },
  };
}

async function measureAll(programs: Programs, runs: number): Promise<Map<string, Figures>> {
  const rows = Array.from(programs, ([name, command]) => {
    const wall: number[] = [];
    const cpu: number[] = [];
    return { name, command, wall, cpu };
  });
  for (const { command } of rows) {
    // Warms the file cache, and the script form's cache of compiled code, which it fills on the side.
    for (let run = 0; run < WARM_UP_RUNS; run++) await measure(command);
  }
  for (let round = 0; round < runs; round++) {
    for (const { command, wall, cpu } of rows) {
      const run = await measure(command);
      wall.push(run.wall);
      cpu.push(run.cpu);
    }
  }
  const figures = new Map<string, Figures>();
  for (const { name, command, wall, cpu } of rows) {
    const memory: number[] = [];
    for (let run = 0; run < MEMORY_RUNS; run++) memory.push(await measureMemory(command));
    figures.set(name, { wall, cpu, memory: median(memory) });
  }
  return figures;
}

/** The processor time of many runs at once, as a ratio to as many single ones next to them. */
async function measureAtOnce(command: Command): Promise<Verdict> {
  const together: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round < AT_ONCE_ROUNDS; round++) {
    const singles: number[] = [];
    for (let i = 0; i < 5; i++) singles.push((await measure(command)).cpu);
    alone.push(AT_ONCE * median(singles));
    together.push((await measure(command, AT_ONCE)).cpu);
  }
  return {
    what: `${AT_ONCE} at once, to ${AT_ONCE} × one`,
    ours: inMs(median(together)),
    other: inMs(median(alone)),
    ratio: medianRatio(together, alone),
    goal: 1.1,
  };
}

/** The median of the ratios round by round: a machine whose speed drifts slows both of a round. */
function medianRatio(ours: readonly number[], other: readonly number[]): number {
  return median(ours.map((value, round) => value / (other[round] ?? NaN)));
}

/** The median of the differences round by round. */
function medianDifference(more: readonly number[], less: readonly number[]): number {
  return median(more.map((value, round) => value - (less[round] ?? NaN)));
}

function inMs(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

function inMiB(kib: number): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}

/** Finds rows by their names. */
type Rows = (name: string) => Figures;

function rowsOf(figures: ReadonlyMap<string, Figures>): Rows {
  return (name) => {
    const found = figures.get(name);
    if (found === undefined) throw new Error(`nothing was measured of ${name}`);
    return found;
  };
}

/** What the goals are about, from the figures. */
function judge(figures: ReadonlyMap<string, Figures>): Verdict[] {
  const of = rowsOf(figures);
  const times = (what: string, our: string, their: string, goal?: number): Verdict => {
    const [ours, other] = [of(our), of(their)];
    return {
      what,
      ours: inMs(median(ours.cpu)),
      other: inMs(median(other.cpu)),
      ratio: medianRatio(ours.cpu, other.cpu),
      wallRatio: medianRatio(ours.wall, other.wall),
      ...(goal !== undefined && { goal }),
    };
  };
  const memory = (what: string, our: string, their: string, goal?: number): Verdict => {
    const [ours, other] = [of(our).memory, of(their).memory];
    const ratio = ours / other;
    return {
      what,
      ours: inMiB(ours),
      other: inMiB(other),
      ratio,
      ...(goal !== undefined && { goal }),
    };
  };
  /** Milliseconds that each further secret takes. */
  const perSecret = (few: string, more: string) =>
    medianDifference(of(more).cpu, of(few).cpu) /
    ((NAMESPACES[more] ?? NaN) - (NAMESPACES[few] ?? NaN));
  const inUs = (milliseconds: number) => `${(milliseconds * 1000).toFixed(1)} µs`;
  const [first, further] = [perSecret("one", "many"), perSecret("many", "most")];
  const verdicts = [
    times("no mirror, to an empty program", "no mirror", "empty program", 1.25),
    times("one secret, to a bare GET", "one", "GET one", 0.85),
    times("one secret, named, to a bare GET", "one, named", "GET one", 0.85),
    times("one secret, env file, to a bare GET", "one, env file", "GET one", 0.85),
    times("one secret, kubeconfig, to a bare GET", "one, kubeconfig", "GET one", 0.95),
    times("no mirror, containerd, to CRI-O", "no mirror, containerd", "no mirror", 1.05),
    times("one secret, containerd, to CRI-O", "one, containerd", "one", 1.05),
    times("1,000 secrets, to a bare GET", "many", "GET many"),
    times("5,000 secrets, to a bare GET", "most", "GET most"),
    {
      what: "each further secret of 5,000, to each of 1,000",
      ours: inUs(further),
      other: inUs(first),
      ratio: further / first,
      goal: 1,
    },
    memory("one secret, memory, to a bare GET", "one", "GET one", 1.1),
    memory("5,000 secrets, memory, to a bare GET", "most", "GET most"),
    times("one secret, to the script form", "one", "script: one"),
  ];
  if (figures.has("Go: one")) {
    verdicts.push(
      times("no mirror, to the Go program", "no mirror", "Go: no mirror"),
      times("one secret, to the Go program", "one", "Go: one"),
      times("1,000 secrets, to the Go program", "many", "Go: many", 0.5),
      times("5,000 secrets, to the Go program", "most", "Go: most", 0.2),
    );
  }
  return verdicts;
}

/** Where the processor time of pulls goes: each part is what one program takes more than another. */
function partsOf(figures: ReadonlyMap<string, Figures>): Map<string, Part[]> {
  const of = rowsOf(figures);
  const runtime = { what: "the runtime starts", ms: median(of("empty program").cpu) };
  const begin = {
    what: "the program is loaded, reads request and registries",
    ms: medianDifference(of("no mirror").cpu, of("empty program").cpu),
  };
  const handshake = {
    what: "TLS: random numbers and handshake",
    ms: medianDifference(of("handshake").cpu, of("empty program").cpu),
  };
  const common = [runtime, begin, handshake];
  const rest = (row: string) => {
    const before = common.reduce((sum, { ms }) => sum + ms, 0);
    return { what: "secrets are asked for and read, the file is written", ms: before, row };
  };
  const pulls = new Map<string, Part[]>([["no mirror", [runtime, begin]]]);
  for (const [row, label] of PULLS) {
    if (!figures.has(row)) continue;
    const { what, ms } = rest(row);
    pulls.set(label, [...common, { what, ms: Math.max(0, median(of(row).cpu) - ms) }]);
  }
  for (const [row, label] of GO_PULLS) {
    const go = figures.get(row);
    if (go !== undefined) pulls.set(label, [{ what: "the Go program", ms: median(go.cpu) }]);
  }
  return pulls;
}

const PULLS = [
  ["one", "one secret"],
  ["one, kubeconfig", "one secret, kubeconfig"],
  ["many", "1,000 secrets"],
  ["most", "5,000 secrets"],
] as const;

const GO_PULLS = [
  ["Go: one", "Go: one secret"],
  ["Go: many", "Go: 1,000 secrets"],
] as const;

function printTable(figures: ReadonlyMap<string, Figures>, verdicts: readonly Verdict[]): void {
  const columns = (name: string, cells: readonly string[]) =>
    print(`${name.padEnd(20)}${cells.map((cell) => cell.padStart(12)).join("")}`);
  columns("", ["cpu, median", "cpu, least", "wall, median", "wall, least", "peak"]);
  for (const [name, { wall, cpu, memory }] of figures) {
    const times = [median(cpu), Math.min(...cpu), median(wall), Math.min(...wall)];
    columns(name, [...times.map(inMs), inMiB(memory)]);
  }
  print("");
  const width = Math.max(...verdicts.map(({ what }) => what.length));
  const header = ["ours", "other"].map((name) => name.padStart(12)).join("");
  print(`${"".padEnd(width)}${header}  ratio   wall   goal`);
  for (const { what, ours, other, ratio, wallRatio, goal } of verdicts) {
    const met = goal === undefined ? "" : ratio <= goal ? "met" : "not met";
    print(
      `${what.padEnd(width)}${ours.padStart(12)}${other.padStart(12)}  ${ratio.toFixed(2)}   ` +
        `${wallRatio?.toFixed(2) ?? "   -"}   ${goal?.toFixed(2) ?? "   -"}  ${met}`.trimEnd(),
    );
  }
}

async function main(runs: number, plot: string): Promise<void> {
  const go = Deno.env.get("GO_PLUGIN");
  await using server = await startServer(go === undefined ? 0 : GO_PORT);
  const settings = { apiserver: server.url, logLevel: DEFAULT_SETTINGS.logLevel };
  await using node = await tempNode({
    settings,
    ...(go !== undefined && { root: TEST_NODE_ROOT }),
  });
  const programs = await preparePrograms(node, server, go);
  print(`${runs} interleaved runs of each; ratios are medians of the rounds'\n`);
  const figures = await measureAll(programs, runs);
  const verdicts = judge(figures);
  const one = programs.get("one");
  if (one !== undefined) verdicts.push(await measureAtOnce(one));
  printTable(figures, verdicts);
  await Deno.mkdir(DIST, { recursive: true });
  const results = { deno: Deno.version.deno, runs, figures: Object.fromEntries(figures), verdicts };
  await Deno.writeTextFile(`${DIST}/bench.json`, JSON.stringify(results, null, 2) + "\n");
  await Deno.writeTextFile(plot, plotParts(partsOf(figures)));
}

if (import.meta.main) {
  const [runs = String(LEAST_RUNS), plot = `${DIST}/bench.svg`] = Deno.args;
  if (!/^[1-9]\d*$/.test(runs)) {
    print(`error: ${JSON.stringify(runs)} is not a number of runs`, Deno.stderr);
    Deno.exit(2);
  }
  await main(Number(runs), plot);
}
