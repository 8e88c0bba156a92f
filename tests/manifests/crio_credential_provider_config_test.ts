import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import {
  createCrioCredentialProviderConfig,
  findMatchImageViolations,
  parseCrioCredentialProviderConfig,
  renderCrioCredentialProviderConfig,
} from "../../src/manifests/crio_credential_provider_config.ts";
import { formatCredentialProviderConfig } from "../../src/manifests/credential_provider_config.ts";
import { PLATFORM_PROVIDERS } from "../../src/manifests/platform_providers.ts";
import { formatYaml } from "../../src/manifests/yaml.ts";
import * as schemas from "../support/manifest_schemas.ts";

const FIXTURE = Deno.readTextFileSync(
  new URL("../../fixtures/openshift/crio-credential-provider-config.yaml", import.meta.url),
);

// The examples of the resource's definition, and what its pattern refuses.
const ENTRIES: readonly [entry: string, accepted: boolean][] = [
  ["123456789.dkr.ecr.us-east-1.amazonaws.com", true],
  ["*.azurecr.io", true],
  ["gcr.io", true],
  ["*.*.registry.io", true],
  ["registry.io:8080/path", true],
  ["k8s.*", true],
  ["example.*.com", true],
  ["docker.io/", true],
  ["docker.io/a_b/c-d.e", true],
  ["localhost", true],
  ["a".repeat(512), true],
  ["a".repeat(513), false],
  ["", false],
  ["*", false],
  ["exa*mple.*.com", false],
  ["f*oo.example.com", false],
  ["Docker.io", false],
  ["docker.io/Library", false],
  ["docker.io/*", false],
  ["docker.io:*", false],
  ["docker.io:", false],
  ["docker..io", false],
  [".docker.io", false],
  ["-docker.io", false],
  ["docker-.io", false],
  ["https://docker.io", false],
  ["docker.io\n", false],
  ["user@docker.io", false],
  ["[::1]:5000", false],
];

for (const [entry, accepted] of ENTRIES) {
  const shown = JSON.stringify(
    entry.length > 60 ? `${entry.slice(0, 9)}… (${entry.length})` : entry,
  );
  Deno.test(`OpenShift ${accepted ? "accepts" : "refuses"} the entry ${shown}`, () => {
    const violations = findMatchImageViolations([entry]);
    assert.deepEqual(violations.map(({ key }) => key), accepted ? [] : ["spec.matchImages[0]"]);
  });
}

Deno.test("there may be 50 entries, none of them twice", () => {
  const entries = Array.from({ length: 50 }, (_, index) => `r${index}.example.com`);
  assert.deepEqual(findMatchImageViolations(entries), []);
  assert.deepEqual(findMatchImageViolations([...entries, "a.example.com"]), [
    { key: "spec.matchImages", problem: "has 51 entries, not 1 to 50" },
  ]);
  assert.equal(findMatchImageViolations([]).length, 1);
  assert.deepEqual(findMatchImageViolations(["a.io", "b.io", "a.io"]), [
    { key: "spec.matchImages[2]", problem: `"a.io" is there twice` },
  ]);
});

Deno.test("the resource is the one of the documentation, and is read back", () => {
  const text = formatYaml([createCrioCredentialProviderConfig(["docker.io"], "v1alpha1")]);
  assert.deepEqual(
    schemas.readManifest(schemas.CrioCredentialProviderConfig, text),
    schemas.readManifest(schemas.CrioCredentialProviderConfig, FIXTURE),
  );
  assert.deepEqual(parseCrioCredentialProviderConfig(FIXTURE, "f"), ["docker.io"]);
  const stable = formatYaml([createCrioCredentialProviderConfig(["docker.io"], "v1")]);
  assert.deepEqual(parseCrioCredentialProviderConfig(stable, "f"), ["docker.io"]);
});

