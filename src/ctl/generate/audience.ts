/** What the commands with `--audience` have in common. */

import { UsageError } from "../../errors.ts";
import { AUDIENCE_COMMAND, DEFAULT_AUDIENCE } from "../../manifests/audience.ts";
import { type CtlContext, report } from "../context.ts";

/**
 * Whether a text can be the audience of a cluster's tokens: it becomes a resource's name, in which `*`
 * is used for all of them, and a word of scripts and manifests.
 */
export function isAudience(text: string): boolean {
  return text !== "" && text !== "*" && !/\p{Cc}/u.test(text);
}

/** @throws {UsageError} when `--audience` is given and names none, or more than one. */
export function checkAudience(audience: string | undefined): void {
  if (audience === undefined || isAudience(audience)) return;
  throw new UsageError(
    "flag-value-invalid",
    "--audience",
    audience === "" ? "is empty, and must name one audience" : "must name one audience",
    "give the cluster's, without control characters, and no *",
  );
}

/** Says on stderr that the audience was assumed, since with a wrong one every pull fails. */
export function warnOfAssumedAudience(context: CtlContext): void {
  report(
    context,
    `warning: --audience is not given: using kubeadm's default, ${DEFAULT_AUDIENCE}; ` +
      `compare it with what this prints: ${AUDIENCE_COMMAND}`,
  );
}
