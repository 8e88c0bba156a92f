/** `crio-credential-ctl policy`: what a plugin with these settings may touch. */

import { buildCommand } from "../../cli/help.ts";
import { settingFlags } from "../../cli/setting_flags.ts";
import { DEFAULT_SETTINGS } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import { SETTINGS_FILE, type SiteFlags } from "../site_settings.ts";

/** The command. */
export const POLICY = buildCommand<SiteFlags, [], CtlContext>({
  loader: async () => (await import("./run.ts")).policy,
  docs: {
    brief: "Print what a plugin with these settings may touch, for review",
    fullDescription: [
      "Prints, as JSON, what a plugin that is built with these settings or bound to them may touch,",
      "each line with the setting it comes from and the step of a pull that needs it. What audit",
      "--policy compares an executable with.",
    ].join("\n"),
    customUsage: [
      { input: "--settings site.jsonc > policy.json", brief: "of a site" },
      { input: "--apiserver api.example.com:6443", brief: "by flags" },
    ],
  },
  parameters: {
    flags: { settings: SETTINGS_FILE, ...settingFlags(DEFAULT_SETTINGS, { hidden: true }) },
  },
});
