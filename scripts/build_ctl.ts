/**
 * Builds the operator's tool `crio-credential-ctl` as a script: the bundle behind a shell header
 * that grants each command what it needs.
 */

import { quote, shellHeader } from "../src/executable/script_header.ts";
import { requiredPermissions } from "../src/settings/sandbox.ts";
import { RUNTIMES } from "../src/kubelet/runtime.ts";
import type { Access } from "../src/settings/setting.ts";
import {
  DEFAULT_SETTINGS,
  type SettingName,
  SETTINGS,
  type Settings,
} from "../src/settings/settings.ts";
import { runBuildCommand } from "./support/build_command_line.ts";
import { BuildError, bundleProgram, writeExecutable } from "./support/bundle.ts";
import { doctorPrelude } from "./support/doctor_prelude.ts";
import { DIST } from "./support/project.ts";
import type { ScriptOptions } from "./support/script_options.ts";

/**
 * Shell commands that find out what a command may touch: the files and hosts that its words name. The
 * shell has no sandbox to be led out of, so it looks for them before the runtime starts.
 *
 * - `generate` may read what its flags name, and nothing else; `generate install` may write the directory
 *   that it makes.
 * - `policy` may read what `--settings` names, `audit` that file and a policy, `bind` that file and the
 *   settings; `bind` may write the file that it makes, and the name under which it does so.
 * - `explain` may read what a pull reads and what its flags name; it may connect to the API server
 *   only when no `--secrets-file` stands in its place. It may write nothing.
 */
function prelude(settings: Settings): string {
  const generate = [
    forEachFlag([
      [["from", "merge"], ADD_FILE],
      [["settings"], ADD_INPUT],
      [["release"], ADD_FILE],
      [["out"], `out="$value"`],
    ]),
    // The directory is made under another name first.
    `case "$2" in install) writes="\${out:+,$out,$out.new}"; files="$files$writes";; esac`,
  ].join("; ");
  const askApiServer = [
    `files="$files$api,"${quote(targets("read", API_SERVER_FILES, settings))}`,
    `hosts="$hosts,"${quote(targets("net", ["apiserver", "apiserverHosts"], settings))}`,
  ].join("; ");
  const explain = [
    forEachFlag([
      [["secrets-file"], `secrets=given; ${ADD_FILE}`],
      [["token-file", "crio-log", ...flagsOf(NODE_FILES)], ADD_FILE],
      [flagsOf(API_SERVER_FILES), `api="$api\${value:+,$value}"`],
      [flagsOf(["apiserver"]), ADD_HOST],
    ]),
    `files="$files,"${quote(nodeFiles(settings))}`,
    `case "$secrets" in given) hosts=;; *) ${askApiServer};; esac`,
  ].join("; ");
  const settingsFile = forEachFlag([[["settings"], ADD_INPUT]]);
  const audit = [
    forEachFlag([[["policy"], ADD_INPUT]]),
    POSITIONAL,
    `files="$files\${file:+,$file}"`,
  ]
    .join("; ");
  const bind = [
    forEachFlag([[["settings"], ADD_INPUT], [["out"], `out="$value"`]]),
    POSITIONAL,
    // Written under another name first; renaming asks for both on both names.
    `case "$place" in in) out="$file";; esac`,
    `writes="\${out:+,$out,$out.new}"`,
    `files="$files\${file:+,$file}$writes"`,
  ].join("; ");
  return "files=; hosts=; writes=; api=; secrets=; file=; out=; place=; last=; " +
    `case "$1" in generate) ${generate};; explain) ${explain};; policy) ${settingsFile};; ` +
    `audit) ${audit};; bind) ${bind};; esac; `;
}

/** What the prelude found, as permissions. A list begins with a comma. */
const GRANTS = [
  `\${files:+"--allow-read=\${files#,}"}`,
  `\${writes:+"--allow-write=\${writes#,}"}`,
  `\${hosts:+"--allow-net=\${hosts#,}"}`,
];

/** From stdin nothing is to be granted. */
const ADD_INPUT = `case "$value" in -) ;; *) files="$files\${value:+,$value}";; esac`;

/**
 * Finds the word that is neither a flag nor the value of one, behind the command's own name, and
 * whether that file is to be replaced.
 */
const POSITIONAL = `last=-; for word; do case "$word" in --in-place|-in-place) place=in;; -*) ;; ` +
  `*) case "$last" in [!-]*|-*=*|${
    ["in-place", "show", "json"].flatMap((flag) => [`--${flag}`, `-${flag}`]).join("|")
  }) file="$word";; esac;; esac; last="$word"; done`;

const ADD_FILE = `files="$files\${value:+,$value}"`;

/** Of `HOST:PORT` or a URL, the host and port as `--allow-net` takes them. */
const ADD_HOST = [
  `host="\${value#https://}"`,
  `host="\${host%%/*}"`,
  // Without a port, of which an IPv6 address in brackets is no sign.
  `case "$host" in ""|*:*[!]]) ;; *) host="$host:443";; esac`,
  `hosts="$hosts\${host:+,$host}"`,
].join("; ");

/** Settings that name what `explain` reads of a node. */
const NODE_FILES = [
  "registriesConf",
  "registriesConfDir",
  "kubeletAuthFile",
  "containerdHostsDir",
] as const;

/** What a pull of either runtime reads of a node. */
function nodeFiles(settings: Settings): string {
  return RUNTIMES.map((runtime) => targets("read", NODE_FILES, { ...settings, runtime })).join();
}

/** Settings that name what leads to the API server. */
const API_SERVER_FILES = ["apiserverEnvFile", "kubeconfig", "caFile"] as const;

function flagsOf(names: readonly SettingName[]): string[] {
  return names.map((name) => SETTINGS[name].flag);
}

/** What a pull with these settings may touch because of some of them, separated by commas. */
function targets(
  kind: Access["kind"],
  names: readonly SettingName[],
  settings: Settings,
): string {
  return requiredPermissions(settings)
    .filter((permission) => permission.kind === kind && names.includes(permission.setting))
    .map(({ target }) => target).join();
}

/**
 * Goes through the words of the command line: `--flag value`, `--flag=value`, and either with a
 * single hyphen. The text of a flag is in `$value`.
 */
function forEachFlag(
  actions: readonly (readonly [flags: readonly string[], action: string])[],
): string {
  const cases = actions.map(([flags, action]) =>
    `${flags.flatMap((flag) => [`--${flag}`, `-${flag}`]).join("|")}) ${action};;`
  );
  return [
    `for word; do case "$word" in`,
    `-*=*) flag="\${word%%=*}" value="\${word#*=}";;`,
    `*) flag="$last" value="$word";; esac;`,
    `last="$word"; case "$flag" in ${cases.join(" ")} esac; done`,
  ].join(" ");
}

/**
 * Builds the tool.
 *
 * @returns the path of the executable.
 * @throws {BuildError} when that fails.
 */
export async function buildCtl(options: ScriptOptions = {}): Promise<string> {
  const settings: Settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const path = `${options.out ?? `${DIST}/script`}/crio-credential-ctl`;
  const header = shellHeader({
    prelude: prelude(settings) + doctorPrelude(settings, quote),
    grants: GRANTS,
    deno: options.deno ?? "deno",
  });
  await writeExecutable(path, `${header}\n${await bundleProgram("crio-credential-ctl", settings)}`);
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
