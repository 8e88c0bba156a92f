/** Settings -> the permissions the process needs, and their comparison with what it was given. */

import { outsideSandbox } from "./files.ts";
import {
  type Access,
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  type Settings,
} from "./settings.ts";

/** One permission, with the setting it comes from. */
export interface Permission extends Access {
  readonly setting: SettingName;
}

/** The permissions that a pull with these settings needs, and no others. */
export function requiredPermissions(settings: Settings): Permission[] {
  return SETTING_NAMES.flatMap((name) =>
    accessOf(name, settings).map((access) => ({ ...access, setting: name }))
  );
}

function accessOf<Name extends SettingName>(name: Name, settings: Settings): readonly Access[] {
  return SETTINGS[name].access(settings[name], settings);
}

/**
 * The permissions as flags of `deno run` and `deno compile`. Each target stands once; nothing is
 * granted that has no target.
 */
export function permissionFlags(permissions: readonly Permission[]): string[] {
  return (["read", "write", "net"] as const).flatMap((kind) => {
    const targets = new Set(permissions.filter((p) => p.kind === kind).map((p) => p.target));
    return targets.size === 0 ? [] : [`--allow-${kind}=${[...targets].join(",")}`];
  });
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
    throw outsideSandbox(permission.target, attempt, SETTINGS[permission.setting].flag);
  }
}

/** Asks Deno whether this process holds a permission. */
export function isGranted(permission: Permission): boolean {
  return Deno.permissions.querySync(descriptor(permission)).state === "granted";
}

function descriptor({ kind, target }: Permission): Deno.PermissionDescriptor {
  return kind === "net" ? { name: "net", host: target } : { name: kind, path: target };
}
