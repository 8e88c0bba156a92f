import assert from "node:assert/strict";
import { parseKubeconfig } from "../../src/kubernetes/kubeconfig.ts";

async function fixture(name: string) {
  const url = new URL(`../../fixtures/kubeconfigs/${name}.yaml`, import.meta.url);
  const cluster = await parseKubeconfig(await Deno.readTextFile(url), "kubelet.conf");
  assert.ok(cluster !== undefined, "not taken for a kubeconfig");
  return cluster;
}

Deno.test("kubeadm's kubeconfig carries its CA", async () => {
  const { certificateAuthorityData, ...rest } = await fixture("kubeadm");
  assert.deepEqual(rest, {
    server: "https://10.0.0.10:6443",
    certificateAuthority: "",
    tlsServerName: "",
  });
  const pem = new TextDecoder().decode(Uint8Array.fromBase64(certificateAuthorityData));
  assert.match(pem, /^-----BEGIN CERTIFICATE-----\n/);
});

Deno.test("OpenShift's kubeconfig names a CA file", async () => {
  assert.deepEqual(await fixture("openshift"), {
    server: "https://api-int.prod.example.com:6443",
    certificateAuthority: "/etc/kubernetes/ca.crt",
    certificateAuthorityData: "",
    tlsServerName: "",
  });
});

Deno.test("of several clusters the current context's counts, with YAML's anchors followed", async () => {
  assert.deepEqual(await fixture("several-clusters"), {
    server: "https://proxy.example.com/k8s/clusters/c-1/",
    certificateAuthority: "pki/direct.crt",
    certificateAuthorityData: "",
    tlsServerName: "kubernetes.default.svc",
  });
});

Deno.test("what a cluster does not set is empty", async () => {
  const text = "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]\nclusters: " +
    "[{name: a}, {name: b, cluster: {certificate-authority: null}}]";
  assert.deepEqual(await parseKubeconfig(text, "kubelet.conf"), {
    server: "",
    certificateAuthority: "",
    certificateAuthorityData: "",
    tlsServerName: "",
  });
});

const REFUSED: readonly [name: string, text: string, error: RegExp][] = [
  ["nothing", "", /^f: is empty, expected a kubeconfig$/],
  ["comments alone", "# s3cret\n", /^f: is empty, expected a kubeconfig$/],
  ["an empty document", "---\n", /^f: it must be an object$/],
  [
    "tabs for indentation",
    "contexts:\n\t- name: s3cret",
    /^f:2:\d+: not valid YAML: a tab is used for indentation$/,
  ],
  ["two documents", "a: 1\n---\ns3cret: 2", /^f: has more than one YAML document$/],
  [
    "a key twice",
    "current-context: a\ncurrent-context: s3cret",
    /^f:\d+:\d+: not valid YAML: a key is there twice$/,
  ],
  ["an unknown anchor", "current-context: *s3cret", /^f:1:\d+: not valid YAML$/],
  ["no current context", "contexts: []", /^f: "current-context" is missing$/],
  [
    "a context without a cluster",
    "current-context: a\ncontexts: [{name: a}]",
    /^f: "current-context" names no context: "a"$/,
  ],
  [
    "a context that names no cluster",
    "current-context: a\ncontexts: [{name: a, context: {user: s3cret}}]",
    /^f: the context names no cluster: ""$/,
  ],
  [
    "a cluster's name without the cluster",
    "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]\nclusters: [{name: b}]",
    /^f: the context names no cluster: "b"$/,
  ],
  [
    "contexts that are no list",
    "current-context: a\ncontexts: {a: s3cret}",
    /^f: "contexts" must be an array$/,
  ],
  [
    "a nameless cluster",
    "current-context: a\nclusters: [{cluster: {server: s3cret}}]",
    /^f: "clusters\[0\]\.name" is missing$/,
  ],
  [
    "a server that is no text",
    "current-context: a\nclusters: [{name: a, cluster: {server: 6443}}]",
    /^f: "clusters\[0\]\.cluster\.server" must be a string$/,
  ],
];

for (const [name, text, error] of REFUSED) {
  Deno.test(`a kubeconfig that holds ${name} is refused, and its content is not quoted`, async () => {
    await assert.rejects(() => parseKubeconfig(text, "f"), (thrown: Error) => {
      assert.equal(thrown.name, "UserError");
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}
