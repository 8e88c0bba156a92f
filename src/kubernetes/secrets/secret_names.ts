/** The secrets that a service account names in an annotation. */

import { UserError } from "../../errors.ts";
import { isSubdomain, LONGEST_NAME } from "../names.ts";
import type { ServiceAccount } from "../service_account_token.ts";

/** The annotation's key where no setting names another. */
export const SECRETS_ANNOTATION = "crio-credential-provider/secrets";

/** Most secrets that an account may name: each is a request of every pull. */
export const MAX_NAMED_SECRETS = 32;

/** What an account names. */
export interface SecretNames {
  /** Each name once, in the order in which they count: one that is named twice where it comes last. */
  readonly names: readonly string[];
  /** Those that are named more than once. */
  readonly repeated: readonly string[];
}

/**
 * Reads the annotation: names separated by commas, with white space around them. An annotation
 * without names is one that names no secret, on purpose.
 *
 * Names are checked as Kubernetes checks those of secrets (`ValidateSecretName` of
 * `k8s.io/kubernetes/pkg/apis/core/validation`) before any of them becomes part of a request.
 *
 * @param key the annotation's, for errors.
 * @throws {UserError} when an entry is no name of a secret, or when there are more than
 * {@link MAX_NAMED_SECRETS}. Nothing of the annotation is part of the error.
 */
export function parseSecretNames(
  text: string,
  key: string,
  { namespace, name }: ServiceAccount,
): SecretNames {
  if (text.trim() === "") return { names: [], repeated: [] };
  const where = `annotation "${key}" of service account "${namespace}/${name ?? "(unnamed)"}"`;
  const names = new Set<string>();
  const repeated = new Set<string>();
  for (const [index, entry] of text.split(",").entries()) {
    const secret = entry.trim();
    const problem = nameProblem(secret);
    if (problem !== undefined) {
      throw new UserError(
        "annotation-invalid",
        where,
        `entry ${index + 1} ${problem}`,
        "write names of secrets with commas between them, such as pull-secret, docker-hub",
      );
    }
    if (names.delete(secret)) repeated.add(secret);
    names.add(secret);
  }
  if (names.size > MAX_NAMED_SECRETS) {
    throw new UserError(
      "annotation-too-long",
      where,
      `names ${names.size} secrets, and at most ${MAX_NAMED_SECRETS} are read`,
      "name those that hold credentials for the registries, or put several into one secret",
    );
  }
  return { names: [...names], repeated: [...repeated] };
}

function nameProblem(text: string): string | undefined {
  if (text === "") return "is empty";
  if (text.length > LONGEST_NAME) return `is longer than ${LONGEST_NAME} characters`;
  if (isSubdomain(text)) return undefined;
  return "is not a secret's name: those are of a-z, 0-9, - and ., " +
    "with a letter or digit at both ends and around each dot";
}
