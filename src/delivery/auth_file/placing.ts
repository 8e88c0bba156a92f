/**
 * How a finished auth file gets to its place without taking away one that CRI-O is about to take.
 *
 * All pods of a namespace that start the same image share one file name, the kubelet runs the plugin
 * for each of them, and CRI-O takes the file once for each pull (`server/image_pull.go` of
 * github.com/cri-o/cri-o v1.36.3). A file that replaced another before it was taken would leave the
 * other pod's pull without credentials.
 */

import type { Clock } from "../../process/clock.ts";
import { fileError } from "../../process/files.ts";
import type { PulledImages } from "../../kubelet/pulled_images.ts";

/**
 * How long a run leaves an untaken file alone where `--wait-for-taken` does not say, in milliseconds.
 *
 * - `node`: nearly every run is followed by a pull, so a file in the way is one that CRI-O is about to
 *   take. Eight pods that start an image of 150 MB together need four seconds. It ends before the
 *   kubelet's shortest back-off of ten seconds does (`imageBackOffPeriod` of
 *   k8s.io/kubernetes v1.36.3, `pkg/kubelet/kubelet.go`): else several pods whose pulls failed would
 *   wait during back-off, give up together, and pull together.
 * - `service-account`: the kubelet also runs the plugin for each start of an image that is on the node
 *   already. No pull follows, so a file in the way may be one that nobody will take, and a start is
 *   not to take more than two seconds longer.
 */
export const WAIT_FOR_TAKEN: Readonly<Record<PulledImages, number>> = {
  "node": 6_000,
  "service-account": 2_000,
};

/** How long an untaken file is waited for. */
export interface Patience {
  readonly clock: Pick<Clock, "now" | "sleep" | "wallClock">;
  /** How long a file may lie untaken before nobody waits for it any more, in milliseconds; 0: never. */
  readonly waitForTaken: number;
  /** When this run stops waiting, in milliseconds of `clock.now()`. */
  readonly until: number;
}

/**
 * The patience of a run: it is counted from the run's own start, so that the waits of many do not add
 * up, and ends with the run's time limit.
 *
 * @param settings `waitForTaken` in milliseconds; `null`: what {@link WAIT_FOR_TAKEN} says.
 */
export function patienceOf(
  { waitForTaken, pulledImages }: {
    readonly waitForTaken: number | null;
    readonly pulledImages: PulledImages;
  },
  { clock, started, deadline }: {
    readonly clock: Patience["clock"];
    /** When the run started, in milliseconds of `clock.now()`. */
    readonly started: number;
    /** When it has to end, likewise. */
    readonly deadline: number;
  },
): Patience {
  const wait = waitForTaken ?? WAIT_FOR_TAKEN[pulledImages];
  return { clock, waitForTaken: wait, until: Math.min(started + wait, deadline) };
}

/** How a file came to its place. */
export interface Placing {
  /** Time spent on waiting for an earlier file to be taken, in milliseconds. */
  readonly waited: number;
  /** Whether it took the place of a file that was not taken. */
  readonly replaced: boolean;
}

/** Time between two looks at a file that is waited for, in milliseconds. */
const LOOK_AGAIN = 20;

/** How far ahead of the clock a file may be dated and still be a new one, in milliseconds. */
const CLOCK_ERROR = 1_000;

/**
 * Moves a finished file to its place. A file that lies there, and has been untaken for less than
 * `waitForTaken`, is waited for; then this run's takes its place.
 *
 * A run that waited in vain gives its file the date of the one that it replaces. So those that waited
 * with it give up with it, and the next run does not wait for what was not taken: where no pull follows,
 * the mirror stalls or CRI-O is dead, waits do not add up. That run's own file is dated anew, for the
 * runs that come with it may be followed by pulls again.
 *
 * @throws {UserError} when the file cannot be put in place; the temporary file is the caller's then.
 */
export async function putInPlace(
  temporary: string,
  path: string,
  { clock, waitForTaken, until }: Patience,
): Promise<Placing> {
  const begin = clock.now();
  let slept = false;
  const placing = (replaced: boolean) => ({ waited: slept ? clock.now() - begin : 0, replaced });
  for (;;) {
    if (linkIfFree(temporary, path)) return placing(false);
    const untakenSince = dateOf(path);
    // It was taken just now.
    // deno-coverage-ignore -- a race with another process
    if (untakenSince === undefined) continue;
    const now = clock.wallClock();
    const age = now - untakenSince;
    const isNew = age < waitForTaken && age > -CLOCK_ERROR;
    if (!isNew || clock.now() >= until) {
      if (slept) setDate(temporary, Math.max(now - waitForTaken, Math.min(untakenSince, now)));
      rename(temporary, path);
      return placing(true);
    }
    await clock.sleep(LOOK_AGAIN);
    slept = true;
    // It begins to lie there when it is put there, not when it was written.
    setDate(temporary, clock.wallClock());
  }
}

/**
 * Puts the file in place unless something is there: unlike renaming, a hard link never overwrites
 * (link(2)). Where it cannot be made for another reason, for one because the file system has no hard
 * links, the file is renamed, whose error is the one that counts.
 */
function linkIfFree(temporary: string, path: string): boolean {
  try {
    Deno.linkSync(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    rename(temporary, path);
    return true;
  }
  try {
    Deno.removeSync(temporary);
    // deno-coverage-ignore -- a disk that fails
  } catch {
    // The file is in place. Its second name goes with the next files that were never taken.
  }
  return true;
}

/**
 * Since when a file that CRI-O may take lies there, in milliseconds since 1970; `undefined` when there
 * is none. What is no file of this program's making is not waited for: it counts as very old.
 */
function dateOf(path: string): number | undefined {
  try {
    const { isFile, mode, mtime } = Deno.lstatSync(path);
    // deno-coverage-ignore -- for the compiler: Linux has both
    return isFile && ((mode ?? 0) & 0o077) === 0 ? mtime?.getTime() ?? 0 : 0;
    // deno-coverage-ignore-start -- a race with another process
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : 0;
    // deno-coverage-ignore-stop
  }
}

function setDate(path: string, milliseconds: number): void {
  try {
    const date = new Date(milliseconds);
    Deno.utimeSync(path, date, date);
    // deno-coverage-ignore -- a disk that fails
  } catch {
    // Another run's wait may then be longer or shorter; what is wrong with the file shows when it is
    // put in place.
  }
}

function rename(temporary: string, path: string): void {
  try {
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw fileError(path, "put the auth file in place", "auth-dir", error);
  }
}
