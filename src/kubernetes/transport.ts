/** One HTTPS request to the API server: verified, bounded, never redirected. */

import type { IncomingMessage } from "node:http";
import { UserError } from "../errors.ts";
import type { ApiServer } from "./api_server.ts";
import { connectionFailure } from "./connection_failure.ts";

/** An answer whose body has been read whole. */
export interface HttpAnswer {
  readonly status: number;
  /** The `Retry-After` header as sent. */
  readonly retryAfter: string | null;
  readonly body: string;
}

/** Sends one GET. Rejects with a `ConnectionError` when trying again may help. */
export type Transport = (path: string, signal: AbortSignal) => Promise<HttpAnswer>;

/** Largest body accepted, in bytes after decompression. A page holds at most 500 secrets. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Connects to an API server with a token, which is sent to that server alone: its certificate must
 * be signed by the given CA and bear its name, and a redirect is not followed.
 *
 * @param token empty for a request as nobody.
 * @throws {UserError} when the CA bundle is unusable.
 */
export function openTransport(server: ApiServer, token: string): Transport & Disposable {
  const headers = {
    Accept: "application/json",
    // Compressing is work for the API server and the node, to save bytes on a short way.
    "Accept-Encoding": "identity",
    ...(token !== "" && { Authorization: `Bearer ${token}` }),
    "User-Agent": "crio-credential-provider",
  };
  if (server.tlsServerName !== "") return namedTransport(server, headers);
  const client = createClient(server);
  const send: Transport = async (path, signal) => {
    try {
      const response = await fetch(server.url + path, {
        client,
        headers,
        redirect: "manual",
        signal,
      });
      return {
        status: response.status,
        retryAfter: response.headers.get("Retry-After"),
        body: await readBody(response, server),
      };
    } catch (error) {
      throw connectionFailure(error, server, signal);
    }
  };
  return Object.assign(send, { [Symbol.dispose]: () => client.close() });
}

function createClient(server: ApiServer): Deno.HttpClient {
  try {
    return Deno.createHttpClient({ caCerts: [server.ca] });
  } catch {
    throw new UserError(
      server.caOrigin,
      "holds a certificate that cannot be parsed",
      "pass another CA bundle with --ca-file",
    );
  }
}

/**
 * The same for a kubeconfig with `tls-server-name`: `fetch` cannot expect another name than the
 * URL's host, `node:https` can. It is loaded only here because it takes longer than a whole pull.
 */
function namedTransport(
  server: ApiServer,
  headers: Readonly<Record<string, string>>,
): Transport & Disposable {
  const send: Transport = async (path, signal) => {
    const { get } = await import("node:https");
    const options = {
      agent: false,
      ca: server.ca,
      headers,
      // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED in the environment may say otherwise.
      rejectUnauthorized: true,
      servername: server.tlsServerName,
    };
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get(server.url + path, { ...options, signal }, resolve).on("error", reject);
      });
      return {
        status: response.statusCode ?? 0,
        retryAfter: response.headers["retry-after"] ?? null,
        body: await collect(response, server),
      };
    } catch (error) {
      throw connectionFailure(error, server, signal);
    }
  };
  return Object.assign(send, { [Symbol.dispose]: () => {} });
}

function readBody(response: Response, server: ApiServer): Promise<string> | string {
  // A body that announces a bearable length is read by the runtime in one go.
  const length = Number(response.headers.get("Content-Length") ?? NaN);
  if (length <= MAX_BODY_BYTES && !response.headers.has("Content-Encoding")) return response.text();
  return response.body === null ? "" : collect(response.body, server);
}

/** Collects a body up to {@link MAX_BODY_BYTES}. */
async function collect(body: AsyncIterable<Uint8Array>, server: ApiServer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw new UserError(server.url, `the answer is larger than ${MAX_BODY_BYTES} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
