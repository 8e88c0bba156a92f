/** journald's end of the plugin's log: what each run says, also when it succeeds. */

const SOCKET = "/run/systemd/journal/stdout";

/** The lines in front of a stream that say whose it is. */
const HEADER_LINES = 7;

/** One line, and when it came. */
export interface JournalLine {
  /** In milliseconds of `performance.now()`. */
  readonly at: number;
  /** Without the priority in front of it. */
  readonly text: string;
}

export class Journald implements AsyncDisposable {
  readonly lines: JournalLine[] = [];
  readonly #listener: Deno.Listener<Deno.UnixConn>;
  readonly #accepting: Promise<void>;

  private constructor(listener: Deno.Listener<Deno.UnixConn>) {
    this.#listener = listener;
    this.#accepting = this.#accept();
  }

  static async start(): Promise<Journald> {
    await Deno.mkdir("/run/systemd/journal", { recursive: true });
    return new Journald(Deno.listen({ transport: "unix", path: SOCKET }));
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#read(connection).catch(() => {
        // The run was killed.
      });
    }
  }

  async #read(connection: Deno.Conn): Promise<void> {
    const lines = (await new Response(connection.readable).text()).split("\n");
    for (const line of lines.slice(HEADER_LINES)) {
      if (line !== "") this.lines.push({ at: performance.now(), text: line.replace(/^<\d>/, "") });
    }
  }

  /** Lines of an image's runs since a moment of `performance.now()`. */
  since(at: number, part: string): string[] {
    return this.lines.filter((line) => line.at >= at && line.text.includes(part))
      .map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }
}
