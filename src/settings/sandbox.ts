/** Settings -> the permissions the process needs, and their comparison with what it was given. */

import { describeWide, samplesOf } from "../kubernetes/api_server_hosts.ts";
import { outsideSandbox } from "../process/files.ts";
import { formatJson } from "../process/printed.ts";
import type { Access } from "./setting.ts";
import { SETTING_NAMES, type SettingName, SETTINGS, type Settings } from "./settings.ts";

/** One permission, with the setting it comes from. */
export interface Permission extends Access {
  readonly setting: SettingName;
}

/** The kinds of permission that a pull needs; of every other kind it holds none. */
export const PERMISSION_KINDS = ["read", "write", "net"] as const;

/** The permissions that a pull with these settings needs, and no others. */
export function requiredPermissions(settings: Settings): Permission[] {
  return SETTING_NAMES.flatMap((name) =>
    accessOf(name, settings).map((access) => ({ ...access, setting: name }))
  );
}

function accessOf<Name extends SettingName>(name: Name, settings: Settings): readonly Access[] {
  return SETTINGS[name].access(settings[name], settings);
}

/** What lies within the required permissions and is denied all the same. */
export function deniedPermissions(settings: Settings): Permission[] {
  return SETTING_NAMES.flatMap((name) =>
    exceptionsOf(name, settings).map((access) => ({ ...access, setting: name }))
  );
}

function exceptionsOf<Name extends SettingName>(name: Name, settings: Settings): readonly Access[] {
  return SETTINGS[name].except?.(settings[name], settings) ?? [];
}

/** The target of a permission that names none: it goes for every path. */
export const EVERYTHING = "everything";

/**
 * A sandbox as flags of `deno run` and `deno compile`. Each target is there once; nothing is granted
 * that has no target.
 */
export function permissionFlags(policy: Policy): string[] {
  return (["allow", "deny"] as const).flatMap((verb) =>
    PERMISSION_KINDS.flatMap((kind) => {
      const targets = new Set(policy[verb].filter((p) => p.kind === kind).map((p) => p.target));
      if (targets.size === 0) return [];
      if (targets.has(EVERYTHING)) return [`--${verb}-${kind}`];
      return [`--${verb}-${kind}=${[...targets].join(",")}`];
    })
  );
}

/**
 * Refuses settings that reach outside the sandbox the executable was built with.
 *
 * @param isGranted asks the runtime for one permission.
 * @throws {UserError} that names the flag of the build that would allow it.
 */
export function refuseOutsideSandbox(
  settings: Settings,
  isGranted: (permission: Permission) => boolean,
): void {
  for (const permission of requiredPermissions(settings)) {
    if (isGranted(permission)) continue;
    const attempt = permission.kind === "net" ? "connect" : permission.kind;
    const { flag } = SETTINGS[permission.setting];
    // Without the runtime the build would not grant what only that one needs.
    const build = settings.runtime === "crio" ? flag : `runtime ${settings.runtime} --${flag}`;
    throw outsideSandbox(permission.target, attempt, build);
  }
}

/** Asks Deno whether this process holds a permission. */
export function isGranted(permission: Permission): boolean {
  return descriptors(permission)
    .every((descriptor) => Deno.permissions.querySync(descriptor).state === "granted");
}

function descriptors({ kind, target }: Permission): Deno.PermissionDescriptor[] {
  if (kind !== "net") return [{ name: kind, path: target }];
  const hosts = target.startsWith("unix:") ? [target] : samplesOf(target);
  return hosts.map((host) => ({ name: "net", host }));
}

/** A sandbox as people review it. */
export interface Policy {
  readonly allow: readonly PolicyLine[];
  /** What lies within `allow` and is denied all the same. All that is not listed is denied too. */
  readonly deny: readonly PolicyLine[];
}

/** One line of a policy. */
export interface PolicyLine {
  readonly kind: Access["kind"];
  readonly target: string;
  /** The flag that sets the target. */
  readonly flag: string;
  /** What the pull needs it for, or is kept from. */
  readonly step: string;
}

/** The policy of an executable with these settings. */
export function policyOf(settings: Settings): Policy {
  return {
    allow: requiredPermissions(settings).map(policyLine),
    deny: deniedPermissions(settings).map(policyLine),
  };
}

/** The policy of an executable with these settings, as a file to be checked in. */
export function formatPolicy(settings: Settings): string {
  return formatJson(policyOf(settings));
}

function policyLine({ kind, target, setting, step }: Permission): PolicyLine {
  return { kind, target, flag: `--${SETTINGS[setting].flag}`, step };
}

/** A line for each permission of a policy to connect that is wider than a host. */
export function wideLines(policy: Policy): string[] {
  const targets = policy.allow.filter(({ kind }) => kind === "net").map(({ target }) => target);
  return describeWide([...new Set(targets)]);
}
