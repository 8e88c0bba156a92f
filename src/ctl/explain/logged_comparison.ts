// deno-coverage-ignore-file -- types alone
/** What of CRI-O's log is put beside an explanation. */

import type { LoggedPull } from "./crio_log.ts";

/** A source as the log shows it. */
export interface LoggedSource {
  /** `host[:port]/path` */
  readonly repository: string;
  /** Whether the explanation expects it: asked in turn, or blocked and so not contacted. */
  readonly expected: "asked" | "blocked" | "not-asked" | "unknown";
  readonly tried: boolean;
  /** What the registry answered, in words; `undefined` where it was not tried. */
  readonly answer?: string;
  /** Where CRI-O had its credentials from, in words, as far as the log says it. */
  readonly credentials?: string;
}

/** A pull of CRI-O's beside the explanation. */
export interface LoggedComparison {
  /** Where the log comes from. */
  readonly from: string;
  /** How many pulls of the image are in it. */
  readonly pulls: number;
  /** The pull that is looked at: the last that may be of the namespace. `undefined`: there is none. */
  readonly pull?: {
    readonly time: string;
    /** As the kubelet named it to CRI-O. */
    readonly image: string;
    readonly outcome: LoggedPull["outcome"];
    readonly error?: string;
    /** The auth file that CRI-O took. */
    readonly authFile?: string;
  };
  /** In the order in which they were tried; then those that were not. */
  readonly sources: readonly LoggedSource[];
  /** Where the log and the explanation part, as sentences; empty: nowhere. */
  readonly differences: readonly string[];
  /** What the log does not show, as sentences. */
  readonly limits: readonly string[];
}
