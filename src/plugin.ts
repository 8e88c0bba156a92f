/** The story of a pull: a kubelet request in, the right auth file out. */

import {
  authFilePath,
  placeAuthFile,
  readGlobalAuthFile,
  removeAuthFile,
} from "./delivery/auth_file/auth_file.ts";
import { patienceOf } from "./delivery/auth_file/placing.ts";
import type { Clock } from "./process/clock.ts";
import type { ScopedCredential } from "./credentials/docker_config.ts";
import { mergePages, readCredentials } from "./credentials/namespace_credentials.ts";
import { resolveCredentials } from "./delivery/auth_file/resolve.ts";
import { formatScope } from "./credentials/scope.ts";
import { removeStaleFiles, staleAge } from "./delivery/auth_file/stale_files.ts";
import { describeError } from "./errors.ts";
import { formatResponse, parseRequest } from "./kubelet/credential_provider.ts";
import { findApiServer } from "./kubernetes/api_server.ts";
import { parseSecretNames } from "./kubernetes/secrets/secret_names.ts";
import {
  type AskOptions,
  getSecrets,
  listPages,
  RefusedError,
  type Secret,
} from "./kubernetes/secrets/list.ts";
import { readServiceAccount, type ServiceAccount } from "./kubernetes/service_account_token.ts";
import { openTransport } from "./kubernetes/transport.ts";
import type { Log } from "./process/log.ts";
import {
  blockedRepositories,
  readPullSources,
  whyNothing,
} from "./sources/registries_conf/pull_sources.ts";
import { formatRepository, type Repository } from "./sources/reference.ts";
import type { Settings } from "./settings/settings.ts";

/** What a pull takes from its process. */
export interface PullContext {
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
  context: PullContext,
): Promise<Answer> {
  try {
    return await provide(stdin, context);
  } catch (error) {
    // What other runs left lies there no less when this one fails.
    sweep(context);
    throw error;
  }
}

async function provide(stdin: string, context: PullContext): Promise<Answer> {
  const { settings, log } = context;
  const { image, serviceAccountToken: token, serviceAccountAnnotations } = parseRequest(stdin);
  if (token === "") {
    log.info("no service account, as for a static pod: nothing to do", { image });
    return NOTHING_TO_DO;
  }
  const serviceAccount = readServiceAccount(token);
  const { namespace } = serviceAccount;
  log.info("got a request", { image, namespace, serviceAccount: serviceAccount.name });

  const { registry, endpoints, sources, warnings: oddities } = readPullSources(settings, image);
  for (const warning of oddities) log.warn(warning);
  if (sources.length === 0) {
    log.info(`${whyNothing(registry, endpoints)}: nothing to do`, { image });
    return NOTHING_TO_DO;
  }
  log.info("found pull sources", {
    sources: sources.map(formatRepository),
    blocked: blockedRepositories(endpoints),
    prefix: registry?.prefix,
    file: registry?.file,
  });

  // Hashed on another thread, while this one waits for the API server.
  const pathWhenHashed = authFilePath(settings.authDir, namespace, image);
  const annotation = serviceAccountAnnotations.get(settings.secretsAnnotation);
  const credentials = await readNamespace(
    { token, serviceAccount, annotation, sources },
    context,
  ).catch(async (error: unknown) => {
    // What it holds was granted, if at all, to somebody else.
    if (error instanceof RefusedError) removeRefused(await pathWhenHashed, log);
    throw error;
  });
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
  const patience = patienceOf(settings, context);
  const { outcome, waited, withdraw } = await placeAuthFile(settings.authDir, path, file, patience);
  log.info(outcome, {
    path,
    credentials: chosen.length,
    waited: waited > 0 ? `${Math.round(waited)}ms` : undefined,
  });
  sweep(context);
  const isAccounts = settings.pulledImages === "service-account" && chosen.length > 0;
  return { response: formatResponse(isAccounts ? image : undefined), withdraw };
}

/** Whose credentials are read, and what for. */
interface Reading {
  readonly token: string;
  readonly serviceAccount: ServiceAccount;
  /** Of the service account: the secrets that it names; `undefined`: all of its namespace. */
  readonly annotation: string | undefined;
  readonly sources: readonly Repository[];
}

/** Reads the credentials for the pull sources from the named secrets, else from all registry secrets. */
async function readNamespace(
  { token, serviceAccount, annotation, sources }: Reading,
  { settings, log, clock, deadline }: PullContext,
): Promise<readonly ScopedCredential[]> {
  const key = settings.secretsAnnotation;
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
  for (const { secret, key, reason } of skipped) {
    const what = key === undefined ? "a broken secret" : "a broken entry of a secret";
    log.warn(`skipped ${what}`, { secret, key, reason });
  }
  const unreported = skippedCount - skipped.length;
  if (unreported > 0) log.warn("skipped further broken entries", { count: unreported });
  return credentials;
}

function removeRefused(path: string, log: Log): void {
  try {
    if (!removeAuthFile(path)) return;
    log.warn("removed the auth file of an earlier run: this one is refused its secrets", { path });
  } catch (error) {
    log.warn(describeError(error));
  }
}

function sweep({ settings, log, clock }: PullContext): void {
  const files = removeStaleFiles(settings.authDir, staleAge(settings), clock.wallClock());
  if (files > 0) log.info("removed auth files that were never taken", { files });
}
