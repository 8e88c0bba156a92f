/** The plugin's sandbox against what its settings lead to on this node. */

import type { ApiServer } from "../../kubernetes/api_server.ts";
import { liesWithin } from "../../kubernetes/api_server_hosts.ts";
import { hostAndPort } from "../../kubernetes/api_server_url.ts";
import { describeHostsOfAnybody } from "../../kubernetes/owned_hosts.ts";
import { quoteWord } from "../../manifests/checks.ts";
import {
  type Permission,
  permissionFlags,
  policyOf,
  requiredPermissions,
} from "../../settings/sandbox.ts";
import { SETTINGS, type Settings } from "../../settings/settings.ts";
import type { BuiltPlugin } from "./built_plugin.ts";
import { type Check, fail, pass } from "./check.ts";

const NAME = "sandbox";

/**
 * Checks that the plugin may touch what its runs need.
 *
 * @param path of the plugin.
 * @param wanted the settings of its runs.
 * @param server what they lead to on this node.
 */
export function checkSandbox(
  path: string,
  plugin: BuiltPlugin,
  wanted: Settings,
  server: ApiServer | undefined,
): Check[] {
  const granted = requiredPermissions(plugin.settings);
  const checks: Check[] = [];
  const refuse = (what: string, flag: string, value: string) => {
    const found = `${path} may not ${what}: it was built with other settings`;
    checks.push(fail(NAME, found, howToSet(path, plugin, `--${flag} ${value}`)));
  };
  for (const permission of requiredPermissions(wanted)) {
    if (isCovered(permission, granted)) continue;
    const { kind, target, setting } = permission;
    refuse(`${kind === "net" ? "connect to" : kind} ${target}`, SETTINGS[setting].flag, target);
  }
  if (server !== undefined) {
    const target = hostAndPort(server.url);
    const isFound = wanted.apiserver === "" || wanted.apiserverHosts.length > 0;
    if (!isCovered({ kind: "net", target }, granted) && isFound) {
      refuse(`connect to ${target}, the API server by ${server.origin}`, "apiserver", target);
    }
    const ca = server.caOrigin;
    if (ca.startsWith("/") && !isCovered({ kind: "read", target: ca }, granted)) {
      refuse(`read ${ca}, the CA by the kubeconfig`, "ca-file", ca);
    }
  }
  const extra = plugin.form === "script" ? unexpectedFlags(plugin) : [];
  if (extra.length > 0) {
    checks.push(fail(
      NAME,
      `${path}: its header is not what its build makes of its settings: ${extra.join(" ")}`,
      `check what it may access with: crio-credential-ctl audit ${quoteWord(path)}`,
    ));
  }
  if (checks.length === 0) {
    const what = `${plugin.form} form, version ${plugin.version}`;
    checks.push(pass(NAME, `${path} (${what}) may access what it needs on this node`));
  }
  return checks;
}

/**
 * Checks that the plugin may not connect to hosts of anybody. No build of today lets it; an older one, or
 * a tool with an older list, did.
 *
 * @param path of the plugin.
 */
export async function checkOwnHosts(path: string, { settings }: BuiltPlugin): Promise<Check[]> {
  const targets = requiredPermissions(settings).filter(({ kind }) => kind === "net")
    .map(({ target }) => target);
  const advice = "bind or build it again, with --apiserver-hosts that name what is yours";
  return (await describeHostsOfAnybody(targets))
    .map((problem) => fail(NAME, `${path} may connect too widely: ${problem}`, advice));
}

/** Binding starts from the defaults and not from what the file has, and takes the compiled form alone. */
function howToSet(path: string, { form }: BuiltPlugin, flag: string): string {
  const beside = `${flag}, beside the settings it has`;
  return form === "script"
    ? `build it with ${beside}`
    : `bind or build it with ${beside} (crio-credential-ctl bind ${quoteWord(path)} --show)`;
}

function isCovered(
  { kind, target }: Pick<Permission, "kind" | "target">,
  granted: readonly Permission[],
): boolean {
  return granted.some((other) =>
    other.kind === kind &&
    (other.target === target ||
      (kind === "net" ? liesWithin(target, [other.target]) : target.startsWith(`${other.target}/`)))
  );
}

/** Permission flags of the header that are missing or must not be there. */
function unexpectedFlags({ header, settings }: BuiltPlugin): string[] {
  let rest = ` ${header} `;
  const missing: string[] = [];
  for (const flag of [...permissionFlags(policyOf(settings)), "--deny-import"]) {
    if (rest.includes(` ${flag} `)) rest = rest.replace(` ${flag} `, " ");
    else missing.push(`${flag} is missing`);
  }
  const extra = rest.match(/ (?:--(?:allow|deny)-\S+|-[A-Z]\S*|--unsafely\S+)(?= )/g) ?? [];
  return [...missing, ...extra.map((flag) => `${flag.trim()} must not be there`)];
}
