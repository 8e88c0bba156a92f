/** The story of a pull: a kubelet request in, the right auth file out. */

import { authFilePath, placeAuthFile, readGlobalAuthFile } from "./auth/auth_file.ts";
import { patienceOf, type PulledImages } from "./auth/placing.ts";
import type { Clock } from "./clock.ts";
import { joinCredentials, readCredentials } from "./auth/namespace_credentials.ts";
import { resolveCredentials } from "./auth/resolve.ts";
import { formatScope } from "./auth/scope.ts";
import { removeStaleFiles } from "./auth/stale_files.ts";
import { formatResponse, parseRequest } from "./kubelet/credential_provider.ts";
import { findApiServer } from "./kubernetes/api_server.ts";
import { listPages } from "./kubernetes/secrets.ts";
import { readServiceAccount } from "./kubernetes/service_account_token.ts";
import { openTransport } from "./kubernetes/transport.ts";
import type { Log } from "./log.ts";
import { readPullSources } from "./registries/pull_sources.ts";
import { formatRepository } from "./registries/reference.ts";
import type { Settings } from "./settings.ts";

/** What a pull takes from its process. */
export interface Surroundings {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  /** When the run started, in milliseconds of `clock.now()`. */
  readonly started: number;
  /** When to give up, in milliseconds of `clock.now()`. */
  readonly deadline: number;
}

/** The answer to a request. */
export interface Answer {
  /** The text of the `CredentialProviderResponse`. */
  readonly response: string;
  /** Takes back what was put in place for CRI-O, should the kubelet not get the answer. */
  readonly withdraw: () => void;
}

/** A pull is recorded as usable by every pod of the node, since the response has no credentials. */
const PULLED_IMAGES: PulledImages = "node";

const NOTHING_TO_DO: Answer = { response: formatResponse(), withdraw: () => {} };

/**
 * Answers a credential provider request, and puts the auth file in place if the image has mirrors
 * or is pulled from elsewhere than its name says.
 *
 * @param stdin the text of the `CredentialProviderRequest`.
 * @throws {UserError} when the request, the node's configuration or the API server does not allow it.
 */
export async function providePullCredentials(
  stdin: string,
  { settings, log, clock, started, deadline }: Surroundings,
): Promise<Answer> {
  const { image, serviceAccountToken } = parseRequest(stdin);
  if (serviceAccountToken === "") {
    log.info("no service account, as for a static pod: nothing to do", { image });
    return NOTHING_TO_DO;
  }
  const serviceAccount = readServiceAccount(serviceAccountToken);
  const { namespace } = serviceAccount;
  log.info("got a request", { image, namespace, serviceAccount: serviceAccount.name });

  const { registry, sources, unusable } = readPullSources(settings, image);
  for (const reference of unusable) log.warn("left out an unusable pull source", { reference });
  if (sources.length === 0) {
    const reason = registry?.blocked ? "the registry is blocked" : "no mirror and no rewriting";
    log.info(`${reason}: nothing to do`, { image });
    return NOTHING_TO_DO;
  }
  const names = sources.map(formatRepository);
  log.info("found pull sources", {
    sources: names,
    prefix: registry?.prefix,
    file: registry?.file,
  });

  // Hashed on another thread, while this one waits for the API server.
  const pathWhenHashed = authFilePath(settings.authDir, namespace, image);
  const server = await findApiServer(settings);
  log.debug("found the API server", { url: server.url, from: server.origin, ca: server.caOrigin });
  using transport = openTransport(server, serviceAccountToken);
  const pages = await listPages({
    transport,
    server: server.url,
    serviceAccount,
    types: settings.secretTypes,
    clock,
    deadline,
    onRetry: (reason, delay) =>
      log.warn("trying again", { reason, delay: `${Math.round(delay)}ms` }),
  }, (page) => readCredentials(page, sources, { clock, deadline }));
  const { secrets, credentials, skipped, more } = joinCredentials(pages);
  log.info("read secrets", { namespace, secrets });
  for (const { secret, key, reason } of skipped) {
    const what = key === undefined ? "a broken secret" : "a broken entry of a secret";
    log.warn(`skipped ${what}`, { secret, key, reason });
  }
  if (more > 0) log.warn("skipped more that is broken", { more });
  const global = readGlobalAuthFile(settings.kubeletAuthFile);
  const { file, chosen, warnings } = resolveCredentials(sources, credentials, global);
  for (const warning of warnings) log.warn(warning);
  for (const { source, credential: { scope, secret, key } } of chosen) {
    log.debug("chose", {
      source: formatRepository(source),
      scope: formatScope(scope),
      secret,
      key,
    });
  }

  const path = await pathWhenHashed;
  const patience = patienceOf(settings.waitForTaken, PULLED_IMAGES, { clock, started, deadline });
  const { outcome, waited, withdraw } = await placeAuthFile(settings.authDir, path, file, patience);
  log.info(outcome, {
    path,
    credentials: chosen.length,
    waited: waited > 0 ? `${Math.round(waited)}ms` : undefined,
  });
  const stale = removeStaleFiles(settings.authDir, settings.staleAfter, clock.today());
  if (stale > 0) log.info("removed auth files that were never taken", { files: stale });
  return { response: formatResponse(), withdraw };
}
