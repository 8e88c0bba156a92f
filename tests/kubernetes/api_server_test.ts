import assert from "node:assert/strict";
import { findApiServer, parseEnvFile } from "../../src/kubernetes/api_server.ts";
import { CertificateAuthority } from "../support/ca.ts";
import { type TempNode, tempNode } from "../support/temp_node.ts";

Deno.test("an env file holds shell-style assignments", () => {
  const text = [
    "# KUBERNETES_SERVICE_HOST=comment",
    "A=plain",
    `B="double quoted"`,
    "C='single # quoted'",
    "export D=exported # comment",
    "  E=  ",
    "F=last\r",
    "F=wins",
    "not an assignment",
  ].join("\n");
  assert.deepEqual(Object.fromEntries(parseEnvFile(text)), {
    A: "plain",
    B: "double quoted",
    C: "single # quoted",
    D: "exported",
    E: "",
    F: "wins",
  });
});

const ca = await CertificateAuthority.create("cluster");
const otherCa = await CertificateAuthority.create("other");

/** Lays a node out, finds its API server, and says what was found. */
async function find(
  prepare: (node: TempNode) => Promise<void>,
  settings: Parameters<typeof tempNode>[0] = {},
) {
  await using node = await tempNode(settings);
  await prepare(node);
  const found = await findApiServer(node.settings);
  return {
    ...found,
    origin: found.origin.replace(node.root, ""),
    caOrigin: found.caOrigin.replace(node.root, ""),
  };
}

const noCaFile = { settings: { caFile: "" } };
const server = "https://api.example.com:6443";

Deno.test("the setting counts before the env file and the kubeconfig", async () => {
  const found = await find(async (node) => {
    await node.writeCa(ca.certificatePem);
    await node.writeApiserverEnv("env.example.com", 6443);
    await node.writeKubeconfig({ server: "https://kubeconfig.example.com:6443" });
  }, { settings: { apiserver: server } });
  assert.deepEqual([found.url, found.origin], [server, "--apiserver"]);
});

Deno.test("the env file counts before the kubeconfig, and an IPv6 address gets its brackets", async () => {
  for (
    const [host, url] of [["fd00::1", "https://[fd00::1]:6443"], ["a.io", "https://a.io:6443"]]
  ) {
    const found = await find(async (node) => {
      await node.writeCa(ca.certificatePem);
      await node.writeApiserverEnv(host ?? "", 6443);
      await node.writeKubeconfig({ server });
    });
    assert.deepEqual([found.url, found.origin], [url, "/etc/kubernetes/apiserver-url.env"]);
  }
});

Deno.test("the kubeconfig gives the server and the CA that it carries", async () => {
  const found = await find(
    (node) => node.writeKubeconfig({ server, caPem: ca.certificatePem }),
    noCaFile,
  );
  assert.equal(found.url, server);
  assert.equal(found.ca, ca.certificatePem);
  assert.equal(found.caOrigin, "certificate-authority-data of /etc/kubernetes/kubelet.conf");
});

Deno.test("the CA that a kubeconfig carries may have a comment that is not UTF-8", async () => {
  const found = await find(async (node) => {
    const bytes = new TextEncoder().encode(`?\n${ca.certificatePem}`);
    bytes[0] = 0xe4;
    await node.writeKubeconfig({ server, caPem: ca.certificatePem });
    const kubeconfig = node.settings.kubeconfig[0] ?? "";
    const text = await Deno.readTextFile(kubeconfig);
    const carried = new TextEncoder().encode(ca.certificatePem).toBase64();
    assert.ok(text.includes(carried));
    await Deno.writeTextFile(kubeconfig, text.replace(carried, bytes.toBase64()));
  }, noCaFile);
  assert.equal(found.ca, `\ufffd\n${ca.certificatePem}`);
});

