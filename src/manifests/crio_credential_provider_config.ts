/**
 * OpenShift's `CRIOCredentialProviderConfig` (`config.openshift.io`): the resource, its rules, and
 * what the Machine Config Operator makes of it.
 */

import * as v from "valibot";
import { UserError } from "../errors.ts";
import { check } from "../text/schema.ts";
import { OPENSHIFT_AUDIENCE } from "./audience.ts";
import { CRIO_CONFIG_VERSIONS, type CrioConfigVersion } from "./choices.ts";
import {
  type CredentialProviderConfig,
  mergeProvider,
  type MergeResult,
  type ProviderOptions,
  type Violation,
} from "./credential_provider_config.ts";
import { type Manifest, parseYaml } from "./yaml.ts";

const GROUP = "config.openshift.io";
const KIND = "CRIOCredentialProviderConfig";
const MAX_ENTRIES = 50;
const MAX_LENGTH = 512;

/** The pattern of the resource's definition. */
const MATCH_IMAGE =
  /^(?:\*|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.(?:\*|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?))*(?::[0-9]+)?(?:\/[-a-z0-9._/]*)?$/;

/** The resource. Its rules are not checked here: {@link findMatchImageViolations}. */
export function createCrioCredentialProviderConfig(
  matchImages: readonly string[],
  version: CrioConfigVersion,
): Manifest {
  return {
    apiVersion: `${GROUP}/${version}`,
    kind: KIND,
    metadata: { name: "cluster" },
    spec: { matchImages: [...matchImages] },
  };
}

/** The rules for `spec.matchImages` by which the API server refuses the resource. */
export function findMatchImageViolations(matchImages: readonly string[]): Violation[] {
  const violations: Violation[] = [];
  const add = (key: string, problem: string) => violations.push({ key, problem });
  if (matchImages.length < 1 || matchImages.length > MAX_ENTRIES) {
    add("spec.matchImages", `has ${matchImages.length} entries, not 1 to ${MAX_ENTRIES}`);
  }
  for (const [index, pattern] of matchImages.entries()) {
    const key = `spec.matchImages[${index}]`;
    const problem = explainMatchImageRule(pattern);
    if (problem !== undefined) add(key, problem);
    if (matchImages.indexOf(pattern) !== index) {
      add(key, `${JSON.stringify(pattern)} is there twice`);
    }
  }
  return violations;
}

function explainMatchImageRule(pattern: string): string | undefined {
  const length = [...pattern].length;
  if (length < 1 || length > MAX_LENGTH) {
    return `is ${length} characters long, not 1 to ${MAX_LENGTH}`;
  }
  if (pattern === "*") return `"*" is refused: name the registries`;
  if (MATCH_IMAGE.test(pattern)) return undefined;
  return `${
    JSON.stringify(pattern)
  } is not a host in lower case, with port and path if needed, in which ` +
    `each "*" is a whole label`;
}

const Resource = v.object({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.object({ name: v.string() }),
  spec: v.object({ matchImages: v.nullish(v.array(v.string())) }),
});

/**
 * Reads the resource and checks its rules.
 *
 * @returns its `matchImages`; empty when it has none, which is allowed and configures nothing.
 * @throws {UserError} when the API server would refuse it.
 */
export function parseCrioCredentialProviderConfig(text: string, path: string): readonly string[] {
  const { apiVersion, kind, metadata, spec } = check(Resource, parseYaml(text, path), path);
  if (
    kind !== KIND || !CRIO_CONFIG_VERSIONS.some((version) => apiVersion === `${GROUP}/${version}`)
  ) {
    throw new UserError(
      "content-invalid",
      path,
      `is ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`,
      `expected ${KIND} of ${
        CRIO_CONFIG_VERSIONS.map((version) => `${GROUP}/${version}`).join(" or ")
      }`,
    );
  }
  if (metadata.name !== "cluster") {
    throw new UserError(
      "content-invalid",
      path,
      `"metadata.name" is ${JSON.stringify(metadata.name)}`,
      "the one resource of this kind is named cluster",
    );
  }
  if (spec.matchImages === null || spec.matchImages === undefined) return [];
  refuseViolations(findMatchImageViolations(spec.matchImages), path);
  return spec.matchImages;
}

/**
 * Throws an error that names all rules that a file breaks.
 *
 * @throws {UserError} when there is one.
 */
export function refuseViolations(violations: readonly Violation[], path: string): void {
  if (violations.length === 0) return;
  throw new UserError(
    "match-images-invalid",
    path,
    violations.map(({ key, problem }) => `"${key}" ${problem}`).join("; "),
  );
}

/** A condition of the resource's status. The operator adds generation and time. */
export interface Condition {
  readonly type: "Validated" | "MachineConfigRendered";
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** What the Machine Config Operator makes of the resource on one platform. */
export interface Rendering extends MergeResult {
  readonly conditions: readonly Condition[];
}

/**
 * Renders the resource as the Machine Config Operator does it (`updateCredentialProviderConfig`):
 * entries that overlap those of the platform's provider are left out, the others sorted. With no
 * entry left it writes no file, and reports success all the same.
 *
 * @param platform the provider file of the platform.
 * @param additions what is set for the provider that the operator does not set: variables, and the
 * annotation of service accounts that the kubelet passes on.
 */
export function renderCrioCredentialProviderConfig(
  matchImages: readonly string[],
  platform: CredentialProviderConfig,
  additions: Pick<ProviderOptions, "env" | "secretsAnnotation">,
): Rendering {
  const merged = mergeProvider(platform, {
    matchImages: [...matchImages].sort(),
    audience: OPENSHIFT_AUDIENCE,
    ...additions,
  });
  const left = merged.skipped.map(({ pattern }) => pattern);
  return {
    ...merged,
    conditions: [
      left.length === 0
        ? { type: "Validated", status: "True", reason: "Succeeded", message: "Success" }
        : {
          type: "Validated",
          status: "False",
          reason: "ConfigurationPartiallyApplied",
          message: `overlapping with the platform's provider file, left out: ${left.join(" ")}`,
        },
      {
        type: "MachineConfigRendered",
        status: "True",
        reason: "MachineConfigRenderingSucceeded",
        message: "Success",
      },
    ],
  };
}
