/**
 * Whether the compiled form can be made on this machine: that needs Deno's runtime part, denort. As a
 * command: prints where it comes from, or fails with the reason why it is not to be had.
 */

import { compile } from "./compile.ts";
import { BuildError } from "./support/bundle.ts";
import { print } from "./support/print.ts";

/** Where the runtime part comes from, or why it is not to be had. */
export type RuntimePart =
  | { readonly from: string }
  | { readonly missing: string };

/**
 * Compiles an empty program for this machine, and runs it. What Deno downloads for that is in its cache
 * from then on, so that builds at the same time do not download it at the same time.
 */
export async function findRuntimePart(): Promise<RuntimePart> {
  const out = await Deno.makeTempDir();
  try {
    const path = await compile({ out, program: "" });
    const { success, stderr } = await new Deno.Command(path, { stdin: "null" }).output();
    if (!success) return { missing: `it does not run: ${new TextDecoder().decode(stderr).trim()}` };
    const variables = [`DENORT_BIN_${Deno.build.arch.toUpperCase()}`, "DENORT_BIN"];
    return { from: variables.find((name) => Deno.env.get(name)) ?? "Deno's download" };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const [, reason] = /^deno compile said: (.*)$/m.exec(error.message) ?? [];
    return { missing: reason ?? error.message };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

if (import.meta.main) {
  const part = await findRuntimePart();
  print("from" in part ? part.from : `no runtime part: ${part.missing}`);
  Deno.exit("from" in part ? 0 : 1);
}
