/** The node's global auth file, which each auth file for CRI-O begins with. */

import type { AuthFile } from "../../delivery/auth_file/auth_file.ts";
import {
  describeBareMap,
  judgeEntry,
  whyUnfindable,
} from "../../delivery/auth_file/library_entry.ts";
import { parseScope } from "../../credentials/scope.ts";
import { hideUserInfo } from "../../errors.ts";
import { type Check, count, fail, pass, warn } from "./check.ts";
import { type FileFacts, formatMode } from "./examined_node.ts";

const NAME = "global-auth-file";

/** The file as found on the node. */
export interface FoundGlobalAuthFile {
  readonly path: string;
  /** `undefined` when there is none. */
  readonly file: AuthFile | undefined;
  readonly facts: FileFacts | undefined;
}

/**
 * Checks the entries, and that none is in the way of the namespaces' credentials.
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
  for (const { field, key, problem } of file.leftOut) {
    checks.push(fail(
      NAME,
      `${path}: ${
        JSON.stringify(hideUserInfo(key))
      } in "${field}" ${problem}: CRI-O's image library ` +
        "refuses the whole file for it, and the plugin leaves it out",
      "change it to that, or remove the entry",
    ));
  }
  const bare = describeBareMap(file);
  if (bare !== undefined) {
    checks.push(warn(NAME, `${path} ${bare}`, `put them into "auths": {"auths": {…}}`));
  }
  let usable = 0;
  for (const [key, entry] of file.auths) {
    const check = checkEntry(path, key, entry, hosts);
    if (check === undefined) usable++;
    else checks.push(check);
  }
  if (checks.length === 0) {
    checks.push(pass(NAME, `${path} has ${count(usable, "credential")} for all pulls`));
  }
  return checks;
}

/** Why the image library finds no credential by an entry; `undefined` where it finds one. */
function checkEntry(
  path: string,
  key: string,
  entry: unknown,
  hosts: ReadonlySet<string>,
): Check | undefined {
  const found = (reason: string) =>
    `${path}: "auths" has ${JSON.stringify(hideUserInfo(key))}, which ${reason}`;
  const unfindable = whyUnfindable(key);
  if (unfindable !== undefined) return warn(NAME, found(unfindable.reason), unfindable.advice);
  const judgement = judgeEntry(entry);
  switch (judgement.kind) {
    case "login":
      return undefined;
    case "none":
      return warn(NAME, found(judgement.reason), WRITE_AUTH);
    case "error": {
      // deno-coverage-ignore -- for the compiler: what is judged has a host
      const host = parseScope(key)?.host ?? "";
      const reason = `${judgement.reason}: pulls that would use it fail`;
      return (hosts.has(host) ? fail : warn)(NAME, found(reason), WRITE_AUTH);
    }
  }
}

const WRITE_AUTH =
  `write its "auth" as base64 of user:password, as podman login does, or drop the entry`;
