/** The programs of this project, and what each may touch, the same in either form. */

import { EVERYTHING, type Policy, policyOf, requiredPermissions } from "../settings/sandbox.ts";
import { SETTINGS, type Settings } from "../settings/settings.ts";

/** Their names, as executables are called and as their metadata says. */
export const PROGRAMS = ["crio-credential-provider", "crio-credential-ctl"] as const;

/** The name of a program. */
export type ProgramName = typeof PROGRAMS[number];

/** The module that each begins with where it is in several. */
export const FIRST_MODULES: Readonly<Record<ProgramName, string>> = {
  "crio-credential-provider": "main.js",
  "crio-credential-ctl": "ctl.js",
};

/** What a program with these settings may touch. */
export function policyOfProgram(name: ProgramName, settings: Settings): Policy {
  return name === "crio-credential-provider" ? policyOf(settings) : policyOfTool(settings);
}

/**
 * The policy of the operator's tool. Its permissions are fixed when it is built, so they are those of
 * all its commands together. What a command does not need it gives up first
 * (`src/ctl/tool_sandbox.ts`).
 */
function policyOfTool(settings: Settings): Policy {
  const step = "look into the cluster: explain and doctor; the others give this up first";
  const hosts = requiredPermissions(settings)
    .filter(({ kind, target }) => kind === "net" && !target.startsWith("unix:"));
  return {
    allow: [
      {
        kind: "read",
        target: EVERYTHING,
        flag: "",
        step: "read the files that the command line names",
      },
      {
        kind: "write",
        target: EVERYTHING,
        flag: "",
        step: "write what bind and generate install are asked for; the others give this up first",
      },
      ...hosts.map(({ target, setting }) =>
        ({ kind: "net", target, flag: `--${SETTINGS[setting].flag}`, step }) as const
      ),
    ],
    deny: [],
  };
}
