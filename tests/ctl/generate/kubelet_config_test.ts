import assert from "node:assert/strict";
import { PULLED_IMAGES, PULLED_IMAGES_MEANING } from "../../../src/kubelet/pulled_images.ts";
import { runCtlWith } from "../../support/ctl.ts";
import * as schemas from "../../support/manifest_schemas.ts";
import { ECR, fixture, FIXTURES, generate, RESOURCE, SILENT } from "../../support/generated.ts";

/** Our provider in what a command prints. */
async function provider(line: string, stdin?: string) {
  const text = await generate(line, stdin);
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  const ours = providers.find(({ name }) => name === "crio-credential-provider");
  assert.ok(ours);
  return {
    text,
    args: ours.args,
    keys: ours.tokenAttributes?.optionalServiceAccountAnnotationKeys,
  };
}

const KEY = "crio-credential-provider/secrets";
const OURS = "kubelet-config --match-image docker.io";
const PROVIDERS: readonly [line: string, args: string[] | undefined, keys: string[] | undefined][] =
  [
    [OURS, undefined, [KEY]],
    [`kubelet-config --from ${RESOURCE}`, undefined, [KEY]],
    [`kubelet-config --from ${RESOURCE} --secrets-annotation=`, undefined, undefined],
    [`${OURS} --merge ${ECR}`, undefined, [KEY]],
    [`${OURS} --secrets-annotation=`, undefined, undefined],
    [`${OURS} --secrets-annotation a.io/b`, ["--secrets-annotation=a.io/b"], ["a.io/b"]],
    [`${OURS} --arg=--secrets-annotation=a.io/b`, ["--secrets-annotation=a.io/b"], ["a.io/b"]],
    [`${OURS} --pulled-images service-account`, ["--pulled-images=service-account"], [KEY]],
    [
      `${OURS} --arg=--timeout=20s --pulled-images node`,
      ["--timeout=20s", "--pulled-images=node"],
      [KEY],
    ],
  ];

for (const [line, args, keys] of PROVIDERS) {
  Deno.test(`generate ${line.replaceAll(FIXTURES, "")} has arguments and annotation in keeping`, async () => {
    const stderr = line.includes("--from") ? /^condition [^]*$/ : SILENT;
    const result = await runCtlWith(["generate", ...line.split(" ")]);
    assert.match(result.stderr, stderr);
    const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, result.stdout);
    const ours = providers.find(({ name }) => name === "crio-credential-provider");
    assert.deepEqual(
      [ours?.args, ours?.tokenAttributes?.optionalServiceAccountAnnotationKeys],
      [args, keys],
    );
  });
}

Deno.test("merging keeps what the file's own provider is told, but for what is given anew", async () => {
  const before = (await provider(
    `${OURS} --arg=--pulled-images --arg=service-account --secrets-annotation a.io/b`,
  )).text;
  const kept = await provider(`${OURS} --merge -`, before);
  assert.deepEqual(kept.args, [
    "--pulled-images",
    "service-account",
    "--secrets-annotation=a.io/b",
  ]);
  assert.deepEqual(kept.keys, ["a.io/b"]);
  const anew = await provider(`${OURS} --merge - --pulled-images node`, before);
  assert.deepEqual(anew.args, ["--secrets-annotation=a.io/b", "--pulled-images=node"]);
});

for (const mode of PULLED_IMAGES) {
  Deno.test(`a comment says what --pulled-images ${mode} means, what the other would, and from when on`, async () => {
    const { text } = await provider(`${OURS} --pulled-images ${mode}`);
    const comment = text.slice(0, text.indexOf("apiVersion")).replaceAll(/\n?# ?/g, " ");
    assert.ok(
      comment.includes(`--pulled-images ${mode} (set here): ${PULLED_IMAGES_MEANING[mode]}.`),
    );
    for (const each of PULLED_IMAGES) assert.ok(comment.includes(PULLED_IMAGES_MEANING[each]));
    assert.match(
      comment,
      /from Kubernetes 1\.35 on, in 1\.34 with .* KubeletEnsureSecretPulledImages/,
    );
    assert.ok(text.split("\n").every((line) => line.length <= 100));
  });
}

Deno.test("the kubelet's configuration is the end-to-end run's, and takes arguments", async () => {
  const text = await generate(
    "kubelet-config --match-image docker.io --arg=--log-level=debug --audience a.example",
  );
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  const example = schemas.readManifest(
    schemas.CredentialProviderConfig,
    fixture("kubernetes/credential-provider-config.yaml"),
  ).providers;
  assert.equal(example.length, 1);
  assert.deepEqual(
    providers,
    example.map((provider) => ({
      ...provider,
      args: ["--log-level=debug"],
      tokenAttributes: { ...provider.tokenAttributes, serviceAccountTokenAudience: "a.example" },
    })),
  );
});

Deno.test("a pattern that means less than it seems is used with a warning", async () => {
  await generate(
    "kubelet-config --match-image *",
    undefined,
    /^warning: "\*" matches hosts of one/,
  );
});

Deno.test("overlaps are reported on stderr, and what is left goes to stdout", async () => {
  const stdin = fixture("openshift/ecr-credential-provider.yaml");
  const text = await generate(
    "kubelet-config --merge - --match-image quay.io --match-image 1.dkr.ecr.x.amazonaws.com " +
      "--match-image *.amazonaws.com",
    stdin,
    new RegExp(
      String
        .raw`^warning: "\*\.amazonaws\.com" overlaps "\*\.dkr\.ecr\.\*\.amazonaws\.com" of ecr-credential-provider: left out.*\nwarning: "1\.dkr.* of ecr-credential-provider: the kubelet runs both.*\n$`,
    ),
  );
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  assert.deepEqual(providers.map(({ matchImages }) => matchImages.at(-1)), [
    "*.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
    "1.dkr.ecr.x.amazonaws.com",
  ]);
  const none = await runCtlWith(
    ["generate", "kubelet-config", "--merge", ECR, "--match-image", "*.amazonaws.com"],
  );
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(none.stderr, /^error: matchImages: no entry is left/m);
});

Deno.test("a provider file that the kubelet would refuse is not merged into", async () => {
  const stdin = fixture("openshift/ecr-credential-provider.yaml").replace("name: ecr", "name: e/c");
  const result = await runCtlWith(
    ["generate", "kubelet-config", "--match-image", "quay.io", "--merge", "-"],
    stdin,
  );
  assert.deepEqual([result.code, result.stdout], [1, ""]);
  assert.match(
    result.stderr,
    /^error: stdin: "providers\[0\]\.name" "e\/c-credential-provider" has/,
  );
});

Deno.test("generate kubelet-config merges the entries of OpenShift's resource into a provider file", async () => {
  const args = ["generate", "kubelet-config", "--from", RESOURCE, "--merge", ECR];
  const { code, stdout, stderr } = await runCtlWith(args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /name: ecr-credential-provider\n[^]*name: crio-credential-provider\n/);
});
