/** The credentials that a pod's namespace has for an image, with what the log says of them. */

import type { PullContext } from "../settings/pull_context.ts";
import { askNamespace, type Reading } from "./ask_namespace.ts";
import type { ScopedCredential } from "./docker_config.ts";

/**
 * Reads the credentials for the pull sources from the secrets that the service account names, else from
 * all registry secrets of its namespace, and logs what comes of it.
 *
 * @throws {UserError} when they cannot be read; a `RefusedError` when the API server forbids it.
 */
export async function readNamespace(
  reading: Reading,
  context: PullContext,
): Promise<readonly ScopedCredential[]> {
  const { settings: { secretsAnnotation: annotation }, log } = context;
  const { namespace } = reading.serviceAccount;
  const { named, found } = await askNamespace(reading, context, {
    onNames: ({ names, repeated }) => {
      if (names.length === 0) {
        log.info("the service account names no secret: none is read", { namespace, annotation });
      }
      for (const secret of repeated) {
        log.warn("a secret is named twice: the last place counts", { secret, annotation });
      }
    },
    onServer: ({ url, origin, caOrigin }) =>
      log.debug("found the API server", { url, from: origin, ca: caOrigin }),
    onRetry: (reason, delay) =>
      log.warn("trying again", { reason, delay: `${Math.round(delay)}ms` }),
    onLeftOut: (secret, reason) => log.warn("left out a named secret", { secret, reason }),
    // The secrets themselves are not kept: there may be 32 Mi characters of them.
    keep: () => {},
  });
  const { secrets, credentials, skipped, skippedCount } = found;
  if (named?.names.length === 0) return credentials;
  log.info("read secrets", { namespace, secrets, named: named?.names.length });
  for (const { secret, part, key, reason } of skipped) {
    log.warn(`skipped ${SKIPPED[part]}`, { secret, key, reason });
  }
  const unreported = skippedCount - skipped.length;
  // deno-coverage-ignore -- only in a child process: tests/artifact/secrecy_test.ts
  if (unreported > 0) log.warn("skipped further broken entries", { count: unreported });
  return credentials;
}

const SKIPPED = {
  secret: "a broken secret",
  entry: "a broken entry of a secret",
  annotation: "a malformed annotation of a secret",
};
