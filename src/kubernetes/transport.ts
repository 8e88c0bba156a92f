/** Requests to the API server: over TLS, verified, bounded, never redirected. */

import { UserError } from "../errors.ts";
import type { ApiServer } from "./api_server.ts";
import { ConnectionError, connectionFailure } from "./connection_failure.ts";
import {
  AnswerReader,
  formatGet,
  type HttpAnswer,
  HttpError,
  TooLargeError,
  UnwantedAnswer,
} from "./http.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { sendAll } from "../process/write_all.ts";

export type { HttpAnswer } from "./http.ts";

/**
 * Sends one GET.
 *
 * @param maxBytes largest body accepted. @default {@link MAX_BODY_BYTES}
 * @throws {ConnectionError} when trying again may help.
 * @throws {LargeAnswerError} when the body is larger than allowed.
 * @throws {UserError} when it cannot help.
 */
export type Transport = (
  path: string,
  signal: AbortSignal,
  maxBytes?: number,
) => Promise<HttpAnswer>;

/** Largest body accepted, in bytes: what a page of a list may take (`secrets/list.ts`). */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** An answer that is larger than what was allowed for; a smaller one may be asked for. */
export class LargeAnswerError extends UserError {
  /** @param maxBytes what was allowed for. */
  constructor(server: string, maxBytes: number) {
    super("answer-too-large", server, `the answer is larger than ${maxBytes} bytes`);
  }
}

/** A connection with what reads answers off it. */
interface Connection {
  readonly tls: Deno.TlsConn;
  readonly answers: AnswerReader;
}

/**
 * Connects to an API server with a token, which is sent to that server alone: its certificate must
 * be signed by the given CA and have its name, and a redirect is not followed. Requests go one after
 * the other over the same connection for as long as the server leaves it open.
 *
 * Nothing is thrown here: the connection is made with the first request, whose errors are those of
 * {@link Transport}.
 *
 * @param token empty for a request as nobody.
 */
export function openTransport(server: ApiServer, token: string): Transport & Disposable {
  const url = new URL(server.url);
  const prefix = url.pathname === "/" ? "" : url.pathname;
  const headers = {
    Accept: "application/json",
    // Compressing is work for the API server and the node, to save bytes on a short way.
    "Accept-Encoding": "identity",
    ...(token !== "" && { Authorization: `Bearer ${token}` }),
    "User-Agent": "crio-credential-provider",
  };
  let open: Connection | undefined;
  const close = () => {
    open?.tls.close();
    open = undefined;
  };

  const send: Transport = async (path, signal, maxBytes = MAX_BODY_BYTES) => {
    // What is being waited for ends when its connection does.
    const stop = () => close();
    try {
      signal.throwIfAborted();
      open ??= await connect(server, url, signal);
      signal.addEventListener("abort", stop);
      signal.throwIfAborted();
      const { tls, answers } = open;
      await sendAll(tls, encodeUtf8(formatGet(url.host, prefix + path, headers)));
      const answer = await answers.read(maxBytes);
      if (!answers.reusable) close();
      return answer.status === 200 ? answer : withoutToken(answer, token);
    } catch (error) {
      if (!signal.aborted) close();
      throw failure(error, server, signal, maxBytes);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
  return Object.assign(send, { [Symbol.dispose]: close });
}

/** Shortest part of a token that is worth a search, in characters. */
const TELLING_LENGTH = 16;

/**
 * An answer whose body does not have the token in it, nor a part of it: what an API server, or a proxy
 * before it, says of a request that it refuses goes into errors and into the log.
 */
function withoutToken(answer: HttpAnswer, token: string): HttpAnswer {
  const parts = [token, ...token.split(".")].filter((part) => part.length >= TELLING_LENGTH);
  const body = parts.reduce((text, part) => text.replaceAll(part, "[masked]"), answer.body);
  return { ...answer, body };
}

async function connect(server: ApiServer, url: URL, signal: AbortSignal): Promise<Connection> {
  // An IPv6 address is in brackets in a URL, and nowhere else.
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  // deno-coverage-ignore -- no test may listen on port 443
  const port = url.port === "" ? 443 : Number(url.port);
  const tcp = await Deno.connect({ hostname, port, signal });
  // The request follows the end of the handshake, which would otherwise have to be acknowledged first.
  tcp.setNoDelay(true);
  const tls = await startTls(tcp, server, hostname);
  return { tls, answers: new AnswerReader(tls, MAX_BODY_BYTES) };
}

/** Takes the connection over: whatever happens, it is no longer the caller's to close. */
async function startTls(
  tcp: Deno.TcpConn,
  server: ApiServer,
  hostname: string,
): Promise<Deno.TlsConn> {
  try {
    return await Deno.startTls(tcp, {
      hostname: server.tlsServerName || hostname,
      caCerts: [server.ca],
      alpnProtocols: ["http/1.1"],
    });
  } catch {
    // Nothing has been sent yet: it can only be the bundle.
    throw new UserError(
      "ca-unusable",
      server.caOrigin,
      "has a certificate that cannot be parsed",
      "pass another CA bundle with --ca-file",
    );
  }
}

function failure(
  error: unknown,
  server: ApiServer,
  signal: AbortSignal,
  maxBytes: number,
): Error {
  if (error instanceof TooLargeError) {
    return new LargeAnswerError(server.url, maxBytes);
  }
  if (error instanceof UnwantedAnswer) {
    return new UserError(
      "answer-unexpected",
      server.url,
      `the answer ${error.message}, although that was not requested`,
    );
  }
  if (error instanceof HttpError && !signal.aborted) {
    return new ConnectionError(`the answer cannot be read: ${error.message}`);
  }
  return connectionFailure(error, server, signal);
}
