// deno-coverage-ignore-file -- types alone
/** What all kinds of mirror configuration come to. */

import type { LogFields } from "../process/log.ts";
import type { Repository } from "./reference.ts";

/** What the node's mirrors make of an image. */
export interface PullSources {
  /** The repositories that may be asked for credentials, each once, in the order they are asked. */
  readonly sources: readonly Repository[];
  /** Why there is nothing to do, in words; `undefined` when there is something to do. */
  readonly nothingToDo: string | undefined;
  /** The place in the configuration that led there, for the log. */
  readonly foundIn: LogFields;
  /** What an operator should know. */
  readonly warnings: readonly string[];
}
