/**
 * The way out of a closed site: an HTTP proxy that lets nobody through. CRI-O tries an origin that does
 * not answer for some 15 s before it gives a pull up, and one that it is refused once.
 */
export class ClosedProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ended = this.#answer();

  /** Address, as `HTTPS_PROXY` takes it. */
  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async #answer(): Promise<void> {
    const answer = new TextEncoder().encode("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    for await (const connection of this.#listener) {
      // The request is short; one that was broken off needs no answer.
      await connection.read(new Uint8Array(4096)).then(() => connection.write(answer)).catch(
        () => {},
      );
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
  }
}
