/** Builds the programs around the image library, one for each of its generations. */

import { cacheDirectory } from "../../../scripts/support/cache_directory.ts";
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
  const name = `image-library-${module}`;
  const program = `${await cacheDirectory("crio-credential-provider-e2e", name, texts)}/oracle`;
  if (await Deno.stat(program).then(() => true, () => false)) return program;
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
