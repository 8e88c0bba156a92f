/**
 * A second reader of manifests: schemas from the type definitions of Kubernetes
 * (`k8s.io/kubelet/config/v1`, `k8s.io/api/rbac/v1`, `k8s.io/api/core/v1`) and OpenShift
 * (`machineconfiguration/v1`, `config/v1alpha1`, Ignition's 3.4 and 3.5). They share nothing with the
 * program, and know no key that the types do not have.
 */

import { loadAll } from "js-yaml";
import * as v from "valibot";

const Text = v.pipe(v.string(), v.nonEmpty());
const Name = v.pipe(v.string(), v.regex(/^[a-z0-9]([a-z0-9.:-]*[a-z0-9])?$/), v.maxLength(253));
const Namespace = v.pipe(v.string(), v.regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/), v.maxLength(63));

/** `kubelet.config.k8s.io/v1` */
export const CredentialProviderConfig = v.strictObject({
  apiVersion: v.literal("kubelet.config.k8s.io/v1"),
  kind: v.literal("CredentialProviderConfig"),
  providers: v.pipe(
    v.array(v.strictObject({
      name: v.pipe(v.string(), v.regex(/^[^ /]+$/)),
      apiVersion: v.picklist([
        "credentialprovider.kubelet.k8s.io/v1",
        "credentialprovider.kubelet.k8s.io/v1beta1",
        "credentialprovider.kubelet.k8s.io/v1alpha1",
      ]),
      matchImages: v.pipe(v.array(Text), v.minLength(1)),
      defaultCacheDuration: v.pipe(v.string(), v.regex(/^(\d+(ms|s|m|h))+$/)),
      args: v.optional(v.array(v.string())),
      env: v.optional(v.array(v.strictObject({ name: Text, value: v.string() }))),
      tokenAttributes: v.optional(v.strictObject({
        serviceAccountTokenAudience: Text,
        cacheType: v.picklist(["Token", "ServiceAccount"]),
        requireServiceAccount: v.boolean(),
        requiredServiceAccountAnnotationKeys: v.optional(v.array(Text)),
        optionalServiceAccountAnnotationKeys: v.optional(v.array(Text)),
      })),
    })),
    v.minLength(1),
    v.check((providers) => new Set(providers.map(({ name }) => name)).size === providers.length),
  ),
});

const RBAC = "rbac.authorization.k8s.io";
const ApiVersion = v.literal(`${RBAC}/v1`);
const Rule = v.strictObject({
  apiGroups: v.array(v.literal("")),
  resources: v.pipe(v.array(v.pipe(Text, v.notValue("*"))), v.minLength(1)),
  resourceNames: v.optional(v.pipe(v.array(Text), v.minLength(1))),
  verbs: v.pipe(v.array(v.pipe(Text, v.notValue("*"))), v.minLength(1)),
});
const RoleRef = <const Kind extends string>(kind: Kind) =>
  v.strictObject({ apiGroup: v.literal(RBAC), kind: v.literal(kind), name: Name });

export const ClusterRole = v.strictObject({
  apiVersion: ApiVersion,
  kind: v.literal("ClusterRole"),
  metadata: v.strictObject({ name: Name }),
  rules: v.array(Rule),
});

export const ClusterRoleBinding = v.strictObject({
  apiVersion: ApiVersion,
  kind: v.literal("ClusterRoleBinding"),
  metadata: v.strictObject({ name: Name }),
  roleRef: RoleRef("ClusterRole"),
  subjects: v.pipe(
    v.array(v.strictObject({
      apiGroup: v.literal(RBAC),
      kind: v.picklist(["User", "Group"]),
      name: Text,
    })),
    v.minLength(1),
  ),
});

export const Role = v.strictObject({
  apiVersion: ApiVersion,
  kind: v.literal("Role"),
  metadata: v.strictObject({ name: Name, namespace: Namespace }),
  rules: v.array(Rule),
});

export const RoleBinding = v.strictObject({
  apiVersion: ApiVersion,
  kind: v.literal("RoleBinding"),
  metadata: v.strictObject({ name: Name, namespace: Namespace }),
  roleRef: RoleRef("Role"),
  subjects: v.pipe(
    v.array(v.strictObject({
      kind: v.literal("ServiceAccount"),
      name: Name,
      namespace: Namespace,
    })),
    v.minLength(1),
  ),
});

export const Secret = v.strictObject({
  apiVersion: v.literal("v1"),
  kind: v.literal("Secret"),
  metadata: v.strictObject({
    name: Name,
    namespace: Namespace,
    annotations: v.optional(v.strictObject({ "crio-credential-provider/also-for": Text })),
  }),
  type: v.literal("kubernetes.io/dockerconfigjson"),
  data: v.strictObject({ ".dockerconfigjson": v.pipe(v.string(), v.base64()) }),
});

/** An Ignition file whose contents are a gzipped `data:` URL. */
const NodeFile = v.strictObject({
  path: v.pipe(v.string(), v.startsWith("/")),
  mode: v.literal(420),
  overwrite: v.literal(true),
  contents: v.strictObject({
    compression: v.literal("gzip"),
    source: v.pipe(v.string(), v.regex(/^data:;base64,[A-Za-z0-9+/]+=*$/)),
  }),
});

export const MachineConfig = v.strictObject({
  apiVersion: v.literal("machineconfiguration.openshift.io/v1"),
  kind: v.literal("MachineConfig"),
  metadata: v.strictObject({
    name: Name,
    labels: v.strictObject({ "machineconfiguration.openshift.io/role": Name }),
  }),
  spec: v.strictObject({
    config: v.strictObject({
      ignition: v.strictObject({ version: v.picklist(["3.4.0", "3.5.0"]) }),
      storage: v.strictObject({ files: v.pipe(v.array(NodeFile), v.minLength(1)) }),
    }),
  }),
});

export const CrioCredentialProviderConfig = v.strictObject({
  apiVersion: v.picklist(["config.openshift.io/v1alpha1", "config.openshift.io/v1"]),
  kind: v.literal("CRIOCredentialProviderConfig"),
  metadata: v.strictObject({ name: v.literal("cluster") }),
  spec: v.strictObject({
    matchImages: v.pipe(
      v.array(v.pipe(v.string(), v.nonEmpty(), v.maxLength(512), v.regex(/^[a-z0-9*]/))),
      v.minLength(1),
      v.maxLength(50),
      v.check((entries) => new Set(entries).size === entries.length),
    ),
  }),
});

/** Reads a text that holds one document of a kind. */
export function readManifest<const Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
): v.InferOutput<Schema> {
  const [document, ...rest] = loadAll(text);
  if (rest.length > 0) throw new Error(`${rest.length + 1} documents where one was expected`);
  return v.parse(schema, document);
}

/** The text of each file of a MachineConfig, by path. */
export async function readNodeFiles(
  config: v.InferOutput<typeof MachineConfig>,
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { path, contents } of config.spec.config.storage.files) {
    const bytes = Uint8Array.fromBase64(contents.source.replace(/^data:;base64,/, ""));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    files.set(path, await new Response(plain).text());
  }
  return files;
}
