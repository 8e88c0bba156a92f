/**
 * The audience of the pods' tokens: the provider configuration's, against what the API server accepts
 * and what the nodes' ClusterRole names. With another one every pull gets a 401.
 */

import * as v from "valibot";
import {
  AUDIENCE_COMMAND,
  DEFAULT_CLUSTER_DOMAIN,
  kubeadmAudience,
  OPENSHIFT_AUDIENCE,
} from "../../manifests/audience.ts";
import { quoteWord } from "../../manifests/checks.ts";
import { parseYaml, parseYamlDocuments } from "../../manifests/yaml.ts";
import { check } from "../../text/schema.ts";
import { type Check, fail, pass, recordFailure, skip, warn } from "./check.ts";
import { flagValues } from "./kubelet_flags.ts";
import type { TextFile } from "./examined_node.ts";

const NAME = "audience";

/** The static pod of a control plane's API server, where kubeadm puts it. */
export const API_SERVER_MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/** What is known about the audience. */
export interface AudienceFacts {
  /** `serviceAccountTokenAudience` of our provider. */
  readonly audience: string;
  /** The API server's static pod, on a control plane. */
  readonly manifest: TextFile | undefined;
  /** What the node was set up by; `undefined`: not known. */
  readonly platform: "kubeadm" | "OpenShift" | undefined;
  /** The cluster's domain by the kubelet's configuration; empty: that says nothing. */
  readonly clusterDomain: string;
  /** Roles of the cluster, as `kubectl` prints them. */
  readonly roles: TextFile | undefined;
}

/** Compares what is known. */
export function checkAudience(facts: AudienceFacts): Check[] {
  if (facts.audience === "") {
    // That there is none is reported by the check of the configuration.
    if (facts.roles === undefined) return [];
    const found =
      `no provider file names an audience to compare with the roles in ${facts.roles.path}`;
    return [skip(NAME, found, "say where the provider file is: --config")];
  }
  return [...checkApiServer(facts), ...checkRoles(facts)];
}

function checkApiServer({ audience, manifest, platform, clusterDomain }: AudienceFacts): Check[] {
  const named = JSON.stringify(audience);
  if (manifest !== undefined) {
    const checks: Check[] = [];
    const accepted = recordFailure(NAME, checks, () => readAccepted(manifest));
    if (accepted !== undefined) checks.push(judge(audience, accepted));
    return checks;
  }
  if (platform === undefined) {
    const found = `${named}: nothing on this node says what the API server accepts`;
    return [skip(NAME, found, `compare it with what this prints: ${AUDIENCE_COMMAND}`)];
  }
  const domain = clusterDomain === "" ? DEFAULT_CLUSTER_DOMAIN : clusterDomain;
  const usual = platform === "OpenShift" ? OPENSHIFT_AUDIENCE : kubeadmAudience(domain);
  const whose = platform === "OpenShift"
    ? "OpenShift's"
    : `kubeadm's for the cluster domain ${JSON.stringify(domain)}`;
  if (audience === usual) return [pass(NAME, `${named} is ${whose}`)];
  return [warn(
    NAME,
    `${named} is not ${whose}, ${JSON.stringify(usual)}: if the API server does not accept it, ` +
      "every pull gets a 401",
    `compare it with what this prints: ${AUDIENCE_COMMAND}`,
  )];
}

interface Accepted {
  readonly audiences: readonly string[];
  /** Where they are. */
  readonly place: string;
}

function judge(audience: string, { audiences, place }: Accepted): Check {
  const named = JSON.stringify(audience);
  const [first] = audiences;
  if (first === undefined) {
    const found = `${named}: ${place} names no audience and no issuer`;
    return skip(NAME, found, `compare it with what this prints: ${AUDIENCE_COMMAND}`);
  }
  if (audiences.includes(audience)) {
    return pass(NAME, `${named} is what the API server accepts (${place})`);
  }
  const list = audiences.map((text) => JSON.stringify(text)).join(", ");
  return fail(
    NAME,
    `${named} is not what the API server accepts, ${list} (${place}): ` +
      "every pull gets a 401",
    `set serviceAccountTokenAudience to ${JSON.stringify(first)} in the provider file, and ` +
      generateRoles(first),
  );
}

/** How to let all kubelets ask for tokens of an audience. */
function generateRoles(audience: string): string {
  return "apply what this prints: crio-credential-ctl generate rbac --all-nodes --audience " +
    quoteWord(audience);
}

const Texts = v.optional(v.array(v.string()), []);
const Pod = v.object({
  spec: v.object({
    containers: v.array(v.object({ command: Texts, args: Texts })),
  }),
});

/** `--api-audiences`, else `--service-account-issuer`; both may be given several times. */
function readAccepted({ path, text }: TextFile): Accepted {
  const { spec } = check(Pod, parseYaml(text, path), path);
  const words = spec.containers.flatMap(({ command, args }) => [...command, ...args]);
  const audiences = flagValues(words, "api-audiences").flatMap((value) => value.split(","))
    .filter((value) => value !== "");
  if (audiences.length > 0) return { audiences, place: `--api-audiences in ${path}` };
  const issuers = flagValues(words, "service-account-issuer");
  return { audiences: issuers, place: `--service-account-issuer in ${path}` };
}

const Role = v.object({
  kind: v.picklist(["ClusterRole", "Role"]),
  metadata: v.object({ name: v.string() }),
  rules: v.nullish(v.array(v.object({ verbs: Texts, resources: Texts })), []),
});
const List = v.object({ items: v.array(v.unknown()) });

const VERB = "request-serviceaccounts-token-audience";

/**
 * Whether some role lets kubelets ask for tokens of the audience, which it names as a resource. The
 * role must name the verb: one for all verbs, as `cluster-admin` is, is not the kubelets'.
 */
function checkRoles({ audience, roles }: AudienceFacts): Check[] {
  if (roles === undefined) return [];
  const { path, text } = roles;
  const checks: Check[] = [];
  const documents = recordFailure(NAME, checks, () => parseYamlDocuments(text, path));
  if (documents === undefined) return checks;
  const given = documents
    .flatMap((document) => {
      const list = v.safeParse(List, document);
      return list.success ? list.output.items : [document];
    })
    .flatMap((item) => {
      const role = v.safeParse(Role, item);
      return role.success ? [role.output] : [];
    });
  if (given.length === 0) {
    const advice = "pass what this prints: kubectl get clusterroles -o yaml";
    return [skip(NAME, `${path} holds no Role and no ClusterRole`, advice)];
  }
  const rules = given.flatMap(({ metadata, rules }) =>
    rules.filter(({ verbs }) => verbs.includes(VERB))
      .map(({ resources }) => ({ name: metadata.name, resources }))
  );
  const own = rules.find(({ resources }) =>
    resources.includes(audience) || resources.includes("*")
  );
  const named = JSON.stringify(audience);
  if (own !== undefined) {
    return [pass(NAME, `${named} is what role ${own.name} lets kubelets ask for (${path})`)];
  }
  const others = rules.flatMap(({ resources }) => resources)
    .map((resource) => JSON.stringify(resource)).join(", ");
  return [fail(
    NAME,
    `${named} is not what kubelets may ask tokens for by ${path}` +
      `${others === "" ? "" : `, which names ${others}`}: the kubelet gets no token`,
    generateRoles(audience),
  )];
}
