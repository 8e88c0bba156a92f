import assert from "node:assert/strict";
import { load, loadAll } from "js-yaml";
import * as v from "valibot";
import { applySettingsFile } from "../src/settings/settings_file.ts";
import { readSecret } from "../src/credentials/docker_config.ts";
import { parseRequest } from "../src/kubelet/credential_provider.ts";
import { kubeadmAudience, OPENSHIFT_AUDIENCE } from "../src/manifests/audience.ts";
import { mergeRegistries } from "../src/sources/registries_conf/config.ts";
import { findPullSources } from "../src/sources/registries_conf/pull_sources.ts";
import { formatRepository } from "../src/sources/reference.ts";
import { DEFAULT_SETTINGS } from "../src/settings/settings.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const IMAGE = "docker.io/library/nginx";

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, FIXTURES));
}

/** `kubelet.config.k8s.io/v1` `CredentialProviderConfig`, with the rules the kubelet checks. */
const CredentialProviderConfig = v.strictObject({
  apiVersion: v.literal("kubelet.config.k8s.io/v1"),
  kind: v.literal("CredentialProviderConfig"),
  providers: v.pipe(
    v.array(v.strictObject({
      name: v.pipe(v.string(), v.regex(/^[^\s/]+$/)),
      apiVersion: v.literal("credentialprovider.kubelet.k8s.io/v1"),
      matchImages: v.pipe(v.array(v.string()), v.minLength(1)),
      defaultCacheDuration: v.pipe(v.string(), v.regex(/^\d+[smh]$/)),
      args: v.optional(v.array(v.string())),
      env: v.optional(v.array(v.strictObject({ name: v.string(), value: v.string() }))),
      tokenAttributes: v.optional(v.strictObject({
        serviceAccountTokenAudience: v.pipe(v.string(), v.nonEmpty()),
        cacheType: v.picklist(["Token", "ServiceAccount"]),
        requireServiceAccount: v.boolean(),
        optionalServiceAccountAnnotationKeys: v.optional(v.array(v.string())),
      })),
    })),
    v.minLength(1),
    v.check((providers) => new Set(providers.map(({ name }) => name)).size === providers.length),
  ),
});

for (
  const [path, audience] of [
    ["kubernetes/credential-provider-config.yaml", kubeadmAudience()],
    ["openshift/ecr-credential-provider.yaml", OPENSHIFT_AUDIENCE],
  ] as const
) {
  Deno.test(`${path} is a provider configuration that asks for tokens of its API server`, () => {
    const { providers } = v.parse(CredentialProviderConfig, load(read(path)));
    const provider = providers.find(({ name }) => name === "crio-credential-provider");
    assert.equal(provider?.tokenAttributes?.serviceAccountTokenAudience, audience);
    assert.deepEqual(provider?.tokenAttributes?.optionalServiceAccountAnnotationKeys, [
      DEFAULT_SETTINGS.secretsAnnotation,
    ]);
  });
}

const Binding = {
  roleRef: v.strictObject({
    apiGroup: v.literal("rbac.authorization.k8s.io"),
    kind: v.string(),
    name: v.string(),
  }),
  subjects: v.array(v.looseObject({ kind: v.string(), name: v.string() })),
};
const Rule = v.strictObject({
  apiGroups: v.array(v.string()),
  resources: v.array(v.string()),
  verbs: v.array(v.string()),
});

for (
  const [path, kind] of [
    ["kubernetes/node-rbac", "ClusterRole"],
    ["openshift/node-rbac", "ClusterRole"],
    ["kubernetes/namespace-rbac", "Role"],
  ] as const
) {
  Deno.test(`${path}.yaml binds the role that it defines`, () => {
    const [role, binding] = loadAll(read(`${path}.yaml`));
    const { metadata, rules } = v.parse(
      v.looseObject({
        kind: v.literal(kind),
        metadata: v.looseObject({ name: v.string() }),
        rules: v.array(Rule),
      }),
      role,
    );
    const { roleRef } = v.parse(
      v.looseObject({ kind: v.literal(`${kind}Binding`), ...Binding }),
      binding,
    );
    assert.deepEqual([roleRef.kind, roleRef.name], [kind, metadata.name]);
    assert.ok(!rules.some(({ resources, verbs }) => [...resources, ...verbs].includes("*")));
  });
}

