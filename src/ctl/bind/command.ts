/** `crio-credential-ctl bind`: a copy of a release for a site. */

import { buildCommand } from "../../cli/help.ts";
import { settingFlags } from "../../cli/setting_flags.ts";
import { DEFAULT_SETTINGS } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import { SETTINGS_FILE } from "../site_settings.ts";
import { optionalText } from "../text_flags.ts";
import type { Flags } from "./run.ts";

const flag = { kind: "boolean", optional: true, withNegated: false } as const;

/**
 * The command.
 *
 * @param version of this tool, which binds executables of the same.
 */
export function bindCommand(version: string) {
  return buildCommand<Flags, [string], CtlContext>({
    loader: async () => {
      const { bind } = await import("./run.ts");
      return function (this: CtlContext, flags: Flags, path: string) {
        return bind(this, flags, path, version);
      };
    },
    docs: {
      brief: "Write a copy of a release for a site: with its settings, and its sandbox",
      fullDescription: [
        "Writes a copy of FILE, a compiled executable of this version for either platform, with the",
        "settings given and just the permissions that follow from them. Program and runtime stay what",
        "they are, byte for byte; their hashes are printed, and what changes of the policy. What FILE",
        "was bound to before does not count: a setting that is not given has its default. The result",
        "is what a build with these settings makes. FILE is checked first as audit does it; one that",
        "is of another version, cut or changed is refused, and nothing is written.",
      ].join("\n"),
      customUsage: [
        {
          input: "crio-credential-provider-x86_64 --out crio-credential-provider " +
            "--settings site.jsonc",
          brief: "with the settings of a file",
        },
        {
          input: "crio-credential-provider --in-place --apiserver api.example.com:6443",
          brief: "with a flag, in the place of the file",
        },
        { input: "crio-credential-provider --show", brief: "print its settings and policy" },
      ],
    },
    parameters: {
      flags: {
        out: optionalText("FILE", "Where the copy is put; it gets the mode of the input"),
        inPlace: { ...flag, brief: "Put the copy in the place of FILE" },
        show: { ...flag, brief: "Write nothing; print the settings and policy of FILE as JSON" },
        settings: SETTINGS_FILE,
        ...settingFlags(DEFAULT_SETTINGS, { hidden: true }),
      },
      positional: {
        kind: "tuple",
        parameters: [{ parse: String, placeholder: "FILE", brief: "Compiled executable" }],
      },
    },
  });
}
