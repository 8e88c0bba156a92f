/** The credentials that a pod's namespace has for an image, read from the API server. */

import { findApiServer } from "../kubernetes/api_server.ts";
import { listPages } from "../kubernetes/secrets/list.ts";
import { getSecrets } from "../kubernetes/secrets/named.ts";
import type { AskOptions } from "../kubernetes/secrets/request.ts";
import type { Secret } from "../kubernetes/secrets/secret.ts";
import { parseSecretNames } from "../kubernetes/secrets/secret_names.ts";
import type { ServiceAccount } from "../kubernetes/service_account_token.ts";
import { openTransport } from "../kubernetes/transport.ts";
import type { PullContext } from "../settings/pull_context.ts";
import type { Repository } from "../sources/reference.ts";
import type { ScopedCredential } from "./docker_config.ts";
import { mergePages, readCredentials } from "./namespace_credentials.ts";

/** Whose credentials are read, and what for. */
export interface Reading {
  readonly token: string;
  readonly serviceAccount: ServiceAccount;
  /** The service account's annotations that the kubelet passed on. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly sources: readonly Repository[];
}

/**
 * Reads the credentials for the pull sources from the secrets that the service account names, else from
 * all registry secrets of its namespace.
 *
 * @throws {UserError} when they cannot be read; a `RefusedError` when the API server forbids it.
 */
export async function readNamespace(
  { token, serviceAccount, annotations, sources }: Reading,
  { settings, log, clock, deadline }: PullContext,
): Promise<readonly ScopedCredential[]> {
  const key = settings.secretsAnnotation;
  const annotation = annotations.get(key);
  const named = annotation === undefined
    ? undefined
    : parseSecretNames(annotation, key, serviceAccount);
  const { namespace } = serviceAccount;
  if (named?.names.length === 0) {
    log.info("the service account names no secret: none is read", { namespace, annotation: key });
    return [];
  }
  for (const secret of named?.repeated ?? []) {
    log.warn("a secret is named twice: the last place counts", { secret, annotation: key });
  }
  const server = await findApiServer(settings);
  log.debug("found the API server", { url: server.url, from: server.origin, ca: server.caOrigin });
  using transport = openTransport(server, token);
  const ask: AskOptions = {
    transport,
    server: server.url,
    serviceAccount,
    types: settings.secretTypes,
    alsoFor: settings.alsoFor === "on",
    clock,
    deadline,
    onRetry: (reason, delay) =>
      log.warn("trying again", { reason, delay: `${Math.round(delay)}ms` }),
  };
  const read = (secrets: readonly Secret[]) =>
    readCredentials(secrets, sources, { clock, deadline });
  const onLeftOut = (secret: string, reason: string) =>
    log.warn("left out a named secret", { secret, reason });
  const { secrets, credentials, skipped, skippedCount } = named === undefined
    ? mergePages(await listPages(ask, read), "by name")
    : mergePages(
      await getSecrets(named.names, ask, onLeftOut, (secret) => read([secret])),
      "as named",
    );
  log.info("read secrets", { namespace, secrets, named: named?.names.length });
  for (const { secret, part, key, reason } of skipped) {
    log.warn(`skipped ${SKIPPED[part]}`, { secret, key, reason });
  }
  const unreported = skippedCount - skipped.length;
  if (unreported > 0) log.warn("skipped further broken entries", { count: unreported });
  return credentials;
}

const SKIPPED = {
  secret: "a broken secret",
  entry: "a broken entry of a secret",
  annotation: "a malformed annotation of a secret",
};
