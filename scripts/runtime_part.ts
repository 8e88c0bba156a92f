/**
 * Whether the compiled form can be made on this machine: that needs Deno's runtime part, denort. As a
 * command: prints where it comes from, or fails with the reason why it is not to be had.
 */

import { compile } from "./compile.ts";
import { BuildError } from "./support/bundle.ts";

/** Where the runtime part comes from, or why it is not to be had. */
export type RuntimePart =
  | { readonly from: string }
  | { readonly missing: string };

/**
 * Compiles an empty program for this machine. What Deno downloads for that is in its cache from then
 * on, so that builds at the same time do not download it at the same time.
 *
 * @param denort value of `DENORT_BIN`; empty for Deno's own download.
 */
export async function findRuntimePart(denort: string): Promise<RuntimePart> {
  const out = await Deno.makeTempDir();
  try {
    await compile({ out, program: "" });
    return { from: denort === "" ? "Deno's download" : "DENORT_BIN" };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const [, reason] = /^deno compile said: (.*)$/m.exec(error.message) ?? [];
    return { missing: reason ?? error.message };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

if (import.meta.main) {
  const part = await findRuntimePart(Deno.env.get("DENORT_BIN") ?? "");
  const text = "from" in part ? part.from : `no runtime part: ${part.missing}`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  Deno.exit("from" in part ? 0 : 1);
}
