/** Commands of the operator's tool, run from the checkout and not from a build. */

import PROJECT_FILE from "../../deno.json" with { type: "json" };
import { terminal } from "../../src/cli/application.ts";
import { runCtl } from "../../src/ctl/application.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

/**
 * Runs a command with the arguments of this process.
 *
 * @returns the exit status.
 */
export async function runToolCommand(command: string): Promise<number> {
  const context = {
    process: terminal(),
    stdin: Deno.stdin,
    columns: undefined,
    cwd: Deno.cwd,
    settings: DEFAULT_SETTINGS,
  };
  const unknown = { gitCommit: "unknown", gitCommitDate: "unknown", bundleSha256: "unknown" };
  const facts = { version: PROJECT_FILE.version, ...unknown, dependencies: [] };
  return await runCtl([command, ...Deno.args], context, facts);
}
