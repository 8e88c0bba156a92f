/** The RBAC that the plugin needs (`rbac.authorization.k8s.io/v1`), and nothing beyond it. */

import type { Manifest } from "./yaml.ts";

const API_GROUP = "rbac.authorization.k8s.io";
const API_VERSION = `${API_GROUP}/v1`;
const NODE_ROLE = "crio-credential-provider-node";
const NAMESPACE_ROLE = "crio-credential-provider";

/**
 * Lets kubelets ask for tokens of the pods' service accounts with one audience, which the role names
 * as a resource, as the node authorizer's check has it.
 *
 * @param nodes names of nodes, one binding each; none: all nodes.
 */
export function createNodeRbac(audience: string, nodes: readonly string[]): Manifest[] {
  const subjects: [binding: string, kind: string, name: string][] = nodes.length === 0
    ? [[NODE_ROLE, "Group", "system:nodes"]]
    : nodes.map((node) => [`${NODE_ROLE}:${node}`, "User", `system:node:${node}`]);
  return [
    {
      apiVersion: API_VERSION,
      kind: "ClusterRole",
      metadata: { name: NODE_ROLE },
      rules: [
        { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get", "list"] },
        {
          apiGroups: [""],
          resources: [audience],
          verbs: ["request-serviceaccounts-token-audience"],
        },
      ],
    },
    ...subjects.map(([binding, kind, name]) => ({
      apiVersion: API_VERSION,
      kind: "ClusterRoleBinding",
      metadata: { name: binding },
      roleRef: { apiGroup: API_GROUP, kind: "ClusterRole", name: NODE_ROLE },
      subjects: [{ apiGroup: API_GROUP, kind, name }],
    })),
  ];
}

/**
 * Lets service accounts list the secrets of their namespace. RBAC knows no types of secrets: with
 * this they can read all of them.
 */
export function createNamespaceRbac(
  namespace: string,
  serviceAccounts: readonly string[],
): Manifest[] {
  const rule = { apiGroups: [""], resources: ["secrets"], verbs: ["list"] };
  return createRoleAndBinding({ name: NAMESPACE_ROLE, namespace }, rule, serviceAccounts);
}

/**
 * Lets a service account get the secrets that it names, and nothing else. Each account has a Role of
 * its own, so that several in a namespace do not open each other's secrets.
 */
export function createNamedSecretsRbac(
  namespace: string,
  serviceAccount: string,
  secrets: readonly string[],
): Manifest[] {
  const name = `${NAMESPACE_ROLE}-${serviceAccount}`;
  const rule = {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [...secrets],
    verbs: ["get"],
  };
  return createRoleAndBinding({ name, namespace }, rule, [serviceAccount]);
}

function createRoleAndBinding(
  metadata: { readonly name: string; readonly namespace: string },
  rule: Manifest,
  serviceAccounts: readonly string[],
): Manifest[] {
  const { name: role, namespace } = metadata;
  return [
    { apiVersion: API_VERSION, kind: "Role", metadata, rules: [rule] },
    {
      apiVersion: API_VERSION,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: API_GROUP, kind: "Role", name: role },
      subjects: serviceAccounts.map((name) => ({ kind: "ServiceAccount", name, namespace })),
    },
  ];
}
