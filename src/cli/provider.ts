// deno-coverage-ignore-file -- only in a child process: tests/artifact/command_line_test.ts
/** The plugin's command line. Loaded only when there are arguments. */

import { buildApplication, run } from "@stricli/core";
import { isGranted, refuseOutsideSandbox } from "../settings/sandbox.ts";
import { applyFlags, type Settings } from "../settings/settings.ts";
import { writeText } from "../process/stdio.ts";
import type { Build } from "../executable/program.ts";
import { formatVersion, formatVersionJson } from "../executable/version.ts";
import { APPLICATION, terminal, WRONG_USAGE } from "./application.ts";
import { buildCommand } from "./help.ts";
import {
  givenFlags,
  normalizeArguments,
  type SettingFlags,
  settingFlags,
} from "./setting_flags.ts";

interface Flags extends SettingFlags {
  readonly version?: boolean;
  readonly versionJson?: boolean;
}

/**
 * Reads the command line of the plugin.
 *
 * @returns the settings of the pull to run, or an exit status when all is said already.
 */
export async function readCommandLine(
  args: readonly string[],
  build: Build,
): Promise<Settings | number> {
  if (args[0] === "audit") {
    const { audit } = await import("./audit.ts");
    return await audit(args.slice(1), build);
  }
  let settings: Settings | undefined;
  const command = buildCommand<Flags>({
    docs: {
      brief:
        "Kubelet image credential provider for CRI-O and containerd: credentials of the namespace",
      fullDescription: [
        "The kubelet runs this program for each image pull, with a CredentialProviderRequest on",
        "stdin. It writes the credentials of the pod's namespace for the image's mirrors to a file",
        "that CRI-O takes for that pull, and answers on stdout; for containerd they are part of the",
        "answer. Flags can be passed through args in the kubelet's CredentialProviderConfig; none",
        "reaches beyond the sandbox of the build.",
      ].join("\n"),
      customUsage: [
        { input: "< request.json", brief: "answer a request" },
        {
          input: "--log-level debug --timeout 20s < request.json",
          brief: "the same, with more detail in the log",
        },
        { input: "audit --help", brief: "show what this executable may touch" },
        { input: "--version", brief: "show what this executable is made of" },
      ],
    },
    parameters: {
      flags: {
        ...settingFlags(build.settings),
        version: {
          kind: "boolean",
          optional: true,
          withNegated: false,
          brief: "Print version information and exit",
        },
        versionJson: {
          kind: "boolean",
          optional: true,
          withNegated: false,
          brief: "The same as JSON",
        },
      },
    },
    func: (flags) => {
      if (flags.versionJson) return writeText(Deno.stdout, formatVersionJson(build.facts));
      if (flags.version) return writeText(Deno.stdout, formatVersion(build.facts));
      const wanted = applyFlags(build.settings, givenFlags(flags));
      refuseOutsideSandbox(wanted, isGranted);
      settings = wanted;
    },
  });
  const app = buildApplication(command, { name: "crio-credential-provider", ...APPLICATION });
  const process = terminal();
  await run(app, normalizeArguments(args), { process });
  // The library's own codes for a command line it does not understand are negative.
  return settings ?? (process.exitCode === 0 ? 0 : WRONG_USAGE);
}
