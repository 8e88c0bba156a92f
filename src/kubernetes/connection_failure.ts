/** Why a request got no answer, in words for the operator. */

import { UserError } from "../errors.ts";
import { outsideSandbox } from "../files.ts";
import type { ApiServer } from "./api_server.ts";
import { hostAndPort } from "./api_server_url.ts";

/** The request did not get a whole answer; another attempt may. Its message holds no secret. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** Sorts what went wrong into what the operator must mend and what another attempt may. */
export function connectionFailure(error: unknown, server: ApiServer, signal: AbortSignal): Error {
  if (error instanceof UserError || error instanceof ConnectionError) return error;
  if (signal.aborted) return new ConnectionError("no answer within the time limit of a request");
  if (error instanceof Deno.errors.NotCapable) {
    return outsideSandbox(
      hostAndPort(server.url),
      `connect (address from ${server.origin})`,
      "apiserver",
    );
  }
  const reason = error instanceof Error ? error.message : "";
  return tlsFailure(reason, server) ?? new ConnectionError(shorten(reason));
}

/** What the TLS library says, and what that means. */
const VERDICTS: readonly (readonly [RegExp, (name: string) => string])[] = [
  [/UnknownIssuer|BadSignature/, () => "its certificate is not signed by the expected CA"],
  [
    /not valid for (?:any )?name|NotValidForName/i,
    (name) => `its certificate does not bear the name ${JSON.stringify(name)}`,
  ],
  [/Expired/i, () => "its certificate is expired by this node's clock"],
  [/not ?valid ?yet/i, () => "its certificate is not yet valid by this node's clock"],
  [/invalid peer certificate/i, () => "its certificate is not acceptable"],
];

function tlsFailure(reason: string, server: ApiServer): UserError | undefined {
  const verdict = VERDICTS.find(([pattern]) => pattern.test(reason))?.[1];
  if (verdict === undefined) return undefined;
  return new UserError(
    server.url,
    `the API server was not verified: ${
      verdict(server.tlsServerName || new URL(server.url).hostname)
    }`,
    `the CA used is ${server.caOrigin} (--ca-file), the address is from ${server.origin} (--apiserver)`,
  );
}

/** Without the link to its manual that the TLS library adds. */
function shorten(reason: string): string {
  return reason.replace(/:? https?:\/\/\S+$/, "");
}
