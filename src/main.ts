// deno-coverage-ignore-file -- only in a child process: every test in tests/artifact
/** Entry of the plugin `crio-credential-provider`: the pull, `audit`, `--version`, `--help`. */

import { CLOCK } from "./process/clock.ts";
import { codeOf, describeError } from "./errors.ts";
import { isWholeRequest } from "./kubelet/credential_provider.ts";
import { createLog, JournaldStream, type Log, stderrSink } from "./process/log.ts";
import { providePullCredentials } from "./plugin.ts";
import type { Settings } from "./settings/settings.ts";
import { readText, writeText } from "./process/stdio.ts";
import type { Build } from "./executable/program.ts";

/** A request is a token, an image and annotations, which Kubernetes holds to 256 KiB. */
const MAX_REQUEST_BYTES = 1024 * 1024;

/** Put in front of the bundle by scripts/build.ts and scripts/compile.ts. */
declare const BUILD: Build;

/** Runs the program. Exit status: 0 done, 1 failed, 2 wrong usage. */
async function run(build: Build, args: readonly string[]): Promise<number> {
  let settings = build.settings;
  if (args.length > 0) {
    // The kubelet usually passes no arguments, and the command-line library takes its time.
    const { readCommandLine } = await import("./cli/provider.ts");
    const outcome = await readCommandLine(args, build);
    if (typeof outcome === "number") return outcome;
    settings = outcome;
  }
  const journald = settings.journaldSocket === ""
    ? undefined
    : new JournaldStream("crio-credential-provider");
  const log = createLog({
    level: settings.logLevel,
    format: settings.logFormat,
    sinks: journald === undefined ? [stderrSink()] : [stderrSink(), journald.sink],
    now: () => new Date(),
  });
  const status = await pull(settings, log);
  await journald?.send(settings.journaldSocket);
  return status;
}

async function pull(settings: Settings, log: Log): Promise<number> {
  // The clock began with the process.
  const started = 0;
  const deadline = settings.timeout;
  try {
    const request = await readText(
      Deno.stdin,
      MAX_REQUEST_BYTES,
      settings.timeout,
      isWholeRequest,
    );
    const context = { settings, log, clock: CLOCK, started, deadline };
    const { response, withdraw } = await providePullCredentials(request, context);
    try {
      writeText(Deno.stdout, response);
    } catch (error) {
      withdraw();
      throw error;
    }
    return 0;
  } catch (error) {
    log.error(describeError(error), { code: codeOf(error) });
    return 1;
  }
}

// Without this the process would wait for the connections and threads that a pull leaves behind.
Deno.exit(await run(BUILD, Deno.args));
