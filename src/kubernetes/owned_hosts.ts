/**
 * Whether all hosts of a pattern can be those of one owner. It is asked where an executable is made or
 * judged; a pull cannot reach beyond what it was built with, whatever its flags say.
 */

import { UsageError } from "../errors.ts";
import { parseHostPattern } from "./api_server_hosts.ts";

/**
 * Refuses patterns within which anybody can have hosts, by the public suffix list.
 *
 * @param patterns as `parseHostPattern` gives them.
 * @throws {UsageError} for the first such. Its place is left to be filled in.
 */
export async function refuseHostsOfAnybody(patterns: readonly string[]): Promise<void> {
  for (const pattern of patterns) {
    const [, domain] = /^\*\.(.+):\d+$/.exec(pattern) ?? [];
    if (domain === undefined) continue;
    const { publicSuffixWithin } = await import("./public_suffixes.ts");
    const suffix = publicSuffixWithin(domain);
    if (suffix === undefined) continue;
    throw new UsageError(
      "flag-value-invalid",
      "",
      `${
        JSON.stringify(pattern)
      } would be hosts of anybody: ${suffix} is on the public suffix list`,
      suffix.endsWith(`.${domain}`)
        ? "name a domain of your own, as in *.clusters.example.com:6443, or each host"
        : "name what is yours below it, or each host",
    );
  }
}

/**
 * What an executable may connect to and no build lets it, read from the permissions that it has.
 *
 * @param targets of permissions to connect, those for sockets included.
 * @returns a line each; empty: nothing.
 */
export async function describeHostsOfAnybody(targets: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const target of targets) {
    if (target.startsWith("unix:")) continue;
    try {
      await refuseHostsOfAnybody([parseHostPattern(target)]);
    } catch (error) {
      // deno-coverage-ignore -- an error of another kind would be a bug
      if (!(error instanceof UsageError)) throw error;
      lines.push(error.problem);
    }
  }
  return lines;
}
