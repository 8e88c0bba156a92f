/**
 * Times the built plugin as a whole process beside floor programs: an empty one, and one that sends
 * the same request and decodes the answer. `deno task bench [runs]`
 */

import type { Runtime } from "../src/kubelet/runtime.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/settings/settings.ts";
import { TEST_NODE_ROOT } from "../tests/support/executable.ts";
import { type TempNode, tempNode } from "../tests/support/temp_node.ts";
import { buildScript } from "./build.ts";
import type { BenchServer } from "./support/bench_server.ts";
import { NAMESPACES } from "./support/bench_server.ts";
import { type Command, measure, measureMemory, median } from "./support/measure.ts";
import { DIST, PROJECT } from "./support/project.ts";

const IMAGE = "docker.io/library/nginx";
const LEAST_RUNS = 20;
const MEMORY_RUNS = 5;
const WARM_UP_RUNS = 3;
const AT_ONCE = 20;

/** The port that a Go build has baked in, with the root of `test_node.jsonc`. */
const GO_PORT = 16443;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** What one program's runs took. */
interface Figures {
  /** Milliseconds of each run, round by round. */
  readonly walls: readonly number[];
  /** Medians, in milliseconds. */
  readonly wall: number;
  readonly cpu: number;
  /** KiB. */
  readonly memory: number;
}

/** A line of the table. */
interface Verdict {
  readonly what: string;
  readonly ours: string;
  readonly floor: string;
  readonly ratio: number;
  readonly goal: number;
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

/** The bare request: a client, `fetch`, `json`. */
function getProgram({ url, caPem, tokens }: BenchServer, namespace: string): string {
  const query = new URLSearchParams({ fieldSelector: "type=kubernetes.io/dockerconfigjson" });
  return [
    `const client = Deno.createHttpClient({ caCerts: [${JSON.stringify(caPem)}] });`,
    `const url = ${JSON.stringify(`${url}/api/v1/namespaces/${namespace}/secrets?${query}`)};`,
    `const headers = { Authorization: ${JSON.stringify(`Bearer ${tokens[namespace]}`)} };`,
    `const response = await fetch(url, { client, headers });`,
    `await response.json();`,
  ].join("\n");
}

function requestFor(image: string, token: string): string {
  return JSON.stringify({
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    kind: "CredentialProviderRequest",
    image,
    serviceAccountToken: token,
  });
}

/** The programs by name, each with its stdin. */
async function prepare(node: TempNode, server: BenchServer): Promise<Map<string, Command>> {
  const { settings } = node;
  await node.writeRegistriesConf(
    `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "localhost:5000"\n`,
  );
  await Deno.mkdir(settings.authDir, { recursive: true, mode: 0o700 });
  const deno = Deno.execPath();
  await node.writeHostsToml(
    "docker.io",
    `server = "http://localhost:5000"\n[host."http://localhost:5000"]\n`,
  );
  const build = async (name: string, program?: string, runtime: Runtime = "crio") => {
    const out = node.path(`bin/${name}`);
    const path = await buildScript({
      settings: { ...settings, runtime },
      deno,
      out,
      ...(program !== undefined && { program }),
    });
    // A cache of its own, as on a node: each run of the runtime goes through what others have put
    // into a common one and it has not merged yet.
    const cache = `DENO_DIR=${node.path(`cache/${name}`)}`;
    const script = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, script.replace("/usr/bin/env -i", `$& ${cache}`));
    return path;
  };
  const commands = new Map<string, Command>();
  const ours = await build("ours");
  const request = async (name: string, image: string, namespace: string) => {
    const path = node.path(`requests/${name}.json`);
    await node.write(path, requestFor(image, server.tokens[namespace] ?? ""));
    return path;
  };
  const none = await request("none", "quay.io/team/app", "one");
  commands.set("empty program", { executable: await build("empty", ""), stdin: none });
  commands.set("no mirror", { executable: ours, stdin: none });
  const containerd = await build("containerd", undefined, "containerd");
  const one = await request("containerd", IMAGE, "one");
  commands.set("containerd none", { executable: containerd, stdin: none });
  commands.set("containerd one", { executable: containerd, stdin: one });
  const go = Deno.env.get("GO_PLUGIN");
  for (const namespace of Object.keys(NAMESPACES)) {
    const stdin = await request(namespace, IMAGE, namespace);
    const bare = await build(`get-${namespace}`, getProgram(server, namespace));
    commands.set(`GET ${namespace}`, { executable: bare, stdin });
    commands.set(namespace, { executable: ours, stdin });
    if (go !== undefined) commands.set(`Go ${namespace}`, { executable: go, stdin });
  }
  if (go !== undefined) commands.set("Go no mirror", { executable: go, stdin: none });
  return commands;
}

