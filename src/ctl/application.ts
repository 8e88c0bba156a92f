/** The command line of the operator's tool `crio-credential-ctl`. */

import { buildApplication, ExitCode, type RouteMap, run } from "@stricli/core";
import { codeOf, describeError, UsageError, UserError } from "../errors.ts";
import { escapeControls } from "../process/log.ts";
import type { Settings } from "../settings/settings.ts";
import { type BuildFacts, formatVersion, formatVersionJson } from "../executable/version.ts";
import { APPLICATION, describeFailure, describeUsage, WRONG_USAGE } from "../cli/application.ts";
import { AUDIT } from "./audit/command.ts";
import { bindCommand } from "./bind/command.ts";
import { completionsCommands } from "./completions/command.ts";
import type { CtlContext } from "./context.ts";
import { doctorCommand } from "./doctor/command.ts";
import { explainCommand } from "./explain/command.ts";
import { generateCommands } from "./generate/command.ts";
import { POLICY } from "./policy/command.ts";
import { buildRouteMap } from "../cli/help.ts";
import { normalizeArguments } from "../cli/setting_flags.ts";

/** The commands of the tool. Each loads what it needs when it is run. */
export function toolCommands(settings: Settings, { version }: BuildFacts): RouteMap<CtlContext> {
  const commands: RouteMap<CtlContext> = buildRouteMap<string, CtlContext>({
    routes: {
      explain: explainCommand(settings),
      doctor: doctorCommand(settings),
      generate: generateCommands(version),
      bind: bindCommand(version),
      audit: AUDIT,
      policy: POLICY,
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

/** An error with advice that fits the tool: most of a node's files are root's. */
function advise(error: unknown): unknown {
  if (!(error instanceof UserError) || error.advice !== undefined) return error;
  // deno-coverage-ignore-start -- as another user: tests/artifact/ctl_test.ts
  if (error.code !== "permission-denied") return error;
  const advice = "run this as root, or as a user who may do that";
  return new UserError(error.code, error.where, error.problem, advice);
  // deno-coverage-ignore-stop
}

/** Whether a command line asks for an answer that programs read. */
function asksForJson(args: readonly string[]): boolean {
  return args.some((arg, index) =>
    arg === "--json" || arg === "--format=json" ||
    (arg === "--format" && args[index + 1] === "json")
  );
}

/** An error as one line of JSON, where the answer would have been JSON, too. */
function formatErrorJson(error: unknown): string {
  const parts = error instanceof UserError
    // deno-coverage-ignore -- an error of another kind would be a bug
    ? { where: error.where, problem: error.problem, advice: error.advice }
    : {};
  const line = { code: codeOf(error), message: describeError(error), ...parts };
  return escapeControls(JSON.stringify({ error: line }));
}

/** Writes what no command of the library's writes. */
function writeAlone({ process }: CtlContext, text: string): number {
  try {
    process.stdout.write(text);
    return 0;
    // deno-coverage-ignore-start -- only in a child process: tests/artifact/ctl_test.ts
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`);
    return 1;
    // deno-coverage-ignore-stop
  }
}

/** The flag that a word behind a command is probably meant for. */
const MEANT: ReadonlyMap<string, string> = new Map([["explain", "--image"], ["doctor", "--root"]]);

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
    return writeAlone(context, formatVersionJson(facts));
  }
  const { text } = APPLICATION.localization;
  const app = buildApplication(toolCommands(context.settings, facts), {
    ...APPLICATION,
    localization: {
      text: {
        ...text,
        exceptionWhileParsingArguments: (error: unknown) =>
          // deno-coverage-ignore -- for the compiler: without arguments none is wrong
          describeUsage(error, MEANT.get(args[0] ?? "")),
        exceptionWhileRunningCommand: (error: unknown) =>
          asksForJson(args) ? formatErrorJson(advise(error)) : describeFailure(advise(error)),
      },
    },
    name: "crio-credential-ctl",
    versionInfo: { currentVersion: formatVersion(facts).trimEnd() },
    determineExitCode: (error: unknown) => error instanceof UsageError ? WRONG_USAGE : 1,
  });
  await run(app, normalizeArguments(args), context);
  // deno-coverage-ignore -- for the compiler: the library sets a status
  const status = context.process.exitCode ?? 0;
  // --help and --version found no room for what they print.
  // deno-coverage-ignore -- only in a child process: tests/artifact/ctl_test.ts
  if (status === ExitCode.IntegrationError) return 1;
  // The library's own codes for a command line it does not understand are negative.
  return status === 0 || status === 1 ? status : WRONG_USAGE;
}
