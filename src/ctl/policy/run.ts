/** Prints the policy of a build as JSON, for review. */

import { formatJson } from "../../process/printed.ts";
import { policyOf } from "../../settings/sandbox.ts";
import type { Settings } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import { readSiteSettings, type SiteFlags } from "../site_settings.ts";

/** A policy as it is checked in. */
export function formatPolicy(settings: Settings): string {
  return formatJson(policyOf(settings));
}

/** The command. */
export async function policy(this: CtlContext, flags: SiteFlags): Promise<void> {
  this.process.stdout.write(formatPolicy(await readSiteSettings(this, flags)));
}
