/** Auth files that no pull ever took keep live credentials on disk; so do those of killed runs. */

import type { PulledImages } from "../../kubelet/pulled_images.ts";
import { isLabel } from "../../kubernetes/names.ts";

/**
 * Age from which a file is removed where no setting says otherwise, in milliseconds. With
 * `service-account` the kubelet runs the plugin at each start of a container, most of which no pull
 * follows, and a file left lying undoes what that setting is for; pulls wait in the kubelet's queue
 * after the plugin has run, so that it cannot be shorter than a pull may wait.
 */
export const STALE_AFTER: Readonly<Record<PulledImages, number>> = {
  node: 3_600_000,
  "service-account": 600_000,
};

/** The age that counts, in milliseconds; 0: files are never removed. */
export function staleAge(
  { pulledImages, staleAfter }: {
    readonly pulledImages: PulledImages;
    readonly staleAfter: number | null;
  },
): number {
  return staleAfter ?? STALE_AFTER[pulledImages];
}

/**
 * Whether a name in the auth directory is one that this program gives: `<namespace>-<sha256>.json`, or
 * that of a temporary file that becomes one.
 */
export function isOwnName(name: string): boolean {
  const [, namespace] = /^(.*)-[0-9a-f]{64}\.json$/.exec(name) ?? [];
  return namespace === undefined ? /^\.auth-[0-9a-f]{16}\.tmp$/.test(name) : isLabel(namespace);
}

/**
 * Removes files of this program's own naming that have reached an age, or are dated as far ahead:
 * those were written before the clock was set back, and would else stay for as long as it was wrong.
 * Nothing else is touched, `in-use/` least of all, and no failure is reported: this is a service to
 * the node, not part of the pull.
 *
 * @param age in milliseconds; 0: never.
 * @param now in milliseconds since 1970.
 * @returns how many files were removed.
 */
export function removeStaleFiles(authDir: string, age: number, now: number): number {
  if (age === 0) return 0;
  let removed = 0;
  try {
    for (const { name, isFile } of Deno.readDirSync(authDir)) {
      if (isFile && isOwnName(name) && removeIfFarFrom(now, age, `${authDir}/${name}`)) {
        removed++;
      }
    }
  } catch {
    // Another process may have removed the directory.
  }
  return removed;
}

function removeIfFarFrom(now: number, age: number, path: string): boolean {
  try {
    // deno-coverage-ignore -- for the compiler: Linux has it
    const written = Deno.lstatSync(path).mtime?.getTime() ?? now;
    if (Math.abs(now - written) <= age) return false;
    Deno.removeSync(path);
    return true;
    // deno-coverage-ignore-start -- a race with another process
  } catch {
    // CRI-O took it, or another run removed it.
    return false;
    // deno-coverage-ignore-stop
  }
}
