/** The runtime's own record of what a pull touches (`DENO_AUDIT_PERMISSIONS`). */

import assert from "node:assert/strict";
import { buildScript } from "../../scripts/build.ts";
import { type Cluster, IMAGE, request } from "./cluster.ts";
import { runPlugin } from "./plugin.ts";

/** An access that the runtime checked. */
export interface RecordedAccess {
  readonly permission: string;
  readonly value: string;
}

/**
 * Pulls with a script that keeps a record, made as the documentation tells a security reader to make it.
 * The runtime of the compiled form keeps none.
 */
export async function recordPull(
  cluster: Cluster,
  image = IMAGE,
): Promise<{ readonly code: number; readonly accesses: readonly RecordedAccess[] }> {
  const file = cluster.node.path("record");
  const script = await recordingScript(cluster, file);
  const { code } = await runPlugin(script, { stdin: request(image, cluster.token) });
  const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
  await Deno.remove(file);
  return { code, accesses: lines.map((line) => JSON.parse(line)) };
}

async function recordingScript({ node }: Cluster, file: string): Promise<string> {
  const script = await buildScript({ settings: node.settings, out: node.path("recording") });
  const text = await Deno.readTextFile(script);
  const recording = text.replace("/usr/bin/env -i", `$& DENO_AUDIT_PERMISSIONS=${file}`);
  assert.notEqual(recording, text);
  await Deno.writeTextFile(script, recording);
  return script;
}
