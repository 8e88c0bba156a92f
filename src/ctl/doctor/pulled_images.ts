/**
 * Who may use images that are on the node: the setting `--pulled-images`, the kubelet's feature gate
 * and policy, and its records of pulled images.
 */

import * as v from "valibot";
import type { AuthFile } from "../../delivery/auth_file/auth_file.ts";
import { readCredential } from "../../credentials/docker_config.ts";
import { covers, parseScope, type Scope } from "../../credentials/scope.ts";
import { hideUserInfo, UserError } from "../../errors.ts";
import {
  PULLED_IMAGES_GATE as GATE,
  PULLED_IMAGES_MEANING,
  type PulledImages,
} from "../../kubelet/pulled_images.ts";
import { parseYaml } from "../../manifests/yaml.ts";
import { parseJson } from "../../text/parse.ts";
import { normalizeImage } from "../../sources/image_name.ts";
import type { RegistriesConfiguration } from "../../sources/registries_conf/config.ts";
import { findPullSources } from "../../sources/registries_conf/pull_sources.ts";
import { check } from "../../text/schema.ts";
import { type Check, count, listSome, pass, recordFailure, warn } from "./check.ts";
import { type Gate, type GateState, judgeGate, type KubeletFacts } from "./feature_gate.ts";
import { needsPlugin } from "./match_images.ts";
import type { TextFile } from "./examined_node.ts";

const NAME = "pulled-images";

/** The kubelet's root directory where no flag says otherwise. */
export const KUBELET_ROOT = "/var/lib/kubelet";

/** Where below it the kubelet keeps its records (`pkg/kubelet/images/pullmanager`, v1.36). */
export const PULLED_RECORDS = "image_manager/pulled";

const PULLED_IMAGES: Gate = { name: GATE, firstMinor: 33, firstMinorOn: 35 };

/** What is known of the node. */
export interface PulledImagesFacts extends KubeletFacts {
  readonly mode: PulledImages;
  /** The kubelet's records of pulled images. */
  readonly records: readonly TextFile[];
  /** The node's global auth file; `undefined` where there is none, or none that can be read. */
  readonly global: AuthFile | undefined;
  /** `undefined` where it cannot be read. */
  readonly registries: RegistriesConfiguration | undefined;
}

/** Says what holds on the node, and which images of mirrored registries are open to every pod. */
export function checkPulledImages(facts: PulledImagesFacts): Check[] {
  const { mode, registries } = facts;
  const checks: Check[] = [];
  const gate = judgeGate(PULLED_IMAGES, facts);
  const state = describeGate(gate);
  const setting = `--pulled-images ${mode}`;
  const policy = findPolicy(facts.configs);
  const place = ` (${policy.place})`;
  if (gate.on === undefined) {
    const found = `${setting}: ${state}`;
    checks.push(
      mode === "node" ? pass(NAME, found) : warn(NAME, found, `it is needed: ${TURN_ON}`),
    );
  } else if (!gate.on) {
    const found = `${setting}: ${state}: every pod of the node may use any image on it`;
    checks.push(mode === "node" ? pass(NAME, found) : warn(NAME, found, gate.turnOn || TURN_ON));
  } else if (policy.value === "NeverVerify") {
    const found = `${setting}: imagePullCredentialsVerificationPolicy is NeverVerify${place}: ` +
      "every pod of the node may use any image on it";
    const advice = `set it to ${DEFAULT_POLICY}, the kubelet's default`;
    checks.push(mode === "node" ? pass(NAME, found) : warn(NAME, found, advice));
  } else {
    const found = `${setting}: ${PULLED_IMAGES_MEANING[mode]}; ${state}; ` +
      `imagePullCredentialsVerificationPolicy is ${policy.value}${place}`;
    checks.push(pass(NAME, found));
  }
  if (registries === undefined || gate.on === false) return checks;
  const open = facts.records.flatMap((record) =>
    recordFailure(NAME, checks, () => openImages(record, registries)) ?? []
  );
  if (mode === "service-account") checks.push(...globalPairs(facts.global, registries));
  const names = [...new Set(open)].sort();
  if (names.length === 0) return checks;
  const found = `${count(names.length, "image")} of mirrored registries ` +
    `${names.length === 1 ? "is" : "are"} recorded as open to every pod of the node: ${
      listSome(names)
    }`;
  checks.push(
    mode === "node" ? pass(NAME, found) : warn(
      NAME,
      found,
      "they stay so until the image is gone: remove it (crictl rmi), wait for the kubelet's image " +
        "garbage collection to drop the record, then pull it again; static pods and pods " +
        "without a credential of their namespace open it again",
    ),
  );
  return checks;
}

