/** The image library itself, asked through the programs in `go/image_library`. */

import * as v from "valibot";

/** What is asked of the library: one node, an auth file, images and repositories. */
export interface Question {
  /** Texts of files by their absolute path on the node. */
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** The auth file that a pull is given; `undefined` for a pull without one. */
  readonly authFile: string | undefined;
  /** Images to pull, with tag or digest. */
  readonly images: readonly string[];
  /** Repositories whose credentials are looked up, `host[:port]/path`. */
  readonly repositories: readonly string[];
}

const Credential = v.object({
  error: v.optional(v.string(), ""),
  username: v.optional(v.string(), ""),
  password: v.optional(v.string(), ""),
  identitytoken: v.optional(v.string(), ""),
});

const Source = v.object({
  reference: v.string(),
  repository: v.string(),
  host: v.string(),
  blockedBy: v.optional(v.string(), ""),
});

const Pull = v.object({
  error: v.optional(v.string(), ""),
  prefix: v.optional(v.string(), ""),
  sources: v.array(Source),
});

const Answer = v.object({
  error: v.optional(v.string(), ""),
  credentialHelpers: v.optional(v.array(v.string()), []),
  pulls: v.array(Pull),
  lookups: v.array(v.object({ answers: v.array(Credential) })),
});

/** An answer, empty texts and lists where there is nothing to say. */
export type Answer = v.InferOutput<typeof Answer>;
/** What one image is pulled from; an `error` refuses the pull before any registry is asked. */
export type LibraryPull = v.InferOutput<typeof Pull>;
/** What a look-up ends at: an error, a login, or nothing. */
export type LibraryCredential = v.InferOutput<typeof Credential>;

/** The two generations of the library; a node has one of them. */
export interface Oracles {
  readonly older: Oracle;
  readonly newer: Oracle;
}

/** One generation of the library, running until it is disposed. */
export class Oracle implements AsyncDisposable {
  #child: Deno.ChildProcess;
  #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(path: string) {
    this.#child = new Deno.Command(path, {
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Asks; one question at a time. @throws {Error} when the program ends instead of answering. */
  async ask({ files, authFile, images, repositories }: Question): Promise<Answer> {
    const question = {
      files: Object.fromEntries(
        Object.entries(files).map(([path, bytes]) => [path, bytes.toBase64()]),
      ),
      authFile: authFile === undefined ? null : new TextEncoder().encode(authFile).toBase64(),
      images,
      repositories,
    };
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    let end = this.#rest.indexOf("\n");
    while (end === -1) {
      const { done, value } = await this.#lines.read();
      if (done) throw new Error("the program around the image library ended");
      const from = this.#rest.length;
      this.#rest += value;
      end = this.#rest.indexOf("\n", from);
    }
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return v.parse(Answer, JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
    await this.#lines.cancel();
  }
}
