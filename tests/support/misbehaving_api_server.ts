/**
 * An API server that does what none should: every way to be slow, to lie, or to break off. It speaks
 * HTTP/1.1 over TLS byte by byte, behind a relay that can also do wrong below TLS.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { constants, deflateRawSync } from "node:zlib";
import { CertificateAuthority } from "./ca.ts";
import { dripText, hang, RawServer, readRequestHead } from "./raw_tls_server.ts";

/** The connection that a request came over, and what can be done to it. */
export interface Peer {
  /** Writes text or bytes whole. */
  readonly send: (part: string | Uint8Array) => Promise<void>;
  /** Writes text byte by byte with a pause of so many milliseconds after each. */
  readonly drip: (text: string, pause: number) => Promise<void>;
  /** Ends the connection, TLS first. */
  readonly close: () => void;
  /** Ends the TCP connection without TLS's `close_notify` (RFC 8446 section 6.1). */
  readonly cut: () => void;
  /** Resets the TCP connection. */
  readonly reset: () => void;
  /** Puts bytes between the TLS records. */
  readonly inject: (bytes: Uint8Array) => void;
}

/**
 * Answers one request, in whatever way.
 *
 * @param count which request for this namespace it is, from 1.
 */
export type Behaviour = (peer: Peer, count: number) => Promise<void> | void;

export interface MisbehavingApiServerOptions {
  /** @default one of its own */
  ca?: CertificateAuthority;
  /** Names in the certificate. @default ["127.0.0.1"] */
  hosts?: readonly string[];
}

/**
 * Behaves in one way for each namespace, so that many can be tried at the same time.
 *
 * @example
 * await using api = await MisbehavingApiServer.start();
 * api.behave("team-a", breaksOff(answer(200, secretList()), 20, "reset"));
 */
export class MisbehavingApiServer implements AsyncDisposable {
  readonly ca: CertificateAuthority;
  readonly port: number;
  /** `https://127.0.0.1:<port>`. */
  readonly url: string;
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #arrivals = new Map<string, number[]>();
  readonly #tls: RawServer;
  readonly #relay: Server;
  /** The client's side of each connection, by the port that the relay's other side has. */
  readonly #clients = new Map<number, Socket>();
  readonly #sockets = new Set<Socket>();

  private constructor(ca: CertificateAuthority, tls: RawServer, relay: Server) {
    const address = relay.address();
    if (address === null || typeof address === "string") throw new TypeError("no TCP address");
    this.ca = ca;
    this.port = address.port;
    this.url = `https://127.0.0.1:${address.port}`;
    this.#tls = tls;
    this.#relay = relay;
    relay.on("connection", (client) => this.#pass(client));
  }

  static async start(
    { ca, hosts = ["127.0.0.1"] }: MisbehavingApiServerOptions = {},
  ): Promise<MisbehavingApiServer> {
    const authority = ca ?? await CertificateAuthority.create("kubernetes");
    const certificate = await authority.issue({ hosts });
    const relay = createServer();
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const tls = RawServer.startTls(certificate, (connection) => server.#serve(connection));
    const server = new MisbehavingApiServer(authority, tls, relay);
    return server;
  }

  /** From now on requests for a namespace's secrets are answered so, and counted from 1. */
  behave(namespace: string, behaviour: Behaviour): void {
    this.#behaviours.set(namespace, behaviour);
    this.#arrivals.set(namespace, []);
  }

  /** When each request for a namespace came in, in milliseconds of `performance.now()`. */
  arrivals(namespace: string): readonly number[] {
    return this.#arrivals.get(namespace) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#relay.close(resolve));
    await this.#tls.close();
  }

  #pass(client: Socket): void {
    const target = connect(this.#tls.port, "127.0.0.1");
    target.on("connect", () => {
      if (target.localPort !== undefined) this.#clients.set(target.localPort, client);
      client.pipe(target);
      target.pipe(client);
    });
    for (const [socket, peer] of [[client, target], [target, client]] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {}); // A peer that went away; "close" follows.
      socket.on("close", () => {
        this.#sockets.delete(socket);
        peer.end();
      });
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const { remoteAddr } = connection;
    let open = true;
    while (open) {
      const head = await readRequestHead(connection);
      if (head === "") return;
      const client = remoteAddr.transport === "tcp" && this.#clients.get(remoteAddr.port);
      if (!client) throw new TypeError("a connection that came past the relay");
      const namespace = /^GET \/api\/v1\/namespaces\/([^/]+)\//.exec(head)?.[1] ?? "";
      const arrivals = this.#arrivals.get(namespace) ?? [];
      arrivals.push(performance.now());
      await this.#behaviours.get(namespace)?.({
        send: (part) => writeWhole(connection, part),
        drip: (text, pause) => dripText(connection, text, pause),
        close: () => void (open = false),
        cut: () => client.destroy(),
        reset: () => client.resetAndDestroy(),
        inject: (bytes) => void client.write(bytes),
      }, arrivals.length);
    }
  }
}

