/** `--arg`: arguments of the plugin, read as the plugin reads them. */

import { buildApplication, buildCommand, run } from "@stricli/core";
import { UsageError } from "../../errors.ts";
import { applyFlags, type Settings } from "../../settings/settings.ts";
import { APPLICATION, usageProblem } from "../../cli/application.ts";
import {
  givenFlags,
  normalizeArguments,
  type SettingFlags,
  settingFlags,
} from "../../cli/setting_flags.ts";

/**
 * Checks arguments by the plugin's own command line. One that it does not understand would fail every
 * pull, and so would one with which it answers no request, such as `--version`.
 *
 * @param settings what the plugin was built with.
 * @throws {UsageError} for the first that is wrong.
 */
export async function checkPluginArguments(
  args: readonly string[],
  settings: Settings,
): Promise<void> {
  let given: ReadonlyMap<string, readonly string[]> | undefined;
  let said = "";
  const command = buildCommand<SettingFlags>({
    docs: { brief: "" },
    parameters: { flags: settingFlags(settings) },
    func: (flags) => {
      given = givenFlags(flags);
    },
  });
  const app = buildApplication(command, {
    name: "crio-credential-provider",
    ...APPLICATION,
    localization: {
      text: {
        ...APPLICATION.localization.text,
        exceptionWhileParsingArguments: (error: unknown) => usageProblem(error),
      },
    },
  });
  const process = {
    stdout: { write: () => {} },
    stderr: { write: (text: string) => void (said += text) },
  };
  await run(app, normalizeArguments(args), { process });
  if (given === undefined) {
    const problem = said.trim() || "with it the plugin answers no request";
    throw new UsageError(
      "flag-value-invalid",
      "--arg",
      `${args.map((arg) => JSON.stringify(arg)).join(" ")}: ${problem}`,
    );
  }
  try {
    applyFlags(settings, given);
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError("flag-value-invalid", "--arg", error.message);
  }
}
