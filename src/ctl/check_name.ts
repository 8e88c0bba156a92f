/** Names of Kubernetes objects on the command line. */

import { UsageError } from "../errors.ts";

/**
 * Checks the form of a name.
 *
 * @throws {UsageError} when no object of the kind can have it.
 */
export function checkName(
  flag: string,
  name: string,
  isName: (text: string) => boolean,
  kind: string,
): void {
  if (isName(name)) return;
  throw new UsageError(
    "flag-value-invalid",
    flag,
    `${JSON.stringify(name)} cannot be the name of a ${kind}`,
    "names have lower-case letters, digits and hyphens, and begin and end with a letter or digit",
  );
}
