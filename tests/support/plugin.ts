/** Executes a built plugin as the kubelet does. */

import { dirname } from "node:path";

export interface PluginRun {
  /** What the kubelet writes. A stream need not end. @default "" */
  stdin?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  args?: readonly string[];
  /** The whole environment. @default {@link PLUGIN_ENV} */
  env?: Readonly<Record<string, string>>;
  /** @default "/", as the kubelet's */
  cwd?: string;
  /** Told of the process as soon as there is one. */
  onStart?: (child: Deno.ChildProcess) => void;
  /** When the process is killed, in milliseconds. @default 60_000, as the kubelet does */
  timeout?: number;
}

export interface PluginResult {
  /** Exit status. */
  code: number;
  /** What ended the process, if it did not end itself. */
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
}

/** A `PATH` that has /bin/sh's commands and the runtime that runs the tests, and nothing else. */
export const PLUGIN_ENV: Readonly<Record<string, string>> = {
  PATH: `${dirname(Deno.execPath())}:/usr/local/bin:/usr/bin:/bin`,
};

/** Runs an executable to its end. */
export async function runPlugin(
  executable: string,
  { stdin = "", args = [], env = PLUGIN_ENV, timeout = 60_000, cwd = "/", onStart }: PluginRun = {},
): Promise<PluginResult> {
  const child = await start(executable, {
    args: [...args],
    clearEnv: true,
    env: { ...env },
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  onStart?.(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
  const ended = new AbortController();
  const input = stdin instanceof ReadableStream ? stdin : new Blob([stdin]).stream();
  // A process may end without reading all of it.
  const written = input.pipeTo(child.stdin, { signal: ended.signal }).catch(() => {});
  try {
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: status.code, signal: status.signal, stdout, stderr };
  } finally {
    clearTimeout(timer);
    ended.abort();
    await written;
  }
}

/** Times that a start is tried, and the pause between them in milliseconds. */
const STARTS = 50;
const PAUSE = 20;

/**
 * Starts a process. Where this one has just written the executable, another one that it starts at that
 * moment holds the file open until it is itself started, and the kernel refuses ("Text file busy").
 */
async function start(executable: string, options: Deno.CommandOptions): Promise<Deno.ChildProcess> {
  for (let count = 1;; count++) {
    try {
      return new Deno.Command(executable, options).spawn();
    } catch (error) {
      const busy = error instanceof Error && error.message.includes("(os error 26)");
      if (!busy || count === STARTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
