import assert from "node:assert/strict";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import * as schemas from "../../support/manifest_schemas.ts";
import { fixture, generate } from "../../support/generated.ts";

Deno.test("the MachineConfig carries the platform's provider file and the mirrors", async () => {
  const line = "machine-config --role worker --platform aws --mirror docker.io=localhost:5000 " +
    "--insecure localhost:5000";
  const text = await generate(line);
  const config = schemas.readManifest(schemas.MachineConfig, text);
  assert.equal(config.metadata.name, "99-worker-crio-credential-provider");
  assert.deepEqual(config.metadata.labels, {
    "machineconfiguration.openshift.io/role": "worker",
  });
  assert.equal(config.spec.config.ignition.version, "3.4.0");
  const files = await schemas.readNodeFiles(config);
  assert.deepEqual([...files.keys()], [
    "/etc/kubernetes/credential-providers/ecr-credential-provider.yaml",
    "/etc/containers/registries.conf.d/50-crio-credential-provider.conf",
  ]);
  const [providers = "", dropIn = ""] = files.values();
  assert.deepEqual(
    schemas.readManifest(schemas.CredentialProviderConfig, providers),
    schemas.readManifest(
      schemas.CredentialProviderConfig,
      fixture("openshift/ecr-credential-provider.yaml"),
    ),
  );
  const byDropIn = mergeRegistries({
    main: undefined,
    dropIns: [{ path: "50.conf", text: dropIn }],
  });
  const byFixture = mergeRegistries({
    main: { path: "50.conf", text: fixture("registries/mirror.conf") },
    dropIns: [],
  });
  assert.deepEqual(byDropIn.registries, byFixture.registries);
  assert.equal(await generate(line), text);
});

const PLATFORM_FILES: readonly [platform: string, file: string, provider: string | undefined][] = [
  ["aws", "ecr", "*.dkr.ecr.*.amazonaws.com"],
  ["gcp", "gcr", "gcr.io"],
  ["azure", "acr", "*.azurecr.io"],
  ["none", "generic", undefined],
];

for (const [platform, file, first] of PLATFORM_FILES) {
  Deno.test(`on ${platform} the provider file is ${file}'s`, async () => {
    const text = await generate(
      `machine-config --role infra --platform ${platform} --match-image docker.io --ignition 3.5`,
      undefined,
      platform === "none" ? /^warning: OpenShift 4\.21 starts the kubelet without/ : /^$/,
    );
    const config = schemas.readManifest(schemas.MachineConfig, text);
    assert.equal(config.spec.config.ignition.version, "3.5.0");
    assert.equal(config.metadata.name, "99-infra-crio-credential-provider");
    assert.equal(config.metadata.labels["machineconfiguration.openshift.io/role"], "infra");
    const files = await schemas.readNodeFiles(config);
    const path = `/etc/kubernetes/credential-providers/${file}-credential-provider.yaml`;
    const { providers } = schemas.readManifest(
      schemas.CredentialProviderConfig,
      files.get(path) ?? "",
    );
    assert.deepEqual(
      providers.map(({ name, matchImages }) => [name, matchImages[0]]),
      [
        ...(first === undefined ? [] : [[`${file}-credential-provider`, first]]),
        ["crio-credential-provider", "docker.io"],
      ],
    );
    const unit = files.get(
      "/etc/systemd/system/kubelet.service.d/40-kubelet-crio-image-credential-provider.conf",
    );
    assert.equal(unit === undefined, platform !== "none");
    if (unit !== undefined) {
      assert.match(
        unit,
        /^\[Service\]\nEnvironment="KUBELET_CRIO_IMAGE_CREDENTIAL_PROVIDER_FLAGS=/,
      );
      assert.ok(unit.endsWith(` --image-credential-provider-config=${path}"\n`));
    }
  });
}

Deno.test("a mirrored registry that the kubelet would not run the plugin for is reported", async () => {
  await generate(
    "machine-config --role worker --platform aws --match-image quay.io --mirror docker.io=a.local",
    undefined,
    /^warning: no --match-image covers "docker\.io", which has a mirror\n$/,
  );
  await generate(
    "machine-config --role worker --platform aws --mirror *.example.com=a.local",
    undefined,
    /^warning: "\*\.example\.com" has mirrors at any depth of sub-domains, .* one label\n$/,
  );
});
