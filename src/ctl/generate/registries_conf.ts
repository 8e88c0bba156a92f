/** `generate registries-conf` */

import { UsageError } from "../../errors.ts";
import {
  checkLocation,
  createRegistriesDropIn,
  type MirrorRule,
  parseMirrorRule,
} from "../../manifests/registries_conf.ts";
import type { CtlContext } from "../context.ts";
import { atFlag } from "../text_flags.ts";

/** Flags of the command. */
export interface Flags {
  readonly mirror?: readonly string[];
  readonly insecure?: readonly string[];
}

/** Prints the drop-in. */
export function generateRegistriesConf(this: CtlContext, flags: Flags): void {
  const rules = parseMirrors(flags);
  requireMirrors(rules);
  this.process.stdout.write(formatMirrors(rules, flags));
}

/**
 * The mirrors that the flags name.
 *
 * @throws {UsageError} when one is not of the form, or `--insecure` names none of them.
 */
export function parseMirrors({ mirror = [], insecure = [] }: Flags): MirrorRule[] {
  const rules = mirror.map((text) => atFlag("--mirror", () => parseMirrorRule(text)));
  for (const location of insecure) atFlag("--insecure", () => checkLocation(location));
  requireOfMirrors("--insecure", insecure, rules);
  return rules;
}

/** @throws {UsageError} when there are no mirrors. */
export function requireMirrors(rules: readonly MirrorRule[]): void {
  if (rules.length > 0) return;
  const advice = "write it like docker.io=mirror.local/hub";
  throw new UsageError("flag-missing", "--mirror", "is missing", advice);
}

/** @throws {UsageError} when a flag names a mirror that is not among them. */
export function requireOfMirrors(
  flag: string,
  locations: readonly string[],
  rules: readonly MirrorRule[],
): void {
  const other = locations.find((location) => !rules.some(({ mirror }) => mirror === location));
  if (other === undefined) return;
  const problem = `${JSON.stringify(other)} is not a mirror that --mirror gives`;
  throw new UsageError("flag-value-invalid", flag, problem);
}

/** The drop-in of the mirrors. */
export function formatMirrors(rules: readonly MirrorRule[], { insecure = [] }: Flags): string {
  return createRegistriesDropIn(rules, new Set(insecure));
}
