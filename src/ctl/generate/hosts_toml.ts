/** `generate hosts-toml` */

import { createHostsToml } from "../../manifests/hosts_toml.ts";
import { formatComment } from "../../manifests/yaml.ts";
import { parsePath } from "../../settings/setting_values.ts";
import { type CtlContext, report } from "../context.ts";
import { atFlag } from "../text_flags.ts";
import { parseMirrors, requireMirrors, requireOfMirrors } from "./registries_conf.ts";

/** Flags of the command. */
export interface Flags {
  readonly mirror?: readonly string[];
  readonly plainHttp?: readonly string[];
  readonly fallback?: boolean;
  readonly containerdHostsDir?: string;
}

/** Prints a `hosts.toml`; where it belongs, and which consent it needs, is in comments. */
export function generateHostsToml(this: CtlContext, flags: Flags): void {
  this.process.stdout.write(formatHostsToml(this, flags).text);
}

/**
 * A `hosts.toml` as it is printed, and where it belongs on a node. The consent that it needs is given
 * on stderr, too.
 */
export function formatHostsToml(
  context: CtlContext,
  flags: Flags,
): { readonly path: string; readonly text: string } {
  const { mirror = [], plainHttp = [], fallback = false, containerdHostsDir } = flags;
  const rules = parseMirrors({ mirror });
  requireMirrors(rules);
  requireOfMirrors("--plain-http", plainHttp, rules);
  const root = containerdHostsDir === undefined
    // deno-coverage-ignore -- for the compiler: there is a directory by default
    ? context.settings.containerdHostsDir[0] ?? ""
    : atFlag("--containerd-hosts-dir", () => parsePath(containerdHostsDir));
  const file = atFlag(
    "--mirror",
    () => createHostsToml({ rules, plainHttp: new Set(plainHttp), fallback, root }),
  );
  const consent = file.origin === undefined ? [] : [
    `${file.origin} is asked last and would see each pair: one is given only where a secret`,
    `holds it for that host, too, or with --containerd-also-offer=${file.origin}`,
  ];
  for (const line of consent.length === 0 ? [] : [consent.join(" ")]) report(context, line);
  return { path: file.path, text: formatComment([file.path, ...consent]) + file.text };
}