for (
  const [config, role] of [
    ["kubernetes/credential-provider-config.yaml", "kubernetes/node-rbac.yaml"],
    ["openshift/ecr-credential-provider.yaml", "openshift/node-rbac.yaml"],
  ] as const
) {
  Deno.test(`${role} names the audience that ${config} asks for`, () => {
    const { providers } = v.parse(CredentialProviderConfig, load(read(config)));
    const own = providers.find(({ tokenAttributes }) => tokenAttributes !== undefined);
    const audience = own?.tokenAttributes?.serviceAccountTokenAudience ?? "";
    assert.ok(read(role).includes(`resources: ["${audience}"]`));
  });
}

Deno.test("the example's secret is for a mirror of the example's image", () => {
  const secret = v.parse(
    v.looseObject({
      type: v.literal("kubernetes.io/dockerconfigjson"),
      metadata: v.looseObject({ name: v.string() }),
      stringData: v.record(v.string(), v.string()),
    }),
    load(read("kubernetes/secret.yaml")),
  );
  const data = Object.fromEntries(
    Object.entries(secret.stringData).map((
      [key, text],
    ) => [key, new TextEncoder().encode(text).toBase64()]),
  );
  const [credential] = readSecret({ name: secret.metadata.name, type: secret.type, data }, () => {
    assert.fail("nothing in the example is broken");
  });
  const main = { path: "mirror.conf", text: read("registries/mirror.conf") };
  const { sources } = findPullSources(mergeRegistries({ main, dropIns: [] }), IMAGE);
  assert.deepEqual(sources.map(formatRepository), [
    "localhost:5000/library/nginx",
    "docker.io/library/nginx",
  ]);
  assert.equal(credential?.scope.host, sources[0]?.host);
});

Deno.test("the MachineConfig carries the provider file and the registries configuration", () => {
  const File = v.strictObject({
    path: v.string(),
    mode: v.literal(0o644),
    overwrite: v.literal(true),
    contents: v.strictObject({ source: v.string() }),
  });
  const { spec } = v.parse(
    v.looseObject({
      apiVersion: v.literal("machineconfiguration.openshift.io/v1"),
      kind: v.literal("MachineConfig"),
      spec: v.strictObject({
        config: v.strictObject({
          ignition: v.strictObject({ version: v.literal("3.4.0") }),
          storage: v.strictObject({ files: v.array(File) }),
        }),
      }),
    }),
    load(read("openshift/machine-config.yaml")),
  );
  const carried = spec.config.storage.files.map(({ path, contents }) => {
    const [header, base64 = ""] = contents.source.split(",");
    assert.equal(header, "data:text/plain;charset=utf-8;base64");
    return [path, new TextDecoder().decode(Uint8Array.fromBase64(base64))];
  });
  assert.deepEqual(carried, [
    [
      "/etc/kubernetes/credential-providers/ecr-credential-provider.yaml",
      read("openshift/ecr-credential-provider.yaml"),
    ],
    ["/etc/containers/registries.conf", read("registries/mirror.conf")],
  ]);
});

Deno.test("the feature gate and the CRIOCredentialProviderConfig are singletons named cluster", () => {
  const Singleton = v.looseObject({ metadata: v.strictObject({ name: v.literal("cluster") }) });
  v.parse(Singleton, load(read("openshift/feature-gate.yaml")));
  const Config = v.looseObject({
    ...Singleton.entries,
    spec: v.strictObject({
      matchImages: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(50)),
    }),
  });
  v.parse(Config, load(read("openshift/crio-credential-provider-config.yaml")));
});

Deno.test("the example of a site's settings is accepted", () => {
  const settings = applySettingsFile(DEFAULT_SETTINGS, read("settings/site.jsonc"), "site.jsonc");
  assert.equal(settings.apiserver, "https://api.example.com:6443");
  assert.equal(settings.timeout, 20_000);
});

for (const name of ["request.json", "request-static-pod.json"]) {
  Deno.test(`kubelet/${name} is a request for the example's image`, () => {
    assert.equal(parseRequest(read(`kubelet/${name}`)).image, IMAGE);
  });
}
