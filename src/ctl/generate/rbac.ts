/** `generate rbac` */

import { UsageError, UserError } from "../../errors.ts";
import { ASSUMED_AUDIENCE, DEFAULT_AUDIENCE } from "../../manifests/audience.ts";
import { ownAudience, PROVIDER_NAME } from "../../manifests/credential_provider_config.ts";
import { isLabel, isSubdomain } from "../../kubernetes/names.ts";
import {
  createNamedSecretsRbac,
  createNamespaceRbac,
  createNodeRbac,
} from "../../manifests/rbac.ts";
import { formatComment, formatYaml, type Manifest } from "../../manifests/yaml.ts";
import { type CtlContext, inputName, report } from "../context.ts";
import { checkAudience, isAudience, warnOfAssumedAudience } from "./audience.ts";
import { readProviderFile } from "./match_image_flags.ts";
import { checkName } from "../check_name.ts";
import { readSecretNames } from "./secret_names.ts";
import { checkAnnotationKey } from "./provider_settings.ts";

/** Flags of the command. */
export interface Flags {
  readonly namespace?: string;
  readonly serviceAccount?: readonly string[];
  readonly node?: readonly string[];
  readonly allNodes?: boolean;
  readonly audience?: string;
  readonly secret?: readonly string[];
  readonly secretsAnnotation?: string;
  readonly from?: string;
}

/**
 * Prints the node part, the namespace part, or both.
 *
 * @throws {UserError} when flags contradict each other, or names or an input are not of their form.
 */
export async function generateRbac(this: CtlContext, flags: Flags): Promise<void> {
  const { namespace, serviceAccount = [], node = [], allNodes = false } = flags;
  const secrets = readSecrets(flags);
  if (namespace === undefined && serviceAccount.length > 0) {
    throw new UsageError("flag-needs-flag", "--service-account", "needs --namespace");
  }
  if (allNodes && node.length > 0) {
    throw new UsageError("flags-conflict", "--all-nodes", "cannot be used with --node");
  }
  const nodePart = allNodes || node.length > 0;
  for (const flag of ["audience", "from"] as const) {
    if (flags[flag] === undefined || nodePart) continue;
    throw new UsageError("flag-needs-flag", `--${flag}`, "needs --node or --all-nodes");
  }
  const audience = await readAudience(this, flags);
  const manifests: Manifest[] = [];
  if (nodePart) {
    node.forEach((name) => checkName("--node", name, isSubdomain, "node"));
    manifests.push(...createNodeRbac(audience ?? DEFAULT_AUDIENCE, [...new Set(node)]));
  }
  if (namespace !== undefined) {
    checkName("--namespace", namespace, isLabel, "namespace");
    const accounts = serviceAccount.length === 0 ? ["default"] : [...new Set(serviceAccount)];
    for (const name of accounts) {
      checkName("--service-account", name, isSubdomain, "service account");
    }
    if (secrets.length === 0) manifests.push(...createNamespaceRbac(namespace, accounts));
    for (const account of secrets.length === 0 ? [] : accounts) {
      manifests.push(...createNamedSecretsRbac(namespace, account, [...secrets].sort()));
      const key = flags.secretsAnnotation ?? this.settings.secretsAnnotation;
      report(
        this,
        `let the account name them: kubectl annotate serviceaccount ${account} -n ${namespace} ` +
          `--overwrite ${key}=${secrets.join(",")}`,
      );
    }
  }
  if (manifests.length === 0) {
    throw new UsageError(
      "flag-missing",
      "generate rbac",
      "has nothing to print",
      "give --namespace or --all-nodes",
    );
  }
  const isAssumed = nodePart && audience === undefined;
  if (isAssumed) warnOfAssumedAudience(this);
  this.process.stdout.write(
    formatComment(isAssumed ? ASSUMED_AUDIENCE : []) + formatYaml(manifests),
  );
}

/** The audience that the flags name, themselves or by a file; `undefined` when none does. */
async function readAudience(
  context: CtlContext,
  { audience, from }: Flags,
): Promise<string | undefined> {
  checkAudience(audience);
  if (from === undefined) return audience;
  if (audience !== undefined) {
    throw new UsageError(
      "flags-conflict",
      "--from",
      "cannot be used with --audience",
      "give one of them",
    );
  }
  const found = ownAudience(await readProviderFile(context, from, "from"));
  if (found !== undefined && isAudience(found)) return found;
  if (found !== undefined) {
    throw new UserError(
      "content-invalid",
      inputName(from),
      `"serviceAccountTokenAudience" of provider ${PROVIDER_NAME} must name one audience`,
      "give the cluster's, without control characters, and no *",
    );
  }
  throw new UserError(
    "content-invalid",
    inputName(from),
    `no provider ${PROVIDER_NAME} with "serviceAccountTokenAudience" in it`,
    "name the file that generate kubelet-config printed, or pass --audience",
  );
}

/** The secrets that the Roles name; none: they open all of the namespace. */
function readSecrets({ namespace, secret = [], secretsAnnotation }: Flags): readonly string[] {
  if (secretsAnnotation !== undefined) {
    if (secret.length === 0) {
      throw new UsageError("flag-needs-flag", "--secrets-annotation", "needs --secret");
    }
    checkAnnotationKey(secretsAnnotation);
  }
  if (secret.length === 0) return [];
  if (namespace === undefined) {
    throw new UsageError("flag-needs-flag", "--secret", "needs --namespace");
  }
  return readSecretNames(secret);
}
