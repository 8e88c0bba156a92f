/** The programs of this project, and what each may touch when it is compiled. */

import { type Policy, policyOf, requiredPermissions } from "../settings/sandbox.ts";
import { SETTINGS, type Settings } from "../settings/settings.ts";

/** Their names, as executables are called and as their metadata says. */
export const PROGRAMS = ["crio-credential-provider", "crio-credential-ctl"] as const;

/** The name of a program. */
export type ProgramName = typeof PROGRAMS[number];

/** The target of a permission that names none: it goes for every path. */
export const EVERYTHING = "everything";

/** What a compiled program with these settings may touch. */
export function policyOfProgram(name: ProgramName, settings: Settings): Policy {
  return name === "crio-credential-provider" ? policyOf(settings) : policyOfTool(settings);
}

/**
 * The policy of the compiled operator's tool. Its permissions are fixed when it is built, so they are
 * those of all its commands together; the script form is narrower, command by command.
 */
function policyOfTool(settings: Settings): Policy {
  const step = "look into the cluster: explain, doctor";
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
