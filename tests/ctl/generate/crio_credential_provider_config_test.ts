import assert from "node:assert/strict";
import { runCtlWith } from "../../support/ctl.ts";
import * as schemas from "../../support/manifest_schemas.ts";
import { fixture, generate, RESOURCE } from "../../support/generated.ts";

Deno.test("OpenShift's resource is rendered with the platform's provider and its conditions", async () => {
  const text = await generate(
    `kubelet-config --from ${RESOURCE} --platform aws --no-env`,
    undefined,
    /^condition Validated: True, Succeeded: .*\ncondition MachineConfigRendered: True, .*\n$/,
  );
  const { providers } = schemas.readManifest(
    schemas.CredentialProviderConfig,
    fixture("openshift/ecr-credential-provider.yaml"),
  );
  // The operator knows nothing of variables.
  assert.deepEqual(
    schemas.readManifest(schemas.CredentialProviderConfig, text).providers,
    providers.map(({ env: _, ...provider }) => provider),
  );
  const stdin = fixture("openshift/crio-credential-provider-config.yaml").replace(
    "- docker.io",
    "- eu.gcr.io",
  );
  const none = await runCtlWith(
    ["generate", "kubelet-config", "--from", "-", "--platform", "gcp"],
    stdin,
  );
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(
    none.stderr,
    /^condition Validated: False, ConfigurationPartiallyApplied: .*eu\.gcr/m,
  );
  const bare = await runCtlWith(
    ["generate", "kubelet-config", "--from", "-"],
    stdin.replace(/spec:[^]*/, "spec: {}\n"),
  );
  assert.deepEqual([bare.code, bare.stdout], [1, ""]);
  assert.match(bare.stderr, /^error: stdin: "spec\.matchImages" is empty/m);
});

Deno.test("a resource that is written is read back", async () => {
  const resource = await generate(
    "crio-credential-provider-config --match-image quay.io --match-image *.example.com --api-version v1",
  );
  schemas.readManifest(schemas.CrioCredentialProviderConfig, resource);
  const text = await generate("kubelet-config --from -", resource, /Succeeded/);
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  assert.deepEqual(providers[0]?.matchImages, ["*.example.com", "quay.io"]);
});
