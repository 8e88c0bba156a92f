/**
 * Makes what a release consists of: the executables, what they are made of, what they may touch, and
 * the checksums of all of it.
 */

import { DEFAULT_SETTINGS, type Settings } from "../src/settings/settings.ts";
import { buildCtl, buildScript } from "./build.ts";
import { compile, compileCtl } from "./compile.ts";
import { formatPolicy } from "../src/settings/sandbox.ts";
import { billOfMaterials } from "./support/bill_of_materials.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { parseProgram, sha256 } from "../src/executable/program.ts";
import { PROGRAMS } from "../src/executable/programs.ts";
import type { BuildFacts } from "../src/executable/version.ts";
import { BuildError, bundleFiles, bundleProgram } from "./support/bundle.ts";
import { makeDirectory } from "./support/output_directory.ts";
import { print } from "./support/print.ts";
import { DIST } from "./support/project.ts";

/** The platforms that are compiled for. */
export const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] as const;

/** Where to put a release, and for which settings. */
export interface ReleaseOptions {
  readonly settings?: Settings;
  /** @default `dist/release` of the project */
  readonly out?: string;
  /** Called for each platform that cannot be compiled for. */
  readonly onMissing: (target: string, reason: string) => void;
}

/**
 * Makes a release.
 *
 * @returns the directory.
 * @throws {BuildError} when the parts that need no download cannot be made, or the directory holds
 * something else; then nothing is changed.
 */
export async function release(options: ReleaseOptions): Promise<string> {
  const settings = options.settings ?? DEFAULT_SETTINGS;
  return await makeDirectory(
    options.out ?? `${DIST}/release`,
    (name) => OWN.test(name),
    (out) => makeRelease(settings, out, options.onMissing),
  );
}

/** Names of a release's files. */
const OWN =
  /^(?:SHA256SUMS|crio-credential-(?:provider|ctl)(?:-script|-\w+-unknown-linux-gnu|\.cdx\.json|\.policy\.json))$/;

async function makeRelease(
  settings: Settings,
  out: string,
  onMissing: ReleaseOptions["onMissing"],
): Promise<void> {
  const work = await Deno.makeTempDir();
  const [name, ctl] = PROGRAMS;
  try {
    await Deno.copyFile(await buildScript({ settings, out: work }), `${out}/${name}-script`);
    await Deno.copyFile(await buildCtl({ settings, out: work }), `${out}/${ctl}-script`);
    for (const target of TARGETS) {
      try {
        const where = { settings, out: `${work}/${target}`, target };
        await Deno.copyFile(await compile(where), `${out}/${name}-${target}`);
        await Deno.copyFile(await compileCtl(where), `${out}/${ctl}-${target}`);
      } catch (error) {
        if (!(error instanceof BuildError)) throw error;
        onMissing(target, error.message);
      }
    }
    for (const program of [name, ctl] as const) {
      const bom = billOfMaterials(program, {
        facts: readFacts((await bundleFiles(program, settings)).entry),
        scriptSha256: readFacts(await bundleProgram(program, settings)).bundleSha256,
        denoVersion: Deno.version.deno,
      });
      await Deno.writeTextFile(`${out}/${program}.cdx.json`, JSON.stringify(bom, null, 2) + "\n");
    }
    await Deno.writeTextFile(`${out}/${name}.policy.json`, formatPolicy(settings));
    await Deno.writeTextFile(`${out}/SHA256SUMS`, await checksums(out));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** What a program says of its build. */
export function readFacts(text: string): BuildFacts {
  return parseProgram(text).build.facts;
}

/** The checksums of a directory's files, in lines as `sha256sum --check` reads them. */
export async function checksums(directory: string): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  const lines = names.map(async (name) =>
    `${await sha256(await Deno.readFile(`${directory}/${name}`))}  ${name}\n`
  );
  return (await Promise.all(lines)).join("");
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task release",
      brief: "Make a release: executables, bill of materials, policy, checksums",
      example: "--settings site.jsonc",
      takes: [],
    }, ({ settings, out }) =>
      release({
        settings,
        ...(out && { out }),
        onMissing: (target, reason) =>
          print(`warning: left out the compiled form for ${target}: ${reason}\n`, Deno.stderr),
      })),
  );
}
