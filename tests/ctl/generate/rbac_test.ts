import assert from "node:assert/strict";
import { loadAll } from "js-yaml";
import { parseSecretNames } from "../../../src/kubernetes/secrets/secret_names.ts";
import { runCtlWith } from "../../support/ctl.ts";
import * as schemas from "../../support/manifest_schemas.ts";
import { ECR, fixture, generate } from "../../support/generated.ts";

Deno.test("the RBAC of a namespace and all nodes is what the end-to-end run has proved", async () => {
  const documents = loadAll(await generate("rbac --namespace default --all-nodes"));
  assert.deepEqual(documents, [
    ...loadAll(fixture("kubernetes/node-rbac.yaml")),
    ...loadAll(fixture("kubernetes/namespace-rbac.yaml")),
  ]);
  const kinds = [
    schemas.ClusterRole,
    schemas.ClusterRoleBinding,
    schemas.Role,
    schemas.RoleBinding,
  ];
  kinds.forEach((schema, index) => {
    schemas.readManifest(schema, JSON.stringify(documents[index]));
  });
});

Deno.test("the RBAC of the nodes names the audience of a provider file", async () => {
  const [role] = loadAll(await generate(`rbac --all-nodes --from ${ECR}`, undefined, /^$/));
  assert.deepEqual([role], loadAll(fixture("openshift/node-rbac.yaml")).slice(0, 1));
});

/** Audiences that are none, or all of them, or that write lines of their own. */
const NO_AUDIENCES = ["", "*", "a\nb", "a\tb", "a\u001b[31m", "a\u007f", "a\u0085b"];

for (
  const line of [
    "rbac --all-nodes",
    "checks --namespace team --node worker-1",
    "kubelet-config --match-image a.io",
    "machine-config --role worker --platform none --match-image a.io",
  ]
) {
  Deno.test(`generate ${line} takes no audience that is not one`, async () => {
    for (const audience of NO_AUDIENCES) {
      const words = ["generate", ...line.split(" "), "--audience", audience];
      const { code, stdout, stderr } = await runCtlWith(words);
      assert.deepEqual([code, stdout], [2, ""], JSON.stringify(audience));
      assert.match(stderr, /^error: --audience: (?:is empty, and )?must name one audience; .*\n$/);
    }
  });
}

Deno.test("the RBAC of the nodes opens no more than one audience, whatever a provider file has", async () => {
  const file = await generate("kubelet-config --match-image a.io --audience b.example");
  // Without one the file names none.
  for (const audience of NO_AUDIENCES.slice(1)) {
    const text = file.replace("b.example", JSON.stringify(audience));
    const words = ["generate", "rbac", "--all-nodes", "--from", "-"];
    const { code, stdout, stderr } = await runCtlWith(words, text);
    assert.deepEqual([code, stdout], [1, ""], JSON.stringify(audience));
    assert.match(
      stderr,
      /^error: stdin: "serviceAccountTokenAudience" .* must name one audience; /,
    );
  }
});

Deno.test("of a secret that is named twice the last place counts, in rbac and in checks", async () => {
  const secrets = "--secret a --secret b --secret a";
  const named = /crio-credential-provider\/secrets=b,a\n/;
  await generate(`rbac --namespace team ${secrets}`, undefined, named);
  const script = await generate(`checks --namespace team --node worker-1 ${secrets}`);
  assert.match(script, /secrets=b,a\b/);
});

Deno.test("nodes are bound one by one, each to its own user", async () => {
  const [role, ...bindings] = loadAll(
    await generate(
      "rbac --node worker-0 --node w1.example.com --node worker-0 --audience a.example",
    ),
  );
  const { rules } = schemas.readManifest(schemas.ClusterRole, JSON.stringify(role));
  assert.deepEqual(rules[1], {
    apiGroups: [""],
    resources: ["a.example"],
    verbs: ["request-serviceaccounts-token-audience"],
  });
  const read = bindings.map((each) =>
    schemas.readManifest(schemas.ClusterRoleBinding, JSON.stringify(each))
  );
  assert.deepEqual(
    read.map(({ metadata, subjects }) => [metadata.name, ...subjects.map(({ name }) => name)]),
    [
      ["crio-credential-provider-node:worker-0", "system:node:worker-0"],
      ["crio-credential-provider-node:w1.example.com", "system:node:w1.example.com"],
    ],
  );
});

Deno.test("service accounts of a namespace share one binding", async () => {
  const line = "rbac --namespace team --service-account a --service-account b --service-account a";
  const [, binding] = loadAll(await generate(line));
  const { subjects } = schemas.readManifest(schemas.RoleBinding, JSON.stringify(binding));
  assert.deepEqual(subjects, [
    { kind: "ServiceAccount", name: "a", namespace: "team" },
    { kind: "ServiceAccount", name: "b", namespace: "team" },
  ]);
});

Deno.test("secrets that are named are opened by name, for each service account by a Role of its own", async () => {
  const text = await generate(
    "rbac --namespace team --service-account a --service-account b " +
      "--secret pull-secret --secret docker-hub --secret pull-secret",
    undefined,
    /^(?:let the account name them: kubectl annotate serviceaccount [ab] -n team --overwrite crio-credential-provider\/secrets=docker-hub,pull-secret\n){2}$/,
  );
  const documents = loadAll(text).map((document) => JSON.stringify(document));
  assert.equal(documents.length, 4);
  for (const [index, account] of ["a", "b"].entries()) {
    const metadata = { name: `crio-credential-provider-${account}`, namespace: "team" };
    const role = schemas.readManifest(schemas.Role, documents[2 * index] ?? "");
    assert.deepEqual([role.metadata, role.rules], [metadata, [{
      apiGroups: [""],
      resources: ["secrets"],
      resourceNames: ["docker-hub", "pull-secret"],
      verbs: ["get"],
    }]]);
    const binding = schemas.readManifest(schemas.RoleBinding, documents[2 * index + 1] ?? "");
    assert.deepEqual([binding.metadata, binding.roleRef.name, binding.subjects], [
      metadata,
      metadata.name,
      [{ kind: "ServiceAccount", name: account, namespace: "team" }],
    ]);
  }
});

Deno.test("the command for the annotation writes what the plugin reads, under the key given", async () => {
  const result = await runCtlWith(
    ["generate", "rbac", "--namespace", "team", "--secret", "b", "--secret", "a"]
      .concat(["--secrets-annotation", "example.com/pull"]),
  );
  const [, value = ""] = /example\.com\/pull=(\S+)\n$/.exec(result.stderr) ?? [];
  const account = { namespace: "team", name: "default" };
  assert.deepEqual(parseSecretNames(value, "", account).names, ["b", "a"]);
});

Deno.test("generate rbac refuses a file in which the provider has no audience", async () => {
  const file = JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1",
    kind: "CredentialProviderConfig",
    providers: [{
      name: "crio-credential-provider",
      apiVersion: "credentialprovider.kubelet.k8s.io/v1",
      matchImages: ["docker.io"],
      defaultCacheDuration: "0s",
    }],
  });
  const { code, stderr } = await runCtlWith(["generate", "rbac", "--all-nodes", "--from=-"], file);
  assert.equal(code, 1);
  assert.match(stderr, /no provider crio-credential-provider with "serviceAccountTokenAudience"/);
});
