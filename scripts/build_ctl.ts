/**
 * Builds the operator's tool `crio-credential-ctl` as a script: the bundle behind a shell header
 * that grants each command what it needs.
 */

import { DEFAULT_SETTINGS, type Settings } from "../src/settings.ts";
import { quote, type ScriptOptions, shellHeader } from "./build.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundleProgram, writeExecutable } from "./support/bundle.ts";
import { doctorPrelude } from "./support/doctor_prelude.ts";
import { DIST } from "./support/project.ts";

/**
 * `generate` may read the files that `--from` and `--merge` name, and nothing else. So the shell,
 * which has no sandbox to be led out of, looks for them before the runtime starts.
 */
const PRELUDE = [
  "grant=; net=; last=;",
  `case "$1" in generate) for word; do`,
  `case "$last" in --from|--merge|-from|-merge) grant="$grant,$word";; esac;`,
  `case "$word" in --from=*|--merge=*|-from=*|-merge=*) grant="$grant,\${word#*=}";; esac;`,
  `last="$word"; done;; esac; `,
].join(" ");
const GRANTS = [`\${grant:+"--allow-read=\${grant#,}"}`, `\${net:+"--allow-net=$net"}`];

/**
 * Builds the tool.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildCtl(options: ScriptOptions = {}): Promise<string> {
  const settings: Settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const path = `${options.out ?? `${DIST}/script`}/crio-credential-ctl`;
  const prelude = PRELUDE + doctorPrelude(settings, quote);
  const header = shellHeader({ prelude, grants: GRANTS, deno: options.deno ?? "deno" });
  await writeExecutable(path, `${header}\n${await bundleProgram("ctl.ts", settings)}`);
  return path;
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task build-ctl",
      brief: "Build crio-credential-ctl",
      example: "--out /usr/local/bin",
    }, ({ settings, out, deno, target }) => {
      if (target !== undefined) throw new BuildError("--target is for deno task compile");
      return buildCtl({ settings, ...(out && { out }), ...(deno && { deno }) });
    }),
  );
}
