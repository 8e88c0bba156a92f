/** Why a request got no answer, in words for the operator. */

import { UserError } from "../errors.ts";
import { outsideSandbox } from "../process/files.ts";
import type { ApiServer } from "./api_server.ts";
import { hostAndPort } from "./api_server_url.ts";

/** The request did not get a whole answer; another attempt may. Its message holds no secret. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** Sorts what went wrong into what the operator must correct and what another attempt may get past. */
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

function tlsFailure(reason: string, server: ApiServer): UserError | undefined {
  const verdict = verdictOn(reason, server);
  if (verdict === undefined) return undefined;
  return new UserError(
    "api-server-unverified",
    server.url,
    `the API server was not verified: its certificate ${verdict}`,
    `the CA used is ${server.caOrigin} (--ca-file), the address is from ${server.origin} (--apiserver)`,
  );
}

/** What the TLS library's words say of the certificate; `undefined` when they are of something else. */
function verdictOn(reason: string, server: ApiServer): string | undefined {
  if (/UnknownIssuer|BadSignature/.test(reason)) return "is not signed by the expected CA";
  if (/not valid for (?:any )?name|NotValidForName/i.test(reason)) {
    const name = server.tlsServerName || new URL(server.url).hostname;
    return `is not valid for the name ${JSON.stringify(name)}`;
  }
  if (/Expired/i.test(reason)) return "has expired by this node's clock";
  if (/not ?valid ?yet/i.test(reason)) return "is not yet valid by this node's clock";
  return /invalid peer certificate/i.test(reason) ? "is not acceptable" : undefined;
}

/** Without the link to its manual that the TLS library adds. */
function shorten(reason: string): string {
  return reason.replace(/:? https?:\/\/\S+$/, "");
}
