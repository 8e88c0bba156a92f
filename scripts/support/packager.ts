/** The packager nfpm, built from source by the Go module that pins it, and kept outside of the tree. */

import { BuildError } from "./bundle.ts";
import { cacheDirectory } from "./cache_directory.ts";
import { PROJECT } from "./project.ts";

const MODULE = `${PROJECT}/scripts/packager`;
const PROGRAM = "github.com/goreleaser/nfpm/v2/cmd/nfpm";

/**
 * The packager, which is built when it is not there yet: that takes Go, its module proxy and a minute.
 *
 * @returns its path, below `$XDG_CACHE_HOME` or `~/.cache`.
 * @throws {BuildError} when there is no Go, or the build fails.
 */
export async function findPackager(): Promise<string> {
  const texts = await Promise.all(
    ["go.mod", "go.sum"].map((name) => Deno.readTextFile(`${MODULE}/${name}`)),
  );
  const directory = await cacheDirectory("crio-credential-provider", "nfpm", texts);
  const path = `${directory}/nfpm`;
  if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  // Two that build it at once do not write into the same file.
  const part = await Deno.makeTempFile({ dir: directory });
  try {
    await runOrRefuse("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", part, PROGRAM], {
      cwd: MODULE,
      env: { GOFLAGS: "-mod=readonly", CGO_ENABLED: "0" },
    });
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part);
    throw error;
  }
  return path;
}

/**
 * Runs a program that must succeed.
 *
 * @throws {BuildError} with what it said, or that it is not there.
 */
export async function runOrRefuse(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions,
): Promise<void> {
  const name = program.replace(/^.*\//, "");
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { ...options, args: [...args] }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new BuildError(`${name}: is missing; the packager is built with Go 1.26 or later`);
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr) + new TextDecoder().decode(output.stdout);
  throw new BuildError(`${name} ${args[0] ?? ""}: failed:\n${said.trim()}`);
}
