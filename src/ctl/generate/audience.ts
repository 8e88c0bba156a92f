/** What the commands with `--audience` have in common. */

import { AUDIENCE_COMMAND, DEFAULT_AUDIENCE } from "../../manifests/audience.ts";
import { type CtlContext, report } from "../context.ts";

/** Says on stderr that the audience was assumed, since with a wrong one every pull fails. */
export function warnOfAssumedAudience(context: CtlContext): void {
  report(
    context,
    `warning: --audience is not given: using kubeadm's default, ${DEFAULT_AUDIENCE}; ` +
      `compare it with what this prints: ${AUDIENCE_COMMAND}`,
  );
}
