/** The machine as a process finds it that has less of it: a mount namespace of its own. */

import { dirname } from "node:path";
import { runPlugin } from "./plugin.ts";

/** What a process does not find. */
export type Lack = "a writable file system" | "/tmp";

/** Directories of a machine that a program needs to be started; the script form needs the runtime. */
const NEEDED = [
  ...["/usr", "/bin", "/lib", "/lib64", "/etc", "/dev", "/proc"],
  dirname(Deno.execPath()),
];

/** Mounts all below / read-only, but for a tmpfs at the last argument but the command. */
const READ_ONLY = [
  `mount -t tmpfs -o mode=0755 tmpfs "$1"`,
  `mount -o remount,bind,ro /`,
  `shift; exec "$@"`,
].join(" && ");

/** Makes another / that has what is needed, and the directory given, and nothing else. */
const WITHOUT_TMP = [
  `new="$1/new-root"; keep="$1"; mkdir -p "$new"; mount -t tmpfs tmpfs "$new"`,
  ...NEEDED.map((path) => `{ [ ! -e ${path} ] || bind ${path}; }`),
  `bind "$keep"`,
  `shift; [ ! -e "$new/tmp" ] && exec /usr/sbin/chroot "$new" "$@"`,
].join(" && ");

const BIND = `bind() { mkdir -p "$new$1" && mount --rbind "$1" "$new$1"; }; `;

/**
 * The command that runs another one where something is lacking.
 *
 * @param directory the one directory that can be written to; without `/tmp`, one outside of it.
 */
export function commandWithout(lack: Lack, directory: string): readonly [string, ...string[]] {
  const user = Deno.uid() === 0 ? [] : ["--map-root-user"];
  const script = lack === "/tmp" ? BIND + WITHOUT_TMP : READ_ONLY;
  return ["unshare", ...user, "--mount", "sh", "-c", script, "sh", directory];
}

/** Whether this machine allows it. */
export async function canLack(lack: Lack): Promise<boolean> {
  const directory = await Deno.makeTempDir({ dir: "/var/tmp" });
  const [command, ...args] = commandWithout(lack, directory);
  try {
    return (await runPlugin(command, { args: [...args, "/bin/true"] })).code === 0;
  } catch {
    return false;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