async function measureAll(
  commands: ReadonlyMap<string, Command>,
  runs: number,
): Promise<Map<string, Figures>> {
  const walls = new Map<string, number[]>();
  const cpus = new Map<string, number[]>();
  for (const [name, command] of commands) {
    // Warms the file cache, and the runtime's cache of compiled code, which it fills on the side.
    for (let run = 0; run < WARM_UP_RUNS; run++) await measure(command);
    walls.set(name, []);
    cpus.set(name, []);
  }
  for (let round = 0; round < runs; round++) {
    for (const [name, command] of commands) {
      const { wall, cpu } = await measure(command);
      walls.get(name)?.push(wall);
      cpus.get(name)?.push(cpu);
    }
  }
  const figures = new Map<string, Figures>();
  for (const [name, command] of commands) {
    const memory: number[] = [];
    for (let i = 0; i < MEMORY_RUNS; i++) memory.push(await measureMemory(command));
    figures.set(name, {
      walls: walls.get(name) ?? [],
      wall: median(walls.get(name) ?? []),
      cpu: median(cpus.get(name) ?? []),
      memory: median(memory),
    });
  }
  return figures;
}

/** The processor time of many runs at once, as a ratio to as many single ones next to them. */
async function measureAtOnce(command: Command): Promise<Verdict> {
  const together: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round < 5; round++) {
    const singles: number[] = [];
    for (let i = 0; i < 5; i++) singles.push((await measure(command)).cpu);
    alone.push(AT_ONCE * median(singles));
    together.push((await measure(command, AT_ONCE)).cpu);
  }
  const ratio = medianRatio(together, alone);
  const what = `${AT_ONCE} at once, processor time`;
  return { what, ours: inMs(median(together)), floor: inMs(median(alone)), ratio, goal: 1.1 };
}

/** The median of the ratios round by round: a machine whose speed drifts slows both of a round. */
function medianRatio(ours: readonly number[], floor: readonly number[]): number {
  return median(ours.map((value, round) => value / (floor[round] ?? NaN)));
}

