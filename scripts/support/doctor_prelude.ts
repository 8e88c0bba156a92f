/** The part of the tool's shell header that makes the sandbox of `doctor`. */

import { placesToRead } from "../../src/ctl/doctor/places.ts";
import { requiredPermissions } from "../../src/settings/sandbox.ts";
import { SETTING_NAMES, SETTINGS, type Settings } from "../../src/settings/settings.ts";

/** Flags whose value is a path of the node. */
const NODE_PATHS = [
  "config",
  "bin-dir",
  "kubelet-config",
  "kubelet-root-dir",
  ...SETTING_NAMES.filter((name) => String(SETTINGS[name].default).startsWith("/"))
    .map((name) => SETTINGS[name].flag),
  SETTINGS.caFile.flag,
];

/**
 * Shell commands that add to `files`, which becomes `--allow-read`, and set `hosts`, which becomes
 * `--allow-net`: with `--root` that directory, else the places of a node with these settings, and
 * either way what the words name. Nothing grants a write, so that journald's socket is looked at
 * alone.
 *
 * @param quote quotes a word for the shell.
 */
export function doctorPrelude(settings: Settings, quote: (word: string) => string): string {
  const places = placesToRead(settings).join(",");
  const hosts = requiredPermissions(settings)
    .filter(({ kind, target }) => kind === "net" && !target.startsWith("unix:"))
    .map(({ target }) => target).join(",");
  return [
    `case "$1" in doctor)`,
    `paths=; root=; last=; hosts=${quote(hosts)};`,
    "for word; do",
    `case "$word" in -*=*) flag="\${word%%=*}"; value="\${word#*=}";;`,
    `*) flag="$last"; value="$word";; esac;`,
    `last="$word"; flag="\${flag#-}";`,
    `case "\${flag#-}" in`,
    `root) root="$value";;`,
    `plugin) files="$files,$value";;`,
    // From stdin nothing is to be granted.
    `kubelet-cmdline|roles) case "$value" in -) ;; *) files="$files,$value";; esac;;`,
    `${NODE_PATHS.join("|")}) paths="$paths\${value:+,$value}";;`,
    // `https://host/path` -> `host:443`
    `apiserver) hosts="\${value#https://}"; hosts="\${hosts%%/*}";`,
    `case "$hosts" in *]) hosts="$hosts:443";; *:*) ;; *) hosts="$hosts:443";; esac;;`,
    "esac; done;",
    `if [ "$root" ]; then files="$files,$root"; else files="$files,"${quote(places)}"$paths"; fi;;`,
    "esac; ",
  ].join(" ");
}