const REFUSED: readonly [text: string, message: RegExp][] = [
  [FIXTURE.replace("name: cluster", "name: mine"), /"metadata\.name" is "mine"; .* named cluster/],
  [FIXTURE.replace("v1alpha1", "v1beta1"), /of "config\.openshift\.io\/v1beta1"; expected CRIO/],
  [FIXTURE.replace("kind: CRIO", "kind: "), /is "CredentialProviderConfig" of/],
  [
    FIXTURE.replace("- docker.io", "- '*'\n    - Quay.io"),
    /matchImages\[0\]".*; ".*matchImages\[1\]"/,
  ],
  [FIXTURE.replace(/spec:[^]*/, ""), /"spec" is missing/],
  [FIXTURE.replace("- docker.io", "docker.io"), /"spec\.matchImages" must be an array/],
  [FIXTURE.replace("\n    - docker.io", " []"), /has 0 entries/],
];

for (const [text, message] of REFUSED) {
  Deno.test(`a resource is refused because of ${message.source}`, () => {
    assert.throws(() => parseCrioCredentialProviderConfig(text, "f"), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.match(thrown.message, message);
      return true;
    });
  });
}

Deno.test("a resource from the cluster is read with its status and without entries", () => {
  const text = `${FIXTURE}status:\n  conditions: [{type: Validated, status: "True"}]\n`;
  assert.deepEqual(parseCrioCredentialProviderConfig(text, "f"), ["docker.io"]);
  const bare = FIXTURE.replace(/spec:[^]*/, "spec: {}\n");
  assert.deepEqual(parseCrioCredentialProviderConfig(bare, "f"), []);
});

/** As the operator renders it, which adds nothing of its own. */
const OPERATOR = { env: false, secretsAnnotation: "" };

Deno.test("rendered for a platform, entries are sorted and overlapping ones left out", () => {
  const { config, conditions, skipped } = renderCrioCredentialProviderConfig(
    ["quay.io", "gcr.io", "myhost.com", "*.cloud.google.com"],
    PLATFORM_PROVIDERS.gcp.config,
    OPERATOR,
  );
  assert.ok(config);
  const { providers } = schemas.readManifest(
    schemas.CredentialProviderConfig,
    formatYaml([formatCredentialProviderConfig(config)]),
  );
  assert.deepEqual(providers.map(({ name }) => name), [
    "gcr-credential-provider",
    "crio-credential-provider",
  ]);
  assert.deepEqual(providers[1], {
    name: "crio-credential-provider",
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    matchImages: ["myhost.com", "quay.io"],
    defaultCacheDuration: "1s",
    tokenAttributes: {
      serviceAccountTokenAudience: "https://kubernetes.default.svc",
      cacheType: "Token",
      requireServiceAccount: false,
    },
  });
  assert.deepEqual(skipped.map(({ pattern }) => pattern), ["*.cloud.google.com", "gcr.io"]);
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => [type, status, reason]),
    [
      ["Validated", "False", "ConfigurationPartiallyApplied"],
      ["MachineConfigRendered", "True", "MachineConfigRenderingSucceeded"],
    ],
  );
  assert.match(conditions[0]?.message ?? "", /\*\.cloud\.google\.com gcr\.io$/);
});

Deno.test("with all entries overlapping no file is rendered, and without overlap all is well", () => {
  const none = renderCrioCredentialProviderConfig(
    ["gcr.io"],
    PLATFORM_PROVIDERS.gcp.config,
    OPERATOR,
  );
  assert.equal(none.config, undefined);
  assert.equal(none.conditions[0]?.status, "False");
  const all = renderCrioCredentialProviderConfig(
    ["gcr.io"],
    PLATFORM_PROVIDERS.none.config,
    OPERATOR,
  );
  assert.deepEqual(all.conditions.map(({ status }) => status), ["True", "True"]);
  assert.deepEqual(all.config?.providers.map(({ matchImages }) => matchImages), [["gcr.io"]]);
});
