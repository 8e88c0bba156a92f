/** `generate registries-conf` */

import { UsageError } from "../../errors.ts";
import {
  checkLocation,
  createRegistriesDropIn,
  type MirrorRule,
  parseMirrorRule,
} from "../../manifests/registries_conf.ts";
import type { CtlContext } from "../context.ts";

/** Flags of the command. */
export interface Flags {
  readonly mirror?: readonly string[];
  readonly insecure?: readonly string[];
}

/** Prints the drop-in. */
export function generateRegistriesConf(this: CtlContext, flags: Flags): void {
  const rules = parseMirrors(flags);
  if (rules.length === 0) {
    throw new UsageError(
      "flag-missing",
      "--mirror",
      "is missing",
      "write it like docker.io=mirror.local/hub",
    );
  }
  this.process.stdout.write(formatMirrors(rules, flags));
}

/**
 * The mirrors that the flags name.
 *
 * @throws {UsageError} when one is not of the form, or `--insecure` names none of them.
 */
export function parseMirrors({ mirror = [], insecure = [] }: Flags): MirrorRule[] {
  const rules = mirror.map((text) => atFlag("--mirror", () => parseMirrorRule(text)));
  for (const location of insecure) {
    atFlag("--insecure", () => checkLocation(location));
    if (rules.some((rule) => rule.mirror === location)) continue;
    throw new UsageError(
      "flag-value-invalid",
      "--insecure",
      `${JSON.stringify(location)} is not a mirror that --mirror gives`,
    );
  }
  return rules;
}

/** The drop-in of the mirrors. */
export function formatMirrors(rules: readonly MirrorRule[], { insecure = [] }: Flags): string {
  return createRegistriesDropIn(rules, new Set(insecure));
}

/** Fills in the flag that a value came from. */
export function atFlag<Value>(flag: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.code, flag, error.problem, error.advice);
  }
}
