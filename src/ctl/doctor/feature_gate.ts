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
import type { TextFile } from "./examined_node.ts";

const NAME = "feature-gate";
const GATE = "KubeletServiceAccountTokenForCredentialProviders";
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

/** A feature gate of the kubelet. */
export interface Gate {
  readonly name: string;
  /** The minor version of Kubernetes with which it came: alpha, and off by default. */
  readonly firstMinor: number;
  /** The one from which on it is on by default: beta. */
  readonly firstMinorOn: number;
}

/** Whether a gate is on. */
export interface GateState {
  /** `undefined`: not known. */
  readonly on: boolean | undefined;
  /** What decides it, or why that is not known. */
  readonly by: "release" | "setting" | "default" | "unread" | "no-version";
  readonly reason: string;
  /** How to turn on a gate that is set, where it is set; empty when it is not. */
  readonly turnOn: string;
}

const TOKENS: Gate = { name: GATE, firstMinor: 33, firstMinorOn: 34 };

/** A gate as set somewhere. */
interface GateSetting {
  readonly on: boolean;
  readonly place: string;
  /** How the gate is set to on there. */
  readonly turnOn: string;
}

/** Whether the kubelet takes `tokenAttributes`. */
export function checkFeatureGate(facts: KubeletFacts): Check[] {
  const checks: Check[] = [];
  const file = collectGates(facts.configs, undefined, checks).get(GATE);
  const flag = collectGates([], facts.flag).get(GATE);
  if (file !== undefined && flag !== undefined && file.on !== flag.on) {
    const found = `${GATE} is ${file.on} in ${file.place} and ${flag.on} in ${flag.place}`;
    return [...checks, fail(NAME, found, "keep one of them")];
  }
  return [...checks, judgeTokens(judgeGate(TOKENS, facts))];
}

/** What the state of the gate means for tokens. */
function judgeTokens({ on, by, reason, turnOn }: GateState): Check {
  const needed = `set featureGates: {${GATE}: true} in the kubelet's configuration`;
  switch (by) {
    case "release":
      return fail(NAME, reason, "1.34 or later is needed, or 1.33 with the gate");
    case "unread":
      return skip(NAME, `whether ${GATE} is set: ${reason}`);
    case "no-version": {
      const found = `whether ${GATE} is on is not known`;
      return warn(NAME, found, `before 1.${TOKENS.firstMinorOn}, ${needed}`);
    }
    case "setting":
      return on === true ? pass(NAME, reason) : fail(NAME, `${reason}: no tokens`, turnOn);
    case "default":
      return on === true
        ? pass(NAME, `${reason}, the API server's version`)
        : fail(NAME, `${reason}: no tokens`, needed);
  }
}

/**
 * Whether a gate is on: by its own setting, else by `AllAlpha` or `AllBeta`, else by the release. What
 * is not set in the files that could be read may be set in the others.
 */
export function judgeGate(
  { name, firstMinor, firstMinorOn }: Gate,
  { configs, complete, flag, version }: KubeletFacts,
): GateState {
  // What is wrong with a file is reported by the check of the gate for tokens.
  const broken: Check[] = [];
  const gates = collectGates(configs, flag, broken);
  if (version !== undefined && version.minor < firstMinor) {
    const reason = `the API server is ${version.text}, and ${name} came with 1.${firstMinor}`;
    return { on: false, by: "release", reason, turnOn: "" };
  }
  const own = gates.get(name);
  if (own !== undefined) {
    const reason = `${name} is ${own.on ? "on" : "off"} in ${own.place}`;
    return { on: own.on, by: "setting", reason, turnOn: `turn it on there: ${own.turnOn}` };
  }
  if (!complete || broken.length > 0) {
    const reason = "the kubelet's configuration could not be read completely";
    return { on: undefined, by: "unread", reason, turnOn: "" };
  }
  if (version === undefined) {
    return {
      on: undefined,
      by: "no-version",
      reason: `it is on by default from 1.${firstMinorOn}`,
      turnOn: "",
    };
  }
  const all = version.minor < firstMinorOn ? "AllAlpha" : "AllBeta";
  const setting = gates.get(all);
  const on = setting?.on ?? version.minor >= firstMinorOn;
  const why = setting === undefined ? "by default" : `by ${all} in ${setting.place}`;
  const reason = `${name} is ${on ? "on" : "off"} ${why} in ${version.text}`;
  return { on, by: "default", reason, turnOn: "" };
}

/**
 * The kubelet's feature gates as set in its configuration, later files over earlier, and by flag, which
 * wins.
 *
 * @param checks takes what cannot be read. @default nobody
 */
function collectGates(
  configs: readonly TextFile[],
  flag: FoundFlag | undefined,
  checks: Check[] = [],
): Map<string, GateSetting> {
  const gates = new Map<string, GateSetting>();
  for (const config of configs) {
    for (const [gate, on] of recordFailure(NAME, checks, () => readGates(config)) ?? []) {
      gates.set(gate, { on, place: config.path, turnOn: `featureGates: {${gate}: true}` });
    }
  }
  for (const [gate, on] of parseGates(flag?.value ?? "")) {
    // deno-coverage-ignore -- for the compiler: without the flag there is no gate
    const place = `--feature-gates (${flag?.origin ?? ""})`;
    gates.set(gate, { on, place, turnOn: `${gate}=true` });
  }
  return gates;
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
  if (result.success) return Object.entries(result.output.featureGates);
  throw new UserError("content-invalid", path, describeIssue(result.issues[0]));
}

/** `A=true,B=false` */
function parseGates(text: string): [gate: string, on: boolean][] {
  return text.split(",").flatMap((part) => {
    const [, gate, value] = /^\s*(\w+)=(true|false|t|f|1|0)\s*$/i.exec(part) ?? [];
    return gate === undefined || value === undefined ? [] : [[gate, /^[t1]/i.test(value)]];
  });
}
