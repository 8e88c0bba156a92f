/** Runs the cases of a real node in namespaces, and leaves nothing behind. */

import type { NodeParts, Parts } from "../parts.ts";
import type { Outcome } from "../report.ts";
import { Cgroups, enterNamespaces } from "./namespaces.ts";
import type { Programs } from "./world.ts";

/** What is handed into the namespaces. */
export interface Request {
  readonly parts: Parts;
  readonly nodeParts: NodeParts;
  readonly programs: Programs;
  readonly directory: string;
  readonly cgroup: string;
  /** A part of the names of the cases to play. @default all */
  readonly only?: string;
}

/**
 * Plays the cases with a plugin.
 *
 * @param script to run in the namespaces. @default the cases
 * @param onStart is told how to end it with nothing left behind.
 * @throws {Error} when the node could not be set up.
 */
export async function runRealNode(
  { parts, nodeParts, programs, only }: Omit<Request, "directory" | "cgroup">,
  onStart: (end: () => Promise<void>) => void,
  script = "main.ts",
): Promise<Outcome[]> {
  const ended = Promise.withResolvers<void>();
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => ended.resolve());
  const directory = await Deno.makeTempDir({ prefix: "crio-credential-provider-node-" });
  if (Deno.env.get("E2E_KEEP") === undefined) {
    cleanUp.defer(() => Deno.remove(directory, { recursive: true }));
  }
  await Deno.mkdir(`${directory}/home`);
  await Deno.mkdir(`${directory}/images`);
  const cgroups = cleanUp.use(await Cgroups.make(`crio-credential-provider-e2e-${Deno.pid}`));
  const request: Request = {
    ...{ parts, nodeParts, programs, directory, cgroup: cgroups.name },
    ...(only !== undefined && { only }),
  };
  const inside = new URL(script, import.meta.url).pathname;
  const child = enterNamespaces(
    [Deno.execPath(), "run", "--allow-all", "--no-check", "--cached-only", inside],
    // kubectl keeps files in its user's home; the runtime has its own there, too.
    {
      E2E_NODE: JSON.stringify(request),
      DENO_DIR: await denoDirectory(),
      HOME: `${directory}/home`,
    },
  );
  onStart(() => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already, as by a signal to the whole process group.
    }
    return ended.promise;
  });
  const { code } = await child.status;
  const outcomes = await Deno.readTextFile(`${directory}/outcomes.json`).catch(() => undefined);
  if (code !== 0 || outcomes === undefined) {
    throw new Error("the real node ended before its cases did");
  }
  return JSON.parse(outcomes);
}

/** Where the runtime keeps what it downloaded. */
async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir }: { readonly denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return denoDir;
}
