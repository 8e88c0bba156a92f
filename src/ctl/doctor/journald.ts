/** journald's socket, through which the log of runs that succeed is seen. */

import { type Check, pass, warn } from "./check.ts";
import type { FileFacts } from "./examined_node.ts";

const NAME = "journald";

/**
 * Checks the socket by what the file system says: no line is logged.
 *
 * @param path empty where the settings log to stderr alone.
 */
export function checkJournald(path: string, facts: FileFacts | undefined): Check[] {
  if (path === "") {
    const found = "off: the kubelet shows the plugin's log only when it fails";
    return [pass(NAME, found)];
  }
  if (facts?.kind === "socket") return [pass(NAME, `${path} is there`)];
  return [warn(
    NAME,
    `${path} ${facts === undefined ? "does not exist" : "is not a socket"}: ` +
      "the kubelet shows the plugin's log only when it fails",
    "check systemd-journald, or bind or build the plugin with --journald-socket",
  )];
}
