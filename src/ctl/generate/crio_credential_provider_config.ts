/** `generate crio-credential-provider-config` */

import { UsageError } from "../../errors.ts";
import type { CrioConfigVersion } from "../../manifests/choices.ts";
import {
  createCrioCredentialProviderConfig,
  findMatchImageViolations,
} from "../../manifests/crio_credential_provider_config.ts";
import { formatYaml } from "../../manifests/yaml.ts";
import type { CtlContext } from "../context.ts";
import { checkMatchImages } from "./match_image_flags.ts";

/** Flags of the command. */
export interface Flags {
  readonly matchImage?: readonly string[];
  readonly apiVersion: CrioConfigVersion;
}

/**
 * Prints a `CRIOCredentialProviderConfig`.
 *
 * @throws {UsageError} when a pattern is one that the API server refuses.
 */
export function generateCrioCredentialProviderConfig(this: CtlContext, flags: Flags): void {
  const { matchImage = [], apiVersion } = flags;
  checkMatchImages(this, matchImage);
  const [violation] = findMatchImageViolations(matchImage);
  if (violation !== undefined) {
    throw new UsageError("flag-value-invalid", "--match-image", violation.problem);
  }
  this.process.stdout.write(
    formatYaml([createCrioCredentialProviderConfig(matchImage, apiVersion)]),
  );
}
