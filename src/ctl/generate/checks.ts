/** `generate checks` */

import { UsageError } from "../../errors.ts";
import { DEFAULT_AUDIENCE } from "../../manifests/audience.ts";
import { createChecks } from "../../manifests/checks.ts";
import { isLabel, isSubdomain } from "../../kubernetes/names.ts";
import type { CtlContext } from "../context.ts";
import { explainImageName, normalizeImage } from "../../sources/image_name.ts";
import { checkAudience, warnOfAssumedAudience } from "./audience.ts";
import { checkName } from "../check_name.ts";
import { readSecretNames } from "./secret_names.ts";

/** Flags of the command. */
export interface Flags {
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly node: string;
  readonly secret?: readonly string[];
  readonly audience?: string;
  readonly image?: string;
}

/**
 * Prints the script.
 *
 * @throws {UsageError} when a name is not of its form.
 */
export function generateChecks(this: CtlContext, flags: Flags): void {
  const { namespace, serviceAccount = "default", node, audience = DEFAULT_AUDIENCE } = flags;
  checkName("--namespace", namespace, isLabel, "namespace");
  checkName("--service-account", serviceAccount, isSubdomain, "service account");
  checkName("--node", node, isSubdomain, "node");
  const secrets = readSecretNames(flags.secret);
  checkAudience(audience);
  const given = flags.image ?? "docker.io/library/nginx";
  const image = normalizeImage(given);
  if (image === undefined) {
    throw new UsageError(
      "flag-value-invalid",
      "--image",
      `${JSON.stringify(given)} ${explainImageName(given)}`,
    );
  }
  if (flags.audience === undefined) warnOfAssumedAudience(this);
  const { secretsAnnotation: annotation, secretTypes: types } = this.settings;
  const names = { namespace, serviceAccount, node };
  this.process.stdout.write(
    createChecks({ ...names, audience, secrets, annotation, types, image }),
  );
}