function inMs(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

function compareWalls(what: string, ours: Figures, floor: Figures, goal: number): Verdict {
  const ratio = medianRatio(ours.walls, floor.walls);
  return { what, ours: inMs(ours.wall), floor: inMs(floor.wall), ratio, goal };
}

function compareMemory(what: string, ours: Figures, floor: Figures, goal: number): Verdict {
  const show = ({ memory }: Figures) => `${(memory / 1024).toFixed(1)} MiB`;
  return { what, ours: show(ours), floor: show(floor), ratio: ours.memory / floor.memory, goal };
}

/** What the goals are about, from the figures. */
function judge(figures: ReadonlyMap<string, Figures>): Verdict[] {
  const of = (name: string): Figures => {
    const found = figures.get(name);
    if (found === undefined) throw new Error(`nothing was measured of ${name}`);
    return found;
  };
  /** Milliseconds that a secret takes: the median of the differences round by round. */
  const perSecret = (few: string, more: string) => {
    const secrets = (NAMESPACES[more] ?? 0) - (NAMESPACES[few] ?? 0);
    const walls = of(few).walls;
    return median(of(more).walls.map((wall, round) => wall - (walls[round] ?? NaN))) / secrets;
  };
  const inUs = (milliseconds: number) => `${(milliseconds * 1000).toFixed(1)} µs`;
  const [first, further] = [perSecret("one", "many"), perSecret("many", "most")];
  const verdicts = [
    compareWalls("one secret, to the bare GET", of("one"), of("GET one"), 1),
    compareWalls("no mirror, to an empty program", of("no mirror"), of("empty program"), 1.1),
    compareWalls("no mirror, containerd to CRI-O", of("containerd none"), of("no mirror"), 1.05),
    compareWalls("one secret, containerd to CRI-O", of("containerd one"), of("one"), 1.05),
    compareWalls("1,000 secrets, to the bare GET", of("many"), of("GET many"), 1.25),
    {
      what: "each further secret of 5,000, to each of 1,000",
      ours: inUs(further),
      floor: inUs(first),
      ratio: further / first,
      goal: 1,
    },
    compareMemory("one secret, peak memory", of("one"), of("GET one"), 1.15),
    compareMemory("1,000 secrets, peak memory", of("many"), of("GET many"), 1.5),
    compareMemory("5,000 secrets, peak memory", of("most"), of("GET most"), 1.5),
  ];
  if (figures.has("Go many")) {
    verdicts.push(
      compareWalls("one secret, to the Go program", of("one"), of("Go one"), Infinity),
      compareWalls("1,000 secrets, to the Go program", of("many"), of("Go many"), 0.45),
      compareWalls("5,000 secrets, to the Go program", of("most"), of("Go most"), 0.45),
    );
  }
  return verdicts;
}

function printTable(figures: ReadonlyMap<string, Figures>, verdicts: readonly Verdict[]): void {
  print(`${"".padEnd(16)}${"wall".padStart(10)}${"cpu".padStart(12)}${"peak".padStart(12)}`);
  for (const [name, { wall, cpu, memory }] of figures) {
    print(
      `${name.padEnd(16)}${`${wall.toFixed(1)} ms`.padStart(10)}${
        `${cpu.toFixed(1)} ms`.padStart(12)
      }` +
        `${`${(memory / 1024).toFixed(1)} MiB`.padStart(12)}`,
    );
  }
  print("");
  const width = Math.max(...verdicts.map(({ what }) => what.length));
  const header = ["ours", "floor"].map((name) => name.padStart(11)).join("");
  print(`${"".padEnd(width)}${header}  ratio   goal`);
  for (const { what, ours, floor, ratio, goal } of verdicts) {
    const met = goal === Infinity ? "" : ratio <= goal ? "met" : "not met";
    const bound = goal === Infinity ? "-" : goal.toFixed(2);
    print(
      `${what.padEnd(width)}${ours.padStart(11)}${floor.padStart(11)}  ${ratio.toFixed(2)}   ` +
        `${bound.padStart(4)}  ${met}`.trimEnd(),
    );
  }
}

async function main(runs: number): Promise<void> {
  const go = Deno.env.get("GO_PLUGIN") !== undefined;
  await using server = await startServer(go ? GO_PORT : 0);
  const settings: Partial<Settings> = {
    apiserver: server.url,
    logLevel: DEFAULT_SETTINGS.logLevel,
  };
  await using node = await tempNode({ settings, ...(go && { root: TEST_NODE_ROOT }) });
  await node.writeCa(server.caPem);
  const { hostname, port } = new URL(server.url);
  if (go) await node.writeApiserverEnv(hostname, Number(port));
  const commands = await prepare(node, server);
  print(`${runs} interleaved runs of each; medians, of the ratios too\n`);
  const figures = await measureAll(commands, runs);
  const one = commands.get("one");
  const verdicts = judge(figures);
  if (one !== undefined) {
    verdicts.push(await measureAtOnce(one));
  }
  printTable(figures, verdicts);
  await Deno.mkdir(DIST, { recursive: true });
  const results = { deno: Deno.version.deno, runs, figures: Object.fromEntries(figures), verdicts };
  await Deno.writeTextFile(`${DIST}/bench.json`, JSON.stringify(results, null, 2) + "\n");
}

if (import.meta.main) {
  const runs = Number(Deno.args[0] ?? LEAST_RUNS);
  if (!Number.isInteger(runs) || runs < 1) {
    Deno.stderr.writeSync(new TextEncoder().encode("error: the number of runs is no number\n"));
    Deno.exit(2);
  }
  await main(runs);
}
