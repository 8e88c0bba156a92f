/** Executes a built plugin as the kubelet does. */

import { dirname } from "node:path";

export interface PluginRun {
  /** What the kubelet writes. A stream need not end. @default "" */
  stdin?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  args?: readonly string[];
  /** The whole environment. @default {@link PLUGIN_ENV} */
  env?: Readonly<Record<string, string>>;
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

/** Runs an executable to its end, in the directory `/` as the kubelet's working directory is. */
export async function runPlugin(
  executable: string,
  { stdin = "", args = [], env = PLUGIN_ENV, timeout = 60_000, onStart }: PluginRun = {},
): Promise<PluginResult> {
  const child = new Deno.Command(executable, {
    args: [...args],
    clearEnv: true,
    env: { ...env },
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
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
