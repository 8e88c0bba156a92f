/** The node's global auth file, which each auth file for CRI-O begins with. */

import type { AuthFile } from "../auth/auth_file.ts";
import { readCredential } from "../auth/docker_config.ts";
import { parseScope } from "../auth/scope.ts";
import { hideUserInfo, UserError } from "../errors.ts";
import { type Check, count, pass, warn } from "./check.ts";
import { type FileFacts, formatMode } from "./node_files.ts";

const NAME = "global-auth-file";

/** The file as found on the node. */
export interface FoundGlobalAuthFile {
  readonly path: string;
  /** `undefined` when there is none. */
  readonly file: AuthFile | undefined;
  readonly facts: FileFacts | undefined;
}

/**
 * Checks the entries, and that none stands in the way of the namespaces' credentials.
 *
 * @param hosts that pulls through mirrors go to.
 */
export function checkGlobalAuthFile(
  { path, file, facts }: FoundGlobalAuthFile,
  hosts: ReadonlySet<string>,
): Check[] {
  if (file === undefined) return [pass(NAME, `${path} does not exist: no global credentials`)];
  const checks: Check[] = [];
  if (facts !== undefined && (facts.mode & 0o007) !== 0) {
    const found = `${path} has mode ${formatMode(facts.mode)}: everyone on the node can read it`;
    checks.push(warn(NAME, found, `chmod 0600 ${path}`));
  }
  for (const host of file.credHelpers.keys()) {
    if (!hosts.has(host)) continue;
    checks.push(warn(
      NAME,
      `${path}: "credHelpers" has ${
        JSON.stringify(host)
      }, a host of mirrored pulls: CRI-O asks the ` +
        "helper for all pulls there of namespaces without credentials of their own; for the others " +
        "the plugin leaves the entry out",
      "drop the entry, unless those pulls need it",
    ));
  }
  for (const [key, entry] of file.auths) {
    const problem = explainEntry(key, entry);
    if (problem === undefined) continue;
    const found = `${path}: "auths" has ${JSON.stringify(hideUserInfo(key))}, ${problem}`;
    checks.push(warn(NAME, found, "correct the entry or drop it"));
  }
  if (checks.length === 0) {
    checks.push(pass(NAME, `${path} has ${count(file.auths.size, "credential")} for all pulls`));
  }
  return checks;
}

/** Why the image library finds no credential by an entry. */
function explainEntry(key: string, entry: unknown): string | undefined {
  if (parseScope(key) === undefined) return "which names no registry";
  if (key.includes("*")) return "a wildcard, by which nothing is found in an auth file";
  try {
    readCredential(entry);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return `which is broken: ${error.problem}`;
    throw error;
  }
}
