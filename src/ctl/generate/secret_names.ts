/** Names of secrets on the command line. */

import { UsageError } from "../../errors.ts";
import { isSubdomain } from "../../kubernetes/names.ts";
import { MAX_NAMED_SECRETS } from "../../kubernetes/secrets/secret_names.ts";
import { checkName } from "../check_name.ts";

/**
 * The secrets that `--secret` names, in the order given, each where it comes last: there it counts.
 *
 * @throws {UsageError} when one cannot be a secret's name, or they are more than a pull reads.
 */
export function readSecretNames(secret: readonly string[] = []): readonly string[] {
  for (const name of secret) checkName("--secret", name, isSubdomain, "secret");
  const names = new Set(secret.toReversed());
  if (names.size > MAX_NAMED_SECRETS) {
    throw new UsageError(
      "flag-value-invalid",
      "--secret",
      `names ${names.size} secrets, and at most ${MAX_NAMED_SECRETS} are read`,
    );
  }
  return [...names].reverse();
}
