/**
 * Servers for what an HTTP server cannot be made to do: to say nothing, to stop in the middle, to
 * answer byte by byte. A handler has the connection to itself. For a connection that is reset
 * rather than closed see `resetting_relay.ts`.
 */

import type { IssuedCertificate } from "./ca.ts";

/** Handles one connection, which is closed in an orderly way when this returns or throws. */
export type HandleConnection = (connection: Deno.Conn) => Promise<void> | void;

/**
 * @example
 * await using server = RawServer.startTls(await ca.issue({ hosts: ["127.0.0.1"] }), async (conn) => {
 *   await readRequestHead(conn);
 *   await writeText(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
 * });
 */
export class RawServer implements AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far. */
  connections = 0;
  readonly #listener: Deno.Listener;
  readonly #open = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;

  private constructor(listener: Deno.TcpListener | Deno.TlsListener, handle: HandleConnection) {
    this.port = listener.addr.port;
    this.#listener = listener;
    this.#accepting = this.#accept(handle);
  }

  /** Speaks TLS; the handshake takes place by itself, before anything is read or written. */
  static startTls({ certPem, keyPem }: IssuedCertificate, handle: HandleConnection): RawServer {
    const options = { hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem };
    return new RawServer(Deno.listenTls(options), handle);
  }

  /** Never speaks TLS: what the client sends is its side of a handshake. */
  static startTcp(handle: HandleConnection): RawServer {
    return new RawServer(Deno.listen({ hostname: "127.0.0.1", port: 0 }), handle);
  }

  /** `https://127.0.0.1:<port>`, whether or not the server would answer to that. */
  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Stops listening and closes every connection, whatever its handler waits for. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) this.#end(connection);
    await this.#accepting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(handle: HandleConnection): Promise<void> {
    for (;;) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch {
        return; // closed
      }
      this.connections++;
      this.#open.add(connection);
      this.#handle(connection, handle);
    }
  }

  async #handle(connection: Deno.Conn, handle: HandleConnection): Promise<void> {
    try {
      await handle(connection);
    } catch {
      // The client went away first, or did not trust the certificate: it is its result that counts.
    } finally {
      this.#end(connection);
    }
  }

  #end(connection: Deno.Conn): void {
    if (this.#open.delete(connection)) connection.close();
  }
}

/** Reads a request up to the blank line after its headers, or to the end of what comes. */
export async function readRequestHead(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) break;
    head += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return head;
}

/** Writes text whole. */
export async function writeText(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

/** Writes text byte by byte, with a pause of so many milliseconds after each. */
export async function dripText(connection: Deno.Conn, text: string, pause: number): Promise<void> {
  for (const byte of new TextEncoder().encode(text)) {
    await connection.write(Uint8Array.of(byte));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Waits for as long as the server runs. */
export function hang(): Promise<never> {
  return new Promise(() => {});
}
