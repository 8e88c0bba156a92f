/** What the commands with `--match-image` have in common. */

import { UsageError, UserError } from "../../errors.ts";
import {
  type CredentialProviderConfig,
  explainMatchImage,
  findViolations,
  type MergeResult,
  type Overlap,
  parseCredentialProviderConfig,
} from "../../manifests/credential_provider_config.ts";
import { canonicalName, isHubAlias } from "../../manifests/match_images.ts";
import { refuseViolations } from "../../manifests/crio_credential_provider_config.ts";
import { type CtlContext, inputName, readInput, report } from "../context.ts";

/**
 * Refuses no patterns, and those that match nothing or are not of the kubelet's form; warns of those that match
 * nothing because the kubelet gives the images another name.
 *
 * @throws {UsageError} for the first of them.
 */
export function checkMatchImages(context: CtlContext, patterns: readonly string[]): void {
  if (patterns.length === 0) {
    const advice = "name the registries that have mirrors";
    throw new UsageError("flag-missing", "--match-image", "is missing", advice);
  }
  for (const pattern of patterns) {
    const problem = explainMatchImage(pattern);
    if (problem !== undefined) {
      const meant = canonicalName(pattern);
      const error = new UsageError(
        "flag-value-invalid",
        "--match-image",
        `${JSON.stringify(pattern)} ${problem}`,
        meant === undefined ? undefined : `write ${meant}`,
      );
      // It does no harm beside entries that match.
      if (!isHubAlias(pattern)) throw error;
      report(context, `warning: ${error.message}`);
    }
    if (pattern === "*") {
      report(context, `warning: "*" matches hosts of one label, such as localhost, and no others`);
    }
  }
}

/**
 * Reads a provider file that the kubelet would accept.
 *
 * @param flag that names the file. @default "merge"
 * @throws {UserError} that names all rules it breaks.
 */
export async function readProviderFile(
  context: CtlContext,
  path: string,
  flag = "merge",
): Promise<CredentialProviderConfig> {
  const name = inputName(path);
  const config = parseCredentialProviderConfig(await readInput(context, path, flag), name);
  refuseViolations(findViolations(config), name);
  return config;
}

/**
 * Reports what merging found.
 *
 * @throws {UserError} when no entry is left.
 */
export function requireEntries(
  context: CtlContext,
  { config, skipped, shared }: MergeResult,
): CredentialProviderConfig {
  for (const overlap of skipped) {
    report(context, `warning: ${quote(overlap)}: left out, as OpenShift would leave it out`);
  }
  for (const overlap of shared) {
    report(context, `warning: ${quote(overlap)}: the kubelet runs both for the same images`);
  }
  if (config !== undefined) return config;
  throw new UserError(
    "match-images-overlap",
    "matchImages",
    "no entry is left: each overlaps one of another provider",
    "name other registries, or change that provider",
  );
}

function quote({ pattern, other, provider }: Overlap): string {
  return `${JSON.stringify(pattern)} overlaps ${JSON.stringify(other)} of ${provider}`;
}
