/** The story of a pull: a kubelet request in, the right credentials out. */

import { choose } from "./credentials/choose.ts";
import { readNamespace } from "./credentials/read_namespace.ts";
import { formatScope } from "./credentials/scope.ts";
import { removeLeftovers, startDelivery } from "./delivery/start_delivery.ts";
import { formatResponse, parseRequest } from "./kubelet/credential_provider.ts";
import { RefusedError } from "./kubernetes/secrets/refusals.ts";
import { readServiceAccount } from "./kubernetes/service_account_token.ts";
import type { PullContext } from "./settings/pull_context.ts";
import { readPullSources } from "./sources/read_pull_sources.ts";
import { formatRepository } from "./sources/reference.ts";

/** The answer to a request. */
export interface Answer {
  /** The text of the `CredentialProviderResponse`. */
  readonly response: string;
  /** Takes back what was put in place for the runtime, should the kubelet not get the answer. */
  readonly withdraw: () => void;
}

const NOTHING_TO_DO: Answer = { response: formatResponse(), withdraw: () => {} };

/**
 * Answers a credential provider request, and hands the namespace's credentials over if the image has
 * mirrors or is pulled from elsewhere than its name says.
 *
 * @param stdin the text of the `CredentialProviderRequest`.
 * @throws {UserError} when the request, the node's configuration or the API server does not allow it.
 */
export async function providePullCredentials(stdin: string, context: PullContext): Promise<Answer> {
  try {
    return await provide(stdin, context);
  } catch (error) {
    // What other runs left lies there no less when this one fails.
    removeLeftovers(context);
    throw error;
  }
}

async function provide(stdin: string, context: PullContext): Promise<Answer> {
  const { settings, log } = context;
  const { image, serviceAccountToken: token, serviceAccountAnnotations: annotations } =
    parseRequest(stdin);
  if (token === "") {
    log.info("no service account, as for a static pod: nothing to do", { image });
    return NOTHING_TO_DO;
  }
  const serviceAccount = readServiceAccount(token);
  const { namespace, name } = serviceAccount;
  log.info("got a request", { image, namespace, serviceAccount: name });

  const { sources, nothingToDo, foundIn, warnings } = await readPullSources(settings, image);
  for (const warning of warnings) log.warn(warning);
  if (nothingToDo !== undefined) {
    log.info(`${nothingToDo}: nothing to do`, { image });
    return NOTHING_TO_DO;
  }
  log.info("found pull sources", { sources: sources.map(formatRepository), ...foundIn });

  const { deliver, refuse } = await startDelivery(image, namespace, context);
  const reading = { token, serviceAccount, annotations, sources };
  const credentials = await readNamespace(reading, context).catch(async (error: unknown) => {
    if (error instanceof RefusedError) await refuse();
    throw error;
  });
  const choice = choose(sources, credentials);
  for (const warning of choice.warnings) log.warn(warning);
  for (const { source, credential: { scope, secret, key } } of choice.chosen) {
    const from = { scope: formatScope(scope), secret, key };
    log.debug("chose", { source: formatRepository(source), ...from });
  }

  const { response, outcome, facts, withdraw } = await deliver(choice);
  log.info(outcome, facts);
  removeLeftovers(context);
  return { response, withdraw };
}
