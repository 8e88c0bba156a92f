/**
 * What a namespace's secrets hold for an image: asked for, looked through and merged.
 *
 * A pull and `explain` both do it by this one function, so that what is explained is what a pull gets.
 */

import { type ApiServer, findApiServer } from "../kubernetes/api_server.ts";
import { listPages } from "../kubernetes/secrets/list.ts";
import { getSecrets } from "../kubernetes/secrets/named.ts";
import type { AskOptions } from "../kubernetes/secrets/request.ts";
import type { Secret } from "../kubernetes/secrets/secret.ts";
import { parseSecretNames, type SecretNames } from "../kubernetes/secrets/secret_names.ts";
import type { ServiceAccount } from "../kubernetes/service_account_token.ts";
import { openTransport, type Transport } from "../kubernetes/transport.ts";
import type { PullContext } from "../settings/pull_context.ts";
import type { Settings } from "../settings/settings.ts";
import type { Repository } from "../sources/reference.ts";
import { mergePages, type NamespaceCredentials, readCredentials } from "./namespace_credentials.ts";

/** Whose credentials are read, and what for. */
export interface Reading {
  readonly token: string;
  readonly serviceAccount: ServiceAccount;
  /** The service account's annotations that the kubelet passed on. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly sources: readonly Repository[];
}

/** Who answers requests for secrets. */
export interface Respondent extends Disposable {
  /** The URL, for errors. */
  readonly url: string;
  readonly transport: Transport;
}

/** What is reported to the caller on the way, and what the caller keeps. */
export interface Asking<Kept> {
  /** Called with what the service account names, if it names any or none, before anything is asked. */
  readonly onNames: (names: SecretNames) => void;
  /** Called with the API server before it is asked. */
  readonly onServer: (server: ApiServer) => void;
  /** Called for every attempt that failed and will be repeated; the delay is in milliseconds. */
  readonly onRetry: (reason: string, delay: number) => void;
  /** Called for each named secret that is left out. */
  readonly onLeftOut: (secret: string, reason: string) => void;
  /** Makes of secrets what is to be kept of them beside their credentials. */
  readonly keep: (secrets: readonly Secret[]) => Kept;
  /** How much of what is left out is reported. @default as in a pull */
  readonly maxReports?: number;
  /**
   * Answers in the place of the API server, and is disposed of.
   *
   * @default the API server of the settings
   */
  readonly standIn?: Respondent;
}

/** What came of it. */
export interface Asked<Kept> {
  /** What the service account names; `undefined`: nothing, so that all secrets were read. */
  readonly named: SecretNames | undefined;
  readonly found: NamespaceCredentials;
  /** Page by page in no order that means anything; of named secrets one by one, in their order. */
  readonly kept: readonly Kept[];
}

/**
 * Reads the credentials for the pull sources from the secrets that the service account names, else from
 * all registry secrets of its namespace.
 *
 * @throws {UserError} when they cannot be read; a `RefusedError` when the API server forbids it.
 */
export async function askNamespace<Kept>(
  { token, serviceAccount, annotations, sources }: Reading,
  { settings, clock, deadline }: Pick<PullContext, "settings" | "clock" | "deadline">,
  { onNames, onServer, onRetry, onLeftOut, keep, maxReports, standIn }: Asking<Kept>,
): Promise<Asked<Kept>> {
  const key = settings.secretsAnnotation;
  const annotation = annotations.get(key);
  const named = annotation === undefined
    ? undefined
    : parseSecretNames(annotation, key, serviceAccount);
  if (named !== undefined) onNames(named);
  const order = named === undefined ? "by name" : "as named";
  if (named?.names.length === 0) return { named, found: mergePages([], order), kept: [] };

  using server = standIn ?? await connect(settings, token, onServer);
  const ask: AskOptions = {
    transport: server.transport,
    server: server.url,
    serviceAccount,
    types: settings.secretTypes,
    alsoFor: settings.alsoFor === "on",
    clock,
    deadline,
    onRetry,
  };
  const read = (secrets: readonly Secret[]) => ({
    found: readCredentials(secrets, sources, { clock, deadline, maxReports }),
    kept: keep(secrets),
  });
  const parts = named === undefined
    ? await listPages(ask, read)
    : await getSecrets(named.names, ask, onLeftOut, (secret) => read([secret]));
  const found = mergePages(parts.map(({ found }) => found), order, maxReports);
  return { named, found, kept: parts.map(({ kept }) => kept) };
}

async function connect(
  settings: Settings,
  token: string,
  onServer: (server: ApiServer) => void,
): Promise<Respondent> {
  const server = await findApiServer(settings);
  onServer(server);
  const transport = openTransport(server, token);
  return { url: server.url, transport, [Symbol.dispose]: transport[Symbol.dispose] };
}
