/** A relay that resets connections: what a client sees of an API server that dies under it. */

import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * Passes TCP connections on to a port of 127.0.0.1, and resets each one after so many bytes of the
 * answer, TLS included; 0 resets it at the client's first byte.
 *
 * @example
 * await using relay = await ResettingRelay.start(api.port, 20_000);
 * await fetch(`${relay.url}/version`, { client });
 */
export class ResettingRelay implements AsyncDisposable {
  readonly port: number;
  /** `https://127.0.0.1:<port>`. */
  readonly url: string;
  /** Connections reset so far. */
  resets = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, targetPort: number, afterBytes: number) {
    this.#server = server;
    this.port = port;
    this.url = `https://127.0.0.1:${port}`;
    server.on("connection", (client) => this.#relay(client, targetPort, afterBytes));
  }

  static async start(targetPort: number, afterBytes: number): Promise<ResettingRelay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new TypeError("no TCP address");
    return new ResettingRelay(server, address.port, targetPort, afterBytes);
  }

  #relay(client: Socket, targetPort: number, afterBytes: number): void {
    const target = connect(targetPort, "127.0.0.1");
    for (const [socket, peer] of [[client, target], [target, client]] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {}); // A peer that went away; "close" follows.
      socket.on("close", () => {
        this.#sockets.delete(socket);
        peer.destroy();
      });
    }
    let passed = 0;
    // `resetAndDestroy` is Node's way to a reset; Deno's own sockets have none.
    const reset = () => {
      this.resets++;
      client.resetAndDestroy();
    };
    client.on("data", (bytes) => {
      if (afterBytes === 0) reset();
      else target.write(bytes);
    });
    target.on("data", (bytes) => {
      client.write(bytes.subarray(0, afterBytes - passed), () => {
        if (passed >= afterBytes && !client.destroyed) reset();
      });
      passed += bytes.length;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
