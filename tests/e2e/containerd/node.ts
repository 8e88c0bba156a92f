/** A node with a real containerd: its socket, its configuration, and the image's own registry. */

import { findContainerd } from "../parts.ts";
import { freePort, Program, run } from "../process.ts";

/** Pairs as the kubelet hands them over. */
export interface Pair {
  readonly username: string;
  readonly password: string;
}

/** The programs of a run. */
export type ContainerdParts = Awaited<ReturnType<typeof findContainerd>>;

/** A containerd that pulls into a directory of its own. */
export class Containerd implements AsyncDisposable {
  readonly #directory: string;
  readonly #parts: ContainerdParts;
  readonly #program: Program;

  private constructor(parts: ContainerdParts, directory: string, program: Program) {
    this.#parts = parts;
    this.#directory = directory;
    this.#program = program;
  }

  /**
   * @param daemon the program: of 2.x, or an older one, whose configuration has another form.
   * @param configPath the directory of `hosts.toml` files, or a list.
   */
  static async start(
    parts: ContainerdParts,
    directory: string,
    { daemon, configPath }: { readonly daemon: string; readonly configPath: string },
  ): Promise<Containerd> {
    await Deno.mkdir(directory);
    const { stdout } = await run(daemon, ["--version"]);
    const version = /\sv?1\.\d+\./.test(stdout) ? 2 : 3;
    const plugin = version === 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.images";
    await Deno.writeTextFile(
      `${directory}/config.toml`,
      `version = ${version}
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
address = "${directory}/c.sock"
[ttrpc]
address = "${directory}/c.sock.ttrpc"
[plugins.'${plugin}'.registry]
config_path = "${configPath}"
`,
    );
    const program = new Program("containerd", daemon, {
      args: ["--config", `${directory}/config.toml`, "--log-level", "debug"],
      log: `${directory}/containerd.log`,
    });
    const containerd = new Containerd(parts, directory, program);
    await program.until(async () => (await containerd.pull("localhost:1/none", [])).answers);
    return containerd;
  }

  /** The configuration's path. */
  get config(): string {
    return `${this.#directory}/config.toml`;
  }

  /** Pulls as the kubelet does, with one pair after the other. */
  async pull(
    image: string,
    pairs: readonly Pair[],
  ): Promise<
    { readonly succeeded: number | undefined; readonly error: string; readonly answers: boolean }
  > {
    const { code, stdout, stderr } = await run(
      this.#parts.pull,
      [`${this.#directory}/c.sock`, image],
      { stdin: JSON.stringify(pairs) },
    );
    const answers = !/Unavailable|unknown service|Unimplemented/.test(stderr);
    return {
      succeeded: code === 0 ? Number(stdout.trim() || "0") : undefined,
      error: stderr,
      answers,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop();
  }
}

/** A request to the image's own registry that bore a login. */
export interface SeenLogin {
  readonly path: string;
  readonly user: string;
}

/**
 * The image's own registry, which lets everybody pull, and refuses wrong logins as Docker Hub does: who
 * asks for a token without a login gets one, who asks with a login that it does not know does not.
 */
export class Origin implements AsyncDisposable {
  readonly #server: Deno.HttpServer;
  readonly host: string;
  /** Every request, by path. */
  readonly requests: string[] = [];
  readonly logins: SeenLogin[] = [];

  /** @param behind `host` and login of the registry that has the images. */
  constructor(behind: { readonly host: string; readonly auth: string }) {
    const port = freePort();
    this.host = `localhost:${port}`;
    this.#server = Deno.serve(
      { port, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        const { pathname, search } = new URL(request.url);
        this.requests.push(pathname);
        const authorization = request.headers.get("authorization") ?? "";
        if (pathname === "/token") return await this.#giveToken(request, authorization);
        if (authorization !== "Bearer everybody") {
          if (authorization.startsWith("Basic ")) this.#see(pathname, authorization);
          const challenge = `Bearer realm="http://${this.host}/token",service="origin"`;
          return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
        }
        const headers = new Headers(request.headers);
        headers.set("authorization", `Basic ${behind.auth}`);
        headers.delete("host");
        return await fetch(`http://${behind.host}${pathname}${search}`, {
          method: request.method,
          headers,
        });
      },
    );
  }

  async #giveToken(request: Request, authorization: string): Promise<Response> {
    const form = request.method === "POST" ? await request.formData() : new FormData();
    const user = form.get("username");
    if (typeof user === "string" && user !== "") this.logins.push({ path: "/token", user });
    else if (authorization !== "") this.#see("/token", authorization);
    else return Response.json({ token: "everybody", access_token: "everybody" });
    return new Response(null, { status: 401 });
  }

  #see(path: string, authorization: string): void {
    const user = atob(authorization.replace("Basic ", "")).split(":")[0] ?? "";
    this.logins.push({ path, user });
  }

  /** Forgets what was seen. */
  forget(): void {
    this.requests.length = 0;
    this.logins.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
