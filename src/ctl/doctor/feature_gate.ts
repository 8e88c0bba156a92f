/**
 * The feature gate `KubeletServiceAccountTokenForCredentialProviders`: alpha and off in Kubernetes
 * 1.33, on from 1.34.
 */

import * as v from "valibot";
import { describeIssue } from "../../text/schema.ts";
import { parseYaml } from "../../manifests/yaml.ts";
import { UserError } from "../../errors.ts";
import { type Check, fail, pass, recordFailure, skip, warn } from "./check.ts";
import type { FoundFlag } from "./kubelet_flags.ts";
import type { TextFile } from "./node_files.ts";

const NAME = "feature-gate";
const GATE = "KubeletServiceAccountTokenForCredentialProviders";
const FIRST_MINOR = 33;
const FIRST_MINOR_ON = 34;

/** A release of Kubernetes: the part behind `1.`. */
export interface KubernetesVersion {
  readonly minor: number;
  readonly text: string;
}

/** Of the kubelet's configuration. A kubeconfig, which kubeadm keeps where OpenShift keeps it, has none. */
const FeatureGates = v.object({
  featureGates: v.nullish(v.record(v.string(), v.boolean()), {}),
});

/** What is known of the kubelet. */
export interface KubeletFacts {
  /** Its configuration and drop-ins, in the order in which they are merged. */
  readonly configs: readonly TextFile[];
  /** Whether these are all that there are: others could not be read. */
  readonly complete: boolean;
  /** `--feature-gates`. */
  readonly flag: FoundFlag | undefined;
  /** The API server's, than which the kubelet is not newer. */
  readonly version: KubernetesVersion | undefined;
}

/** A gate as set somewhere. */
export interface GateSetting {
  readonly on: boolean;
  readonly place: string;
}

/** Whether the kubelet takes `tokenAttributes`. */
export function checkFeatureGate(
  { configs, complete, flag, version }: KubeletFacts,
): Check[] {
  const checks: Check[] = [];
  const file = collectGates(configs, undefined, checks).get(GATE);
  const gates = collectGates(configs, flag);
  const own = gates.get(GATE);
  const needed = `set featureGates: {${GATE}: true} in the kubelet's configuration`;
  if (file !== undefined && own !== undefined && file.on !== own.on) {
    const found = `${GATE} is ${file.on} in ${file.place} and ${own.on} in ${own.place}`;
    return [...checks, fail(NAME, found, "keep one of them")];
  }
  if (version !== undefined && version.minor < FIRST_MINOR) {
    const found = `the API server is ${version.text}, and ${GATE} came with 1.${FIRST_MINOR}`;
    return [...checks, fail(NAME, found, "1.34 or later is needed, or 1.33 with the gate")];
  }
  if (own !== undefined) {
    const found = `${GATE} is ${own.on ? "on" : "off"} in ${own.place}`;
    return [...checks, own.on ? pass(NAME, found) : fail(NAME, `${found}: no tokens`, needed)];
  }
  if (!complete || checks.length > 0) {
    const found =
      `whether ${GATE} is set: the kubelet's configuration could not be read completely`;
    return [...checks, skip(NAME, found)];
  }
  return [...checks, judgeDefault(gates, version, needed)];
}

/**
 * The kubelet's feature gates as set in its configuration, later files over earlier, and by flag, which
 * wins.
 *
 * @param checks takes what cannot be read. @default nobody: it is reported elsewhere
 */
export function collectGates(
  configs: readonly TextFile[],
  flag: FoundFlag | undefined,
  checks: Check[] = [],
): Map<string, GateSetting> {
  const gates = new Map<string, GateSetting>();
  for (const config of configs) {
    for (const [gate, on] of recordFailure(NAME, checks, () => readGates(config)) ?? []) {
      gates.set(gate, { on, place: config.path });
    }
  }
  for (const [gate, on] of parseGates(flag?.value ?? "")) {
    gates.set(gate, { on, place: `--feature-gates (${flag?.origin ?? ""})` });
  }
  return gates;
}

/** The gate's default, which `AllAlpha` and `AllBeta` change. */
function judgeDefault(
  gates: ReadonlyMap<string, GateSetting>,
  version: KubernetesVersion | undefined,
  needed: string,
): Check {
  if (version === undefined) {
    return warn(
      NAME,
      `whether ${GATE} is on is not known`,
      `before 1.${FIRST_MINOR_ON}, ${needed}`,
    );
  }
  const all = version.minor < FIRST_MINOR_ON ? "AllAlpha" : "AllBeta";
  const setting = gates.get(all);
  const on = setting?.on ?? version.minor >= FIRST_MINOR_ON;
  const reason = setting === undefined ? "by default" : `by ${all} in ${setting.place}`;
  const found = `${GATE} is ${on ? "on" : "off"} ${reason} in ${version.text}`;
  return on
    ? pass(NAME, `${found}, the API server's version`)
    : fail(NAME, `${found}: no tokens`, needed);
}

const Network = v.object({ clusterDomain: v.optional(v.string(), "") });

/** `clusterDomain` of the kubelet's configuration, the last that is set; empty when none is. */
export function readClusterDomain(configs: readonly TextFile[]): string {
  let domain = "";
  for (const { path, text } of configs) {
    // What is wrong with a file is reported by the check of the gate.
    const parsed = recordFailure(NAME, [], () => v.safeParse(Network, parseYaml(text, path)));
    if (parsed?.success && parsed.output.clusterDomain !== "") domain = parsed.output.clusterDomain;
  }
  return domain;
}

function readGates({ path, text }: TextFile): [gate: string, on: boolean][] {
  const result = v.safeParse(FeatureGates, parseYaml(text, path) ?? {});
  if (result.success) return Object.entries(result.output.featureGates ?? {});
  throw new UserError("content-invalid", path, describeIssue(result.issues[0]));
}

/** `A=true,B=false` */
function parseGates(text: string): [gate: string, on: boolean][] {
  return text.split(",").flatMap((part) => {
    const [, gate, value] = /^\s*(\w+)=(true|false|t|f|1|0)\s*$/i.exec(part) ?? [];
    return gate === undefined || value === undefined ? [] : [[gate, /^[t1]/i.test(value)]];
  });
}
