/** Prints the policy of a build as JSON, for review: `deno task policy [settings of the build]`. */

import { policyOf } from "../src/settings/sandbox.ts";
import type { Settings } from "../src/settings/settings.ts";
import { runBuildCommand } from "./support/build_command_line.ts";

/** A policy as it is checked in. */
export function formatPolicy(settings: Settings): string {
  return JSON.stringify(policyOf(settings), null, 2);
}

if (import.meta.main) {
  Deno.exit(
    await runBuildCommand({
      name: "deno task policy",
      brief: "Print what a build with these settings may touch, as JSON",
      example: "--apiserver api.example.com:6443 > policy.json",
    }, ({ settings }) => Promise.resolve(formatPolicy(settings))),
  );
}