const TURN_ON =
  `set featureGates: {${GATE}: true} in the kubelet's configuration, with Kubernetes ` +
  "1.34 or later";

function describeGate({ by, reason }: GateState): string {
  switch (by) {
    case "unread":
      return `whether ${GATE} is on is not known: ${reason}`;
    case "no-version":
      return `whether ${GATE} is on is not known; ${reason}`;
    case "default":
      return `${reason}, the API server's version`;
    default:
      return reason;
  }
}

/** `KubeletConfiguration` of `kubelet.config.k8s.io/v1beta1`. */
const KubeletConfiguration = v.object({
  imagePullCredentialsVerificationPolicy: v.nullish(v.string()),
});

const DEFAULT_POLICY = "NeverVerifyPreloadedImages";

/** The policy that counts. Files that cannot be read are reported by the check of the feature gate. */
function findPolicy(configs: readonly TextFile[]): {
  readonly value: string;
  readonly place: string;
} {
  let policy = { value: DEFAULT_POLICY, place: "the kubelet's default" };
  for (const { path, text } of configs) {
    const found = recordFailure(
      NAME,
      [],
      () => check(KubeletConfiguration, parseYaml(text, path) ?? {}, path),
    );
    const value = found?.imagePullCredentialsVerificationPolicy ?? "";
    if (value !== "") policy = { value, place: path };
  }
  return policy;
}

/** `ImagePulledRecord` of `imagemanager.kubelet.config.k8s.io`, v1alpha1 (1.33) and v1beta1 (1.35). */
const ImagePulledRecord = v.object({
  kind: v.literal("ImagePulledRecord"),
  credentialMapping: v.nullish(
    v.record(v.string(), v.object({ nodePodsAccessible: v.nullish(v.boolean(), false) })),
    {},
  ),
});

/** The images of mirrored registries that a record opens to every pod. */
function openImages({ path, text }: TextFile, registries: RegistriesConfiguration): string[] {
  const { credentialMapping } = check(ImagePulledRecord, parseJson(text, path), path);
  return Object.entries(credentialMapping).flatMap(([name, { nodePodsAccessible }]) => {
    const image = normalizeImage(name);
    if (!nodePodsAccessible || image === undefined) return [];
    return findPullSources(registries, image).sources.length > 0 ? [image] : [];
  });
}

/**
 * Entries of the global file that are pairs for images of mirrored registries. The kubelet reads the
 * file, too: it tries such a pair before the plugin's, and records what it pulls with it as every pod's.
 */
function* globalPairs(
  global: AuthFile | undefined,
  { registries }: RegistriesConfiguration,
): Generator<Check> {
  const prefixes = registries.filter(needsPlugin).map(({ prefix }) => prefix);
  for (const [key, entry] of global?.auths ?? []) {
    const scope = parseScope(key);
    if (scope === undefined || !holdsPair(entry)) continue;
    const prefix = prefixes.find((prefix) => meets(scope, prefix));
    if (prefix === undefined) continue;
    yield warn(
      NAME,
      `the global auth file's entry ${JSON.stringify(hideUserInfo(key))} is for images of ` +
        `${prefix}: the kubelet tries it first, and what it pulls with it is every pod's`,
      "remove the entry, or give up --pulled-images service-account for these images",
    );
  }
}

function holdsPair(entry: unknown): boolean {
  try {
    return readCredential(entry) !== undefined;
    // deno-coverage-ignore-start -- no test has a broken entry here
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // What is wrong with it is reported by the check of the file.
    return false;
    // deno-coverage-ignore-stop
  }
}

/** Whether a scope speaks for some image that a table's prefix is for. */
function meets(scope: Scope, prefix: string): boolean {
  const [host = "", ...rest] = prefix.split("/");
  const path = rest.join("/");
  if (covers(scope, { host, path })) return true;
  return covers({ host: scope.host, path: "" }, { host, path: "" }) &&
    (path === "" || scope.path.startsWith(`${path}/`));
}
