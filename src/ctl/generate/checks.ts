/** `generate checks` */

import { UsageError } from "../../errors.ts";
import { MAX_NAMED_SECRETS } from "../../kubernetes/secrets/secret_names.ts";
import { DEFAULT_AUDIENCE } from "../../manifests/audience.ts";
import { createChecks } from "../../manifests/checks.ts";
import { isLabel, isSubdomain } from "../../kubernetes/names.ts";
import type { CtlContext } from "../context.ts";
import { explainImageName, normalizeImage } from "../explain/image_name.ts";
import { warnOfAssumedAudience } from "./audience.ts";
import { checkName } from "./names.ts";

/** Flags of the command. */
export interface Flags {
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly node: string;
  readonly secret?: readonly string[];
  readonly audience?: string;
  readonly image?: string;
}

/** Prints the script. */
export function generateChecks(this: CtlContext, flags: Flags): void {
  const { namespace, serviceAccount = "default", node, audience = DEFAULT_AUDIENCE } = flags;
  checkName("--namespace", namespace, isLabel, "namespace");
  checkName("--service-account", serviceAccount, isSubdomain, "service account");
  checkName("--node", node, isSubdomain, "node");
  for (const name of flags.secret ?? []) checkName("--secret", name, isSubdomain, "secret");
  // Of one that is named twice the last place counts.
  const secrets = [...new Set((flags.secret ?? []).toReversed())].reverse();
  if (secrets.length > MAX_NAMED_SECRETS) {
    throw new UsageError(
      "flag-value-invalid",
      "--secret",
      `names ${secrets.length} secrets, and at most ${MAX_NAMED_SECRETS} are read`,
    );
  }
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (audience === "" || audience === "*" || /[\u0000-\u001f\u007f]/.test(audience)) {
    throw new UsageError(
      "flag-value-invalid",
      "--audience",
      "must name one audience, as the kubelet's configuration does",
    );
  }
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
