/** Builds the programs around the image library, one for each of its generations. */

import { mustRun } from "../process.ts";

const MODULES = new URL("../go/image_library/", import.meta.url).pathname;

/** Executables by generation of the library. */
export interface LibraryPrograms {
  /** As CRI-O 1.34 and its main branch have it. */
  readonly older: string;
  /** With the newer search paths. */
  readonly newer: string;
}

/**
 * Builds both programs, or takes them from the cache, where they are kept by what they are built from.
 *
 * @throws {Error} when Go is missing, or fails.
 */
export async function buildLibraryPrograms(): Promise<LibraryPrograms> {
  return { older: await build("v5.38"), newer: await build("v5.42") };
}

async function build(module: string): Promise<string> {
  const sources = [
    "oracle/go.mod",
    "oracle/oracle.go",
    ...["go.mod", "go.sum", "main.go"].map((name) => `${module}/${name}`),
  ];
  const texts = await Promise.all(sources.map((path) => Deno.readTextFile(`${MODULES}${path}`)));
  const bytes = new TextEncoder().encode(texts.join("\0"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
  const base = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const directory = `${base}/crio-credential-provider-e2e/image-library`;
  const program = `${directory}/${module}-${hash}`;
  if (await Deno.stat(program).then(() => true, () => false)) return program;
  await Deno.mkdir(directory, { recursive: true });
  // Signatures are none of this: without the tag the library wants C libraries for them.
  const args = [
    "build",
    "-trimpath",
    "-tags",
    "containers_image_openpgp",
    "-o",
    `${program}.part`,
    ".",
  ];
  const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" };
  await mustRun("go", args, { cwd: `${MODULES}${module}`, env });
  await Deno.rename(`${program}.part`, program);
  return program;
}
