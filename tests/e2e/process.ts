/** Programs of the run: started with a log file, waited for, stopped. */

/** How to start a program. */
export interface ProgramOptions {
  readonly args: readonly string[];
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs until it is stopped; its output goes to a file. */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly log: string;
  #child: Deno.ChildProcess;

  constructor(name: string, path: string, { args, log, env = {} }: ProgramOptions) {
    this.name = name;
    this.log = log;
    // `exec`, so that a signal reaches the program and not a shell.
    this.#child = new Deno.Command("/bin/sh", {
      args: ["-c", `exec "$0" "$@" >>"$LOG" 2>&1`, path, ...args],
      env: { ...env, LOG: log },
      stdin: "null",
    }).spawn();
  }

  /** Waits until a condition holds. @throws {Error} with the log's end when it never does. */
  async until(condition: () => Promise<boolean>, seconds = 60): Promise<void> {
    let ended = false;
    this.#child.status.then(() => ended = true);
    for (let tries = 0; tries < seconds * 10 && !ended; tries++) {
      if (await condition().catch(() => false)) return;
      await sleep(100);
    }
    const log = (await Deno.readTextFile(this.log)).split("\n").slice(-20).join("\n");
    throw new Error(`${this.name} ${ended ? "ended" : "did not get ready"}:\n${log}`);
  }

  /** Stops the program at once: what it holds is thrown away with the run. */
  async stop(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends the program by a signal. */
  async end(signal: Deno.Signal): Promise<void> {
    this.signal(signal);
    await this.#child.status;
  }

  /** Sends a signal; none where it has ended already. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What a command that ended left. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string; stdin?: string } = {},
): Promise<CommandResult> {
  const child = new Deno.Command(command, {
    args: [...args],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Blob([options.stdin ?? ""]).stream().pipeTo(child.stdin).catch(() => {});
  const [status, stdout, stderr] = await Promise.all([
    child.status,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    written,
  ]);
  return { code: status.code, stdout, stderr };
}

/** Runs a command that must succeed, and gives its output. @throws {Error} with its stderr. */
export async function mustRun(...call: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...call);
  if (code !== 0) throw new Error(`${call[0]} ${call[1][0] ?? ""} failed (${code}): ${stderr}`);
  return stdout;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A port that nothing listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
