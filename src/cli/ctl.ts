/** The command line of the operator's tool `crio-credential-ctl`. */

import { buildApplication, buildRouteMap, type RouteMap, run } from "@stricli/core";
import { UsageError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import { type BuildFacts, formatVersion, formatVersionJson } from "../version.ts";
import { APPLICATION, WRONG_USAGE } from "./application.ts";
import { completionsCommands } from "./completions.ts";
import type { CtlContext } from "./ctl_context.ts";
import { doctorCommand } from "./doctor.ts";
import { explainCommand } from "./explain.ts";
import { GENERATE } from "./generate.ts";
import { normalizeArguments } from "./setting_flags.ts";

/** The commands. Each loads what it needs when it is run. */
function commandsFor(settings: Settings): RouteMap<CtlContext> {
  const commands: RouteMap<CtlContext> = buildRouteMap<string, CtlContext>({
    routes: {
      explain: explainCommand(settings),
      doctor: doctorCommand(settings),
      generate: GENERATE,
      completions: completionsCommands(() => commands),
    },
    docs: {
      brief: "Install and debug crio-credential-provider",
      fullDescription: [
        "Tools for the people who install and debug crio-credential-provider.",
        "--version-json shows what this executable is made of as JSON.",
      ].join("\n"),
    },
  });
  return commands;
}

/**
 * Runs a command.
 *
 * @returns the exit status: 0 done, 1 failed, 2 wrong usage.
 */
export async function runCtl(
  args: readonly string[],
  context: CtlContext,
  facts: BuildFacts,
): Promise<number> {
  if (args.length === 1 && args[0] === "--version-json") {
    context.process.stdout.write(formatVersionJson(facts));
    return 0;
  }
  const app = buildApplication(commandsFor(context.settings), {
    ...APPLICATION,
    name: "crio-credential-ctl",
    versionInfo: { currentVersion: formatVersion(facts).trimEnd() },
    determineExitCode: (error: unknown) => error instanceof UsageError ? WRONG_USAGE : 1,
  });
  await run(app, normalizeArguments(args), context);
  const status = context.process.exitCode ?? 0;
  // The library's own codes for a command line it does not understand are negative.
  return status === 0 || status === 1 ? status : WRONG_USAGE;
}
