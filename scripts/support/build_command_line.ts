/** The command line that both builds understand. */

import { buildApplication, buildCommand, run } from "@stricli/core";
import { APPLICATION, terminal, WRONG_USAGE } from "../../src/cli/application.ts";
import {
  givenFlags,
  normalizeArguments,
  type SettingFlags,
  settingFlags,
} from "../../src/cli/setting_flags.ts";
import { ExecutableError } from "../../src/executable/program.ts";
import { UsageError } from "../../src/errors.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { siteSettings } from "../../src/settings/site_settings.ts";
import { BuildError } from "./bundle.ts";

/** What a build is asked for. */
export interface BuildRequest {
  readonly settings: Settings;
  readonly out?: string;
  readonly deno?: string;
  readonly target?: string;
  readonly maintainer?: string;
  readonly revision?: string;
}

/** What only one build takes, and which. */
const ONLY_FOR = [
  ["deno", "deno task build"],
  ["target", "deno task compile"],
  ["maintainer", "deno task package"],
  ["revision", "deno task package"],
] as const;

type SpecialFlag = typeof ONLY_FOR[number][0];

interface Flags extends SettingFlags {
  readonly settings?: string;
  readonly out?: string;
  readonly deno?: string;
  readonly target?: string;
  readonly maintainer?: string;
  readonly revision?: string;
}

const text = { kind: "parsed", parse: String, optional: true } as const;

/**
 * Runs a build as a command: reads the command line, builds, prints the path of the executable.
 *
 * @returns the exit status: 0 built, 1 failed, 2 wrong usage.
 */
export async function runBuildCommand(
  command: {
    readonly name: string;
    readonly brief: string;
    readonly example: string;
    /** The flags that it takes beside those of all. */
    readonly takes: readonly SpecialFlag[];
  },
  build: (request: BuildRequest) => Promise<string>,
): Promise<number> {
  let status = 0;
  const special = (flag: SpecialFlag, placeholder: string, brief: string) => ({
    ...text,
    placeholder,
    brief,
    hidden: !command.takes.includes(flag),
  });
  const process = terminal();
  const app = buildApplication(
    buildCommand<Flags>({
      docs: {
        brief: command.brief,
        fullDescription: `${command.brief}\n\n` +
          "The settings become the executable's defaults and its sandbox. Flags win over the file.",
        customUsage: [command.example],
      },
      parameters: {
        flags: {
          ...settingFlags(DEFAULT_SETTINGS),
          settings: {
            ...text,
            placeholder: "FILE",
            brief: "JSON with comments: settings by flag name",
          },
          out: { ...text, placeholder: "DIR", brief: "Directory for the executable" },
          deno: special("deno", "PATH", "Runtime that the script form starts"),
          target: special("target", "TRIPLE", "Platform of the compiled form"),
          maintainer: special("maintainer", '"NAME <ADDRESS>"', "Who answers for the packages"),
          revision: special("revision", "NUMBER", "To be raised with other settings [1]"),
        },
      },
      func: async (flags) => {
        for (const [flag, task] of ONLY_FOR) {
          if (flags[flag] === undefined || command.takes.includes(flag)) continue;
          throw new UsageError("flag-unknown", `--${flag}`, `is for ${task}`);
        }
        const request = { ...flags, settings: await readSettings(flags) };
        try {
          process.stdout.write(`${await build(request)}\n`);
        } catch (error) {
          if (!(error instanceof BuildError || error instanceof ExecutableError)) throw error;
          process.stderr.write(`error: ${error.message}\n`);
          status = 1;
        }
      },
    }),
    { name: command.name, ...APPLICATION },
  );
  await run(app, normalizeArguments(Deno.args), { process });
  return process.exitCode === 0 ? status : WRONG_USAGE;
}

async function readSettings(flags: Flags): Promise<Settings> {
  const file = flags.settings === undefined
    ? undefined
    : { text: await readSettingsFile(flags.settings), path: flags.settings };
  return await siteSettings(file, givenFlags(flags));
}

async function readSettingsFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown error";
    throw new UsageError("flag-value-invalid", "--settings", `cannot read ${path}: ${reason}`);
  }
}
