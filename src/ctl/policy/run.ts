/** Prints the policy of a build as JSON, for review. */

import { formatPolicy } from "../../settings/sandbox.ts";
import type { CtlContext } from "../context.ts";
import { readSiteSettings, type SiteFlags } from "../site_settings.ts";

/** The command. */
export async function policy(this: CtlContext, flags: SiteFlags): Promise<void> {
  this.process.stdout.write(formatPolicy(await readSiteSettings(this, flags)));
}