Deno.test("the kubeconfig's CA file may be relative to the kubeconfig", async () => {
  const found = await find(async (node) => {
    await node.write(node.path("etc/kubernetes/ca/own.crt"), ca.certificatePem);
    await node.writeKubeconfig({ server, caFile: "ca/own.crt" });
  }, noCaFile);
  assert.deepEqual([found.ca, found.caOrigin], [
    ca.certificatePem,
    "/etc/kubernetes/ca/own.crt",
  ]);
});

Deno.test("the setting's CA counts before the kubeconfig's", async () => {
  const found = await find(async (node) => {
    await node.writeCa(ca.certificatePem);
    await node.writeKubeconfig({ server, caPem: otherCa.certificatePem });
  });
  assert.equal(found.ca, ca.certificatePem);
});

Deno.test("the kubeconfig's tls-server-name is for its own server alone", async () => {
  const prepare = (node: TempNode) =>
    node.writeKubeconfig({ server, caPem: ca.certificatePem, tlsServerName: "kubernetes" });
  const same = await find(prepare, { settings: { caFile: "", apiserver: server } });
  assert.equal(same.tlsServerName, "kubernetes");
  const other = await find(prepare, { settings: { caFile: "", apiserver: "https://other.io" } });
  assert.equal(other.tlsServerName, "");
});

Deno.test("a kubeconfig that turns verification off does not: its CA is needed all the same", async () => {
  const text = `current-context: a
contexts: [{name: a, context: {cluster: a}}]
clusters: [{name: a, cluster: {server: "${server}", insecure-skip-tls-verify: true,
  certificate-authority: nothing.crt}}]`;
  await assert.rejects(
    find((node) => node.write(node.settings.kubeconfig[0] ?? "", text), noCaFile),
    /etc\/kubernetes\/nothing\.crt: no CA for the API server found: .*; pass --ca-file/,
  );
});

Deno.test("the CA that a kubeconfig carries counts before the CA file that it names", async () => {
  const found = await find(
    (node) =>
      node.writeKubeconfig({ server, caPem: ca.certificatePem, caFile: "/nonexistent/ca.crt" }),
    noCaFile,
  );
  assert.equal(found.ca, ca.certificatePem);
});

Deno.test("where nothing names a CA, kubeadm's file is the one", async () => {
  // The machine that runs the tests may have such a file.
  const outcome = await find((node) => node.writeKubeconfig({ server }), noCaFile)
    .then(({ caOrigin }) => caOrigin, String);
  assert.match(outcome, /\/etc\/kubernetes\/pki\/ca\.crt(?:$|: no CA for the API server found)/);
});

Deno.test("of several kubeconfigs the first that exists counts", async () => {
  await using node = await tempNode();
  await node.writeCa(ca.certificatePem);
  const second = node.path("var/lib/kubelet/kubeconfig");
  const settings = { ...node.settings, kubeconfig: [...node.settings.kubeconfig, second] };
  await node.writeKubeconfig({ server });
  await Deno.rename(node.settings.kubeconfig[0] ?? "", node.path("moved"));
  await node.write(second, await Deno.readTextFile(node.path("moved")));
  assert.deepEqual([(await findApiServer(settings)).origin], [second]);
  await node.writeKubeconfig({ server: "https://first.example.com" });
  assert.equal((await findApiServer(settings)).url, "https://first.example.com");
});

Deno.test("a kubeconfig of which nothing is needed is not read", async () => {
  const found = await find(async (node) => {
    await node.writeCa(ca.certificatePem);
    await node.write(node.settings.kubeconfig[0] ?? "", "broken: [");
  }, { settings: { apiserver: server } });
  assert.equal(found.url, server);
});

Deno.test("the kubelet's own configuration, which OpenShift keeps as kubelet.conf, is no kubeconfig", async () => {
  await using node = await tempNode(noCaFile);
  const kubeconfig = node.path("var/lib/kubelet/kubeconfig");
  await node.writeKubeconfig({ server, caPem: ca.certificatePem });
  const text = await Deno.readTextFile(node.settings.kubeconfig[0] ?? "");
  await node.write(kubeconfig, text);
  await node.write(node.settings.kubeconfig[0] ?? "", {
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    staticPodPath: "/etc/kubernetes/manifests",
  });
  await node.writeApiserverEnv("api-int.example.com", 6443);
  const settings = {
    ...node.settings,
    kubeconfig: [...node.settings.kubeconfig, kubeconfig],
  };
  const found = await findApiServer(settings);
  assert.equal(found.url, "https://api-int.example.com:6443");
  assert.equal(found.caOrigin, `certificate-authority-data of ${kubeconfig}`);
});

