/** `crio-credential-ctl audit`: what an executable may touch, read without running it. */

import { buildCommand } from "../../cli/help.ts";
import type { CtlContext } from "../context.ts";
import { optionalText } from "../text_flags.ts";
import type { Flags } from "./run.ts";

/** The command. */
export const AUDIT = buildCommand<Flags, [string], CtlContext>({
  loader: async () => (await import("./run.ts")).audit,
  docs: {
    brief: "Read an executable without running it, and compare its sandbox with a policy",
    fullDescription: [
      "Prints what the plugin or this tool may touch, as it is baked into FILE,",
      "and compares all that decides about its run with what a build of its settings makes: program,",
      "runtime, permissions, flags of the engine. Neither runs FILE nor needs Deno or a checkout.",
      "Exit status: 0 it is just what the policy says, 1 it is not, 2 wrong usage.",
    ].join("\n"),
    customUsage: [
      { input: "crio-credential-provider", brief: "with the policy of the settings inside" },
      {
        input: "--policy reviewed.json crio-credential-provider",
        brief: "with one under review, as policy prints it",
      },
      { input: "--json crio-credential-provider", brief: "for programs" },
    ],
  },
  parameters: {
    flags: {
      policy: optionalText("FILE", "Policy to compare with; default: that of the settings inside"),
      json: { kind: "boolean", optional: true, withNegated: false, brief: "Print JSON" },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "FILE", brief: "Executable" }],
    },
  },
});
