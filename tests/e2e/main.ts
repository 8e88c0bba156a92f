/**
 * The end-to-end run: the compiled plugin between the real parts.
 *
 *   deno task e2e [--without-node] [part of a name]
 *
 * First a real node, kubelet and CRI-O included, in namespaces of its own; then what the kubelet's code
 * and the image library show by themselves.
 */

import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { type Builder, findBuilder } from "./builder.ts";
import { CASES } from "./cases.ts";
import { findNodeParts, findParts, type NodeParts, type Parts } from "./parts.ts";
import { whyNoNode } from "./real_node/namespaces.ts";
import { runRealNode } from "./real_node/run.ts";
import { mask, type Outcome, playAll, table } from "./report.ts";
import { print } from "../../scripts/support/print.ts";
import { World } from "./world.ts";

const WITHOUT_NODE = "--without-node";

/** The columns of the table. */
const OURS = "this plugin";
const REFERENCE = "reference";

async function main(args: readonly string[]): Promise<boolean> {
  const only = args.find((arg) => arg !== WITHOUT_NODE);
  const withNode = !args.includes(WITHOUT_NODE);
  const why = withNode ? await whyNoNode() : undefined;
  if (why !== undefined) {
    throw new Error(`${why}; ${WITHOUT_NODE} plays the cases that need no node of their own`);
  }
  print("Parts");
  const onPart = (name: string, path: string, version: string) =>
    print(`  ${name}: ${path} ${version}`);
  const parts = await findParts(onPart);
  const nodeParts = withNode ? await findNodeParts(onPart) : undefined;
  const builder = await findBuilder();
  print(`Form judged: ${Deno.env.get("PLUGIN") ?? builder.description}`);
  const columns = new Map<string, readonly Outcome[]>();
  // The node's cases mostly wait, so the others are played meanwhile, and printed after them.
  const lines: string[] = [];
  const [node, others] = await Promise.allSettled([
    nodeParts === undefined ? undefined : playNode({ parts, nodeParts, builder, only }, columns),
    playWithoutNode(
      { parts, builder, only },
      nodeParts === undefined ? print : (text) => lines.push(text),
    ),
  ]);
  for (const line of lines) print(line);
  if (node.status === "rejected") throw node.reason;
  if (others.status === "rejected") throw others.reason;
  columns.set(OURS, [...columns.get(OURS) ?? [], ...others.value]);

  print(`\n${table(columns)}`);
  const own = columns.get(OURS) ?? [];
  const failed = own.filter(({ passed }) => !passed).length;
  const left = withNode ? "" : `; the cases of a real node were left out (${WITHOUT_NODE})`;
  print(`\n${own.length - failed} passed, ${failed} failed${left}`);
  return failed === 0 && own.length > 0;
}

/** What is played, and with what. */
interface Plan {
  readonly parts: Parts;
  readonly builder: Builder;
  /** A part of the names of the cases. @default all */
  readonly only: string | undefined;
}

/** With the plugin as it is released, and with the program that `GO_PLUGIN` names in its place. */
async function playNode(
  { parts, nodeParts, builder, only }: Plan & { readonly nodeParts: NodeParts },
  columns: Map<string, readonly Outcome[]>,
): Promise<void> {
  const out = await Deno.makeTempDir();
  try {
    // Built with the defaults: the node has its files where those say.
    const programs = {
      plugin: await builder.plugin(DEFAULT_SETTINGS, `${out}/plugin`),
      ctl: await builder.ctl(`${out}/ctl`),
    };
    const reference = Deno.env.get("GO_PLUGIN");
    const judged = [
      { column: OURS, programs },
      ...(reference === undefined
        ? []
        : [{ column: REFERENCE, programs: { ...programs, plugin: reference } }]),
    ];
    for (const { column, programs } of judged) {
      print(`\nA real node with ${column}: ${programs.plugin}`);
      const request = { parts, nodeParts, programs, ...(only !== undefined && { only }) };
      columns.set(column, await runRealNode(request, endWhenInterrupted));
    }
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

async function playWithoutNode(
  { parts, builder, only }: Plan,
  say: (text: string) => void,
): Promise<Outcome[]> {
  if (only !== undefined && !CASES.some(({ name }) => name.includes(only))) return [];
  const starting = World.start(parts, builder);
  endWhenInterrupted(() => starting.then((world) => world[Symbol.asyncDispose]()));
  await using world = await starting;
  return await playAll(CASES, world, { only, say });
}

/** What has to end before the program does. */
const running: (() => unknown)[] = [];

/** An interrupted run leaves nothing behind either. */
function endWhenInterrupted(end: () => unknown): void {
  running.push(end);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, async () => {
    await Promise.allSettled(running.map((end) => end()));
    Deno.exit(130);
  });
}

try {
  Deno.exit(await main(Deno.args) ? 0 : 1);
} catch (error) {
  print(`error: ${mask(error instanceof Error ? error.message : String(error))}`);
  Deno.exit(1);
}