Deno.test("a node that says nothing is a control-plane node", async () => {
  const found = await find((node) => node.writeCa(ca.certificatePem));
  assert.deepEqual([found.url, found.origin], ["https://localhost:6443", "the default"]);
});

const REFUSED: readonly [
  name: string,
  prepare: (node: TempNode) => Promise<void>,
  error: RegExp,
][] = [
  [
    "an env file without a port",
    (node) => node.write(node.settings.apiserverEnvFile, "KUBERNETES_SERVICE_HOST=a.io"),
    /apiserver-url\.env: KUBERNETES_SERVICE_PORT is missing; set it or pass --apiserver/,
  ],
  [
    "an env file without a host",
    (node) => node.write(node.settings.apiserverEnvFile, "KUBERNETES_SERVICE_PORT='6443'"),
    /apiserver-url\.env: KUBERNETES_SERVICE_HOST is missing; set it or pass --apiserver/,
  ],
  [
    "an env file with a port that is none",
    (node) =>
      node.write(
        node.settings.apiserverEnvFile,
        "KUBERNETES_SERVICE_HOST=a.io\nKUBERNETES_SERVICE_PORT=x",
      ),
    /"a\.io:x" is not a host and a port/,
  ],
  [
    "a kubeconfig whose server is plain http",
    (node) => node.writeKubeconfig({ server: "http://a.io", caPem: ca.certificatePem }),
    /kubelet\.conf: "server" is not an https URL: "http:\/\/a\.io"/,
  ],
  [
    "a kubeconfig that is no YAML",
    (node) => node.write(node.settings.kubeconfig[0] ?? "", "users:\n  - token: s3cret\n :"),
    /kubelet\.conf:\d+:\d+: not valid YAML/,
  ],
  [
    "a kubeconfig that is no kubeconfig",
    (node) => node.write(node.settings.kubeconfig[0] ?? "", "s3cret"),
    /kubelet\.conf: it must be an object/,
  ],
  [
    "a kubeconfig whose context is missing",
    (node) => node.write(node.settings.kubeconfig[0] ?? "", "current-context: a\ncontexts: []"),
    /kubelet\.conf: "current-context" names no context: "a"/,
  ],
  [
    "a kubeconfig whose cluster is missing",
    (node) =>
      node.write(
        node.settings.kubeconfig[0] ?? "",
        "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]",
      ),
    /kubelet\.conf: the context names no cluster: "b"/,
  ],
  [
    "a kubeconfig whose CA is no base64",
    (node) =>
      node.write(
        node.settings.kubeconfig[0] ?? "",
        "current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\n" +
          "clusters: [{name: a, cluster: {server: 'https://a.io', certificate-authority-data: '!'}}]",
      ),
    /"certificate-authority-data" is not base64/,
  ],
  [
    "a CA file that is not there",
    (node) => node.writeKubeconfig({ server, caFile: "/nonexistent/ca.crt" }),
    /\/nonexistent\/ca\.crt: no CA for the API server found: .*; pass --ca-file/,
  ],
  [
    "a CA file that holds no certificate",
    async (node) => {
      await node.write(node.path("ca.crt"), "s3cret");
      await node.writeKubeconfig({ server, caFile: node.path("ca.crt") });
    },
    /ca\.crt: has no PEM certificate; pass another CA bundle with --ca-file/,
  ],
];

for (const [name, prepare, error] of REFUSED) {
  Deno.test(`${name} is refused, and its content is not quoted`, async () => {
    await assert.rejects(find(prepare, noCaFile), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}
