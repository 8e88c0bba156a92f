/** One HTTPS request to the API server: verified, bounded, never redirected. */

import { UserError } from "../errors.ts";
import { outsideSandbox } from "../files.ts";
import type { ApiServer } from "./api_server.ts";
import { hostAndPort } from "./api_server_url.ts";

/** An answer whose body has been read whole. */
export interface HttpAnswer {
  readonly status: number;
  /** The `Retry-After` header as sent. */
  readonly retryAfter: string | null;
  readonly body: string;
}

/** Sends one GET. Rejects with a {@link ConnectionError} when trying again may help. */
export type Transport = (path: string, signal: AbortSignal) => Promise<HttpAnswer>;

/** The request did not get a whole answer; another attempt may. Its message holds no secret. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** Largest body accepted, in bytes after decompression. A page holds at most 500 secrets. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Connects to an API server with a token, which is sent to that server alone: its certificate must
 * be signed by the given CA and bear its name, and a redirect is not followed.
 *
 * @throws {UserError} when the CA bundle is unusable.
 */
export function openTransport(server: ApiServer, token: string): Transport & Disposable {
  const headers = {
    Accept: "application/json",
    // Compressing is work for the API server and the node, to save bytes on a short way.
    "Accept-Encoding": "identity",
    Authorization: `Bearer ${token}`,
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
    try {
      return await new Promise<HttpAnswer>((resolve, reject) => {
        const url = new URL(server.url + path);
        const options = { agent: false, ca: server.ca, headers, servername: server.tlsServerName };
        const request = get(url, { ...options, signal }, (response) => {
          const decoder = new BodyDecoder(server);
          response.on("data", (chunk: Uint8Array) => {
            try {
              decoder.add(chunk);
            } catch (error) {
              request.destroy();
              reject(error);
            }
          });
          response.on("error", reject);
          response.on("aborted", () => reject(new ConnectionError("the answer was cut short")));
          response.on("end", () => {
            const retryAfter = response.headers["retry-after"] ?? null;
            resolve({ status: response.statusCode ?? 0, retryAfter, body: decoder.finish() });
          });
        });
        request.on("error", reject);
      });
    } catch (error) {
      throw connectionFailure(error, server, signal);
    }
  };
  return Object.assign(send, { [Symbol.dispose]: () => {} });
}

async function readBody(response: Response, server: ApiServer): Promise<string> {
  // A body that announces a bearable length is read by the runtime in one go.
  const length = Number(response.headers.get("Content-Length") ?? NaN);
  if (length <= MAX_BODY_BYTES && !response.headers.has("Content-Encoding")) {
    return await response.text();
  }
  const decoder = new BodyDecoder(server);
  if (response.body !== null) { for await (const chunk of response.body) decoder.add(chunk); }
  return decoder.finish();
}

/** Collects a body up to {@link MAX_BODY_BYTES}. */
class BodyDecoder {
  #text = "";
  #length = 0;
  readonly #server: ApiServer;
  readonly #decoder = new TextDecoder();

  constructor(server: ApiServer) {
    this.#server = server;
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > MAX_BODY_BYTES) {
      throw new UserError(this.#server.url, `the answer is larger than ${MAX_BODY_BYTES} bytes`);
    }
    this.#text += this.#decoder.decode(chunk, { stream: true });
  }

  finish(): string {
    return this.#text + this.#decoder.decode();
  }
}

/** Sorts what went wrong into what the operator must mend and what another attempt may. */
function connectionFailure(error: unknown, server: ApiServer, signal: AbortSignal): Error {
  if (error instanceof UserError || error instanceof ConnectionError) return error;
  if (signal.aborted) return new ConnectionError("no answer within the time limit of a request");
  if (error instanceof Deno.errors.NotCapable) {
    return outsideSandbox(
      hostAndPort(server.url),
      `connect (address from ${server.origin})`,
      "apiserver",
    );
  }
  const reason = innermostMessage(error);
  if (/certificate|tls|handshake/i.test(reason)) {
    return tlsFailure(reason, server) ??
      new ConnectionError(`TLS: ${shorten(reason)}`);
  }
  return new ConnectionError(shorten(reason));
}

function tlsFailure(reason: string, server: ApiServer): UserError | undefined {
  const verdict = [
    [
      /UnknownIssuer|BadSignature|unable to (?:get|verify)|self.signed/i,
      "its certificate is not signed by the expected CA",
    ],
    [
      /not valid for (?:any )?name|NotValidForName|altnames/i,
      `its certificate does not bear the name ${
        JSON.stringify(server.tlsServerName || new URL(server.url).hostname)
      }`,
    ],
    [/Expired|NotValidYet/i, "its certificate is expired or not yet valid"],
    [/invalid peer certificate|CaUsedAsEndEntity/i, "its certificate is not acceptable"],
  ].find(([pattern]) => pattern instanceof RegExp && pattern.test(reason))?.[1];
  if (typeof verdict !== "string") return undefined;
  return new UserError(
    server.url,
    `the API server was not verified: ${verdict}`,
    `the CA used is ${server.caOrigin} (--ca-file), the address is from ${server.origin} (--apiserver)`,
  );
}

/** The runtime wraps errors; the one at the bottom says what happened. */
function innermostMessage(error: unknown): string {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  return current instanceof Error ? current.message : "";
}

/** `error sending request for url (…): client error (Connect): tcp connect error: …` -> the end. */
function shorten(reason: string): string {
  return reason.replace(/^error sending request .*?\): /, "").replace(
    /^client error \(\w+\): /,
    "",
  );
}