async function writeWhole(connection: Deno.Conn, part: string | Uint8Array): Promise<void> {
  const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

/** A whole HTTP answer: JSON with its length, and further header lines. */
export function answer(status: number, body: string, headers: readonly string[] = []): string {
  const length = new TextEncoder().encode(body).length;
  const lines = [`Content-Type: application/json`, `Content-Length: ${length}`, ...headers];
  return head(status, lines) + body;
}

/** Status line, header lines and the blank line after them. */
export function head(status: number, headers: readonly string[]): string {
  return [`HTTP/1.1 ${status} Status`, ...headers, "", ""].join("\r\n");
}

/** A `SecretList` of the given entries of one secret; no entries, no secret. */
export function secretList(
  { auths, next = "" }: { auths?: Readonly<Record<string, unknown>>; next?: string } = {},
): string {
  const type = "kubernetes.io/dockerconfigjson";
  const content = new TextEncoder().encode(JSON.stringify({ auths })).toBase64();
  const items = auths === undefined
    ? []
    : [{ metadata: { name: "my-registry" }, type, data: { ".dockerconfigjson": content } }];
  return JSON.stringify({ kind: "SecretList", metadata: { continue: next }, items });
}

/** Sends text as it stands. */
export function sends(text: string): Behaviour {
  return (peer) => peer.send(text);
}

/** Says nothing for so many milliseconds, then goes on with another behaviour. */
export function delays(milliseconds: number, then: Behaviour): Behaviour {
  return async (peer, count) => {
    await pause(milliseconds);
    await then(peer, count);
  };
}

/** Takes the request and never says anything. */
export const saysNothing: Behaviour = () => hang();

/** Sends text byte by byte. */
export function drips(text: string, milliseconds: number): Behaviour {
  return (peer) => peer.drip(text, milliseconds);
}

/** How a connection ends before its time. */
export type Ending = "close" | "cut" | "reset";

/** Sends the first bytes of a text, then ends the connection. */
export function breaksOff(text: string, afterBytes: number, ending: Ending): Behaviour {
  return async (peer) => {
    await peer.send(text.slice(0, afterBytes));
    // A reset overtakes what is still on its way.
    await pause(20);
    peer[ending]();
  };
}

/** Sends a list with another `Content-Length` than its own. */
export function liesAboutLength(body: string, announced: string | number): Behaviour {
  return async (peer) => {
    await peer.send(head(200, [`Content-Length: ${announced}`]) + body);
    await pause(20);
    peer.close();
  };
}

/** Sends a chunked body whose chunks are given as they stand (RFC 9112 section 7.1). */
export function sendsChunks(chunks: string): Behaviour {
  return async (peer) => {
    await peer.send(head(200, ["Transfer-Encoding: chunked"]) + chunks);
    await pause(20);
    peer.close();
  };
}

/** Sends a body that inflates to so many MiB of white space. */
export function sendsGzipBomb(mebibytes: number): Behaviour {
  const body = gzipBomb(mebibytes);
  return async (peer) => {
    await peer.send(head(200, ["Content-Encoding: gzip", `Content-Length: ${body.length}`]));
    await peer.send(body);
  };
}

/** A gzip file (RFC 1952) without its end, about a thousandth as long as what it inflates to. */
function gzipBomb(mebibytes: number): Uint8Array {
  const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
  // After a full flush a block refers to nothing before it, and can be repeated.
  const block = deflateRawSync(new Uint8Array(1024 * 1024).fill(0x20), {
    finishFlush: constants.Z_FULL_FLUSH,
  });
  const bomb = new Uint8Array(header.length + mebibytes * block.length);
  bomb.set(header);
  for (let i = 0; i < mebibytes; i++) bomb.set(block, header.length + i * block.length);
  return bomb;
}

/** Bytes sent at a time where there is no end of them. */
const CHUNK = 256 * 1024;

/** Sends text again and again, for as long as it is read. */
export function neverEnds(start: string, repeated: string): Behaviour {
  return async (peer) => {
    await peer.send(start);
    const bytes = new TextEncoder().encode(repeated.repeat(Math.ceil(CHUNK / repeated.length)));
    for (;;) {
      await peer.send(bytes);
      // Others are to be served, too.
      await pause(1);
    }
  };
}

/** Answers each request with an empty page and a continue token. */
export function pages(token: (count: number) => string): Behaviour {
  return (peer, count) => peer.send(answer(200, secretList({ next: token(count) })));
}

/** Puts the header of a TLS handshake record, unencrypted, in front of an answer. */
export function sendsHandshakeRecord(text: string): Behaviour {
  // HelloRequest of TLS 1.2, by which a server asked for renegotiation (RFC 5246 section 7.4.1.1).
  const helloRequest = Uint8Array.of(0x16, 3, 3, 0, 4, 0, 0, 0, 0);
  return async (peer) => {
    peer.inject(helloRequest);
    await pause(20);
    await peer.send(text);
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
