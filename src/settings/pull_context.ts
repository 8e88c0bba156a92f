// deno-coverage-ignore-file -- types alone
/** What a pull takes from its process. */

import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { Settings } from "./settings.ts";

/** What a pull takes from its process. */
export interface PullContext {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  /** When the run started, in milliseconds of `clock.now()`. */
  readonly started: number;
  /** When to give up, in milliseconds of `clock.now()`. */
  readonly deadline: number;
}
