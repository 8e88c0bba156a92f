/** The API server: can it be reached, is it the cluster's, and which version is it. */

import * as v from "valibot";
import type { ApiServer } from "../../kubernetes/api_server.ts";
import { ConnectionError } from "../../kubernetes/connection_failure.ts";
import { REQUEST_LIMIT } from "../../kubernetes/retry.ts";
import { type HttpAnswer, openTransport } from "../../kubernetes/transport.ts";
import { type Check, explainFailure, fail, pass, warn } from "./check.ts";
import type { KubernetesVersion } from "./feature_gate.ts";

const NAME = "api-server";

/** What became of a request. */
export type Outcome =
  | { readonly answer: HttpAnswer }
  | { readonly error: unknown };

/** What is found out about the API server. */
export interface ApiServerFindings {
  readonly checks: readonly Check[];
  /** `undefined` when it does not say. */
  readonly version: KubernetesVersion | undefined;
}

/** Asks for the version through the plugin's own transport, once and as nobody. */
export async function askVersion(server: ApiServer, timeout: number): Promise<Outcome> {
  try {
    using transport = openTransport(server, "");
    const signal = AbortSignal.timeout(Math.min(timeout, REQUEST_LIMIT));
    return { answer: await transport("/version", signal) };
  } catch (error) {
    return { error };
  }
}

const Version = v.object({
  major: v.string(),
  minor: v.string(),
  gitVersion: v.pipe(v.string(), v.maxLength(100)),
});

/**
 * Judges the outcome.
 *
 * @param copied whether the node is a copy, so that this machine need not reach its API server.
 */
export function checkApiServer(
  server: ApiServer,
  outcome: Outcome,
  copied: boolean,
): ApiServerFindings {
  const place = `${server.url} (from ${server.origin})`;
  const trusted = `verified with ${server.caOrigin}`;
  const alone = (check: Check) => ({ checks: [check], version: undefined });
  if ("error" in outcome) {
    const { error } = outcome;
    if (!(error instanceof ConnectionError)) return alone(explainFailure(NAME, error));
    return alone(
      copied
        ? warn(
          NAME,
          `${place} cannot be reached from this machine: ${error.message}`,
          "try it on the node",
        )
        : fail(
          NAME,
          `${place} cannot be reached: ${error.message}`,
          "check the address and the network; bind or build the plugin with --apiserver to set another",
        ),
    );
  }
  const { status, body } = outcome.answer;
  if (status === 401 || status === 403) {
    const found =
      `${place} is reached and ${trusted}; it does not give its version without a token (${status})`;
    return alone(pass(NAME, found));
  }
  const version = status === 200 ? parseVersion(body) : undefined;
  if (version === undefined) {
    const found = `${place} is reached and ${trusted}, but does not give a version as an API ` +
      `server does (HTTP status ${status})`;
    return alone(warn(NAME, found, "check that this is the API server and that it is healthy"));
  }
  const found = `${place} is reached and ${trusted}: ${version.text}`;
  return { checks: [pass(NAME, found)], version };
}

/** `version.Info` of the API server: minor may end with a plus sign. */
function parseVersion(body: string): KubernetesVersion | undefined {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Version), body);
  if (!result.success || result.output.major !== "1") return undefined;
  const minor = /^(\d+)\+?$/.exec(result.output.minor)?.[1];
  // deno-coverage-ignore -- no API server has such a minor version
  return minor === undefined ? undefined : { minor: Number(minor), text: result.output.gitVersion };
}
