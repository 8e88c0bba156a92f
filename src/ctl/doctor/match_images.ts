/** `matchImages` of our provider against the registries that have mirrors. */

import { UserError } from "../../errors.ts";
import {
  canonicalName,
  explainUnmatchable,
  intersects,
  matchesImage,
  type MatchImage,
  parseMatchImage,
} from "../../manifests/match_images.ts";
import type { Registry } from "../../sources/registries_conf/tables.ts";
import { type Check, fail, pass, skip, warn } from "./check.ts";

const NAME = "match-images";

/** How much of a registry's images the kubelet runs the plugin for. */
type Coverage = "all" | "some" | "none";

/**
 * Whether the plugin has something to do for images that begin with the table's prefix. A blocked table is
 * no exception: its mirrors are asked.
 */
export function needsPlugin({ mirrors, prefix, location }: Registry): boolean {
  return prefix !== "" && (mirrors.length > 0 || (location !== "" && location !== prefix));
}

/**
 * Checks that the kubelet runs the plugin where there are mirrors, and only there.
 *
 * @param registries `undefined` when they could not be read whole: then the entries are looked at by
 * themselves.
 */
export function checkMatchImages(
  matchImages: readonly string[],
  registries: readonly Registry[] | undefined,
): Check[] {
  const patterns = new Map<string, MatchImage>();
  for (const text of matchImages) {
    const pattern = tryParse(text);
    if (pattern !== undefined) patterns.set(text, pattern);
  }
  const checks: Check[] = [];
  for (const text of patterns.keys()) {
    const problem = explainUnmatchable(text);
    if (problem !== undefined) {
      checks.push(warn(NAME, `${JSON.stringify(text)} ${problem}`, howToMend(text)));
    }
  }
  if (registries === undefined) {
    const found = "whether the entries cover the registries that have mirrors: " +
      "the registries files could not be read completely";
    return [...checks, skip(NAME, found)];
  }
  const wanted = registries.filter(needsPlugin);
  const coverage = wanted.map((registry) => ({
    registry,
    covered: coverageOf(registry, [...patterns.values()], [...patterns.keys()]),
  }));
  const none = coverage.every(({ covered }) => covered === "none");
  for (const { registry, covered } of coverage) {
    const { prefix, file } = registry;
    const what = `${prefix} (${file}) ${
      registry.mirrors.length > 0 ? "has mirrors" : "is renamed"
    }`;
    const add = `add ${JSON.stringify(prefix)} to "matchImages"`;
    if (covered === "none") {
      checks.push((none ? fail : warn)(NAME, `${what}, and no entry covers it`, add));
    } else if (covered === "some") {
      checks.push(warn(NAME, `${what}, and entries cover only a part of it`, add));
    }
  }
  for (const [text, pattern] of patterns) {
    // That no image matches was said already.
    if (explainUnmatchable(text) !== undefined) continue;
    if (wanted.some((registry) => meets(pattern, registry))) continue;
    checks.push(warn(
      NAME,
      `${JSON.stringify(text)} covers no registry that has mirrors: the plugin runs without need`,
      `drop it from "matchImages", or give the registry its mirrors`,
    ));
  }
  if (checks.length === 0) {
    const covered = wanted.map(({ prefix }) => prefix).join(", ");
    checks.push(pass(NAME, `covers the registries that have mirrors: ${covered}`));
  }
  return checks;
}

/** What to write in the place of an entry that matches nothing. */
function howToMend(text: string): string {
  const meant = canonicalName(text);
  return meant === undefined
    ? `write it like docker.io or quay.io/team in "matchImages", or drop it`
    : `write ${JSON.stringify(meant)} in "matchImages"`;
}

/** An entry of `matchImages`; `undefined` when it is none. */
export function tryParse(text: string): MatchImage | undefined {
  try {
    return parseMatchImage(text);
  } catch (error) {
    // The kubelet does not start with it, which the check of the configuration reports.
    // deno-coverage-ignore-start -- an error of another kind would be a bug
    if (error instanceof UserError) return undefined;
    throw error;
    // deno-coverage-ignore-stop
  }
}

function coverageOf(
  registry: Registry,
  patterns: readonly MatchImage[],
  texts: readonly string[],
): Coverage {
  const { prefix } = registry;
  const whole = prefix.startsWith("*.")
    // In matchImages a wildcard is one label; there is no way to write more.
    ? texts.includes(prefix)
    : patterns.some((pattern) => matchesImage(pattern, prefix));
  if (whole) return "all";
  return patterns.some((pattern) => meets(pattern, registry)) ? "some" : "none";
}

/** Sub-domains of a wildcard prefix that are looked at: it matches any number of labels. */
const DEEPEST = 5;

/** Whether the kubelet runs a provider with the pattern for some image of the table. */
function meets(pattern: MatchImage, { prefix }: Registry): boolean {
  const depths = prefix.startsWith("*.") ? DEEPEST : 1;
  return Array.from({ length: depths }, (_, depth) => tryParse("*.".repeat(depth) + prefix))
    .some((images) => images !== undefined && intersects(pattern, images));
}
