import assert from "node:assert/strict";
import { CHECK_NAMES } from "../../../src/ctl/doctor/check.ts";
import { DEFAULT_SETTINGS } from "../../../src/settings/settings.ts";
import { ApiServer } from "../../support/api_server.ts";
import { runCtlWith } from "../../support/ctl.ts";
import { CONFIG, DOCUMENTED, NodeCopy, PLUGIN, PLUGIN_DIRECTORY } from "../../support/node_copy.ts";

/** The findings that are not as they are on a node that is ready. */
async function differences(
  prepare: (node: NodeCopy) => Promise<void>,
  args: readonly string[] = [],
  stdin?: string,
): Promise<string[]> {
  await using node = await NodeCopy.create();
  const before = new Set(await node.findings());
  await prepare(node);
  return (await node.findings(args, stdin)).filter((finding) => !before.has(finding));
}

Deno.test("a node that is ready passes every check, and nothing of it is changed", async () => {
  await using node = await NodeCopy.create();
  const findings = await node.findings();
  for (const finding of findings) assert.match(finding, /^pass [^]* -> $/);
  const told = new Set(findings.map((finding) => finding.split(/[ :]/)[1]));
  const untold = CHECK_NAMES.filter((name) => !told.has(name));
  // What only a running node or one with containerd has, and what this one leaves to its defaults.
  assert.deepEqual(untold, [
    "provider-arguments",
    "containerd-config",
    "hosts-toml",
    "in-use",
    "journald",
  ]);
  assert.ok(!findings.some((finding) => finding.includes(node.root)));
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${node.root}/etc/crio/auth`)), []);
  assert.deepEqual(node.api.requests.map(({ path, authorized }) => [path, authorized]), [
    ["/version", false],
  ]);
});

Deno.test("people get a line for each finding, and what to do below it", async () => {
  await using node = await NodeCopy.create();
  const ready = await node.run();
  assert.equal(ready.code, 0);
  assert.match(
    ready.stdout,
    /^ok {4}provider-config {7}\/etc\/kubernetes\/credential-provider-config/,
  );
  assert.match(ready.stdout, /\n\nResult: this node is ready, 0 failures, \d warnings?\n[^\n]*\n$/);
  assert.match(
    ready.stdout,
    /\nThe cluster's side .*: crio-credential-ctl generate checks --namespace .*\n$/,
  );
  await node.remove(PLUGIN);
  await node.write("/etc/containers/registries.conf", "unqualified-search-registries = []\n");
  const { code, stdout } = await node.run();
  assert.equal(code, 1);
  assert.match(stdout, /\nFAIL {2}provider-directory .*does not exist; .*\n {28}-> install it as/);
  assert.match(stdout, /\nWARN {2}registries {12}1 file read: no registry has mirrors/);
  assert.match(stdout, /\nResult: this node is not ready, 1 failure, \d warnings\n[^\n]*\n$/);
});

Deno.test("control characters in what was found do not reach a terminal", async () => {
  await using node = await NodeCopy.create();
  await node.write("/etc/crio/auth/a\u001b[31mb\nc", "");
  const { stdout } = await node.run();
  assert.match(stdout, /has foreign files: a\\u001b\[31mb\\u000ac/);
});

const PULLED_IMAGES_ON = `kind: KubeletConfiguration
featureGates:
  KubeletEnsureSecretPulledImages: true
`;
const RECORD = JSON.stringify({
  kind: "ImagePulledRecord",
  apiVersion: "imagemanager.kubelet.config.k8s.io/v1beta1",
  lastUpdatedTime: "2026-01-01T00:00:00Z",
  imageRef: "docker.io/team/app@sha256:1",
  credentialMapping: { "docker.io/team/app": { nodePodsAccessible: true } },
});

const NODES: readonly [
  name: string,
  prepare: (node: NodeCopy) => Promise<void>,
  expected: readonly RegExp[],
  args?: readonly string[],
  stdin?: string,
][] = [
  [
    "no provider configuration",
    (node) => node.remove(CONFIG),
    [
      /^fail provider-config: --image-credential-provider-config: is in no file .* --config, or pass .*: --kubelet-cmdline - < \/proc/,
      /^pass provider-directory: .* has the plugin/,
    ],
  ],
  [
    "a configuration elsewhere",
    async (node) => {
      await node.remove(CONFIG);
      await node.write("/etc/other/b.yaml", DOCUMENTED);
      await node.write("/etc/other/a.txt", "{");
    },
    [/^pass provider-config: \/etc\/other \(--config\): 1 provider/],
    ["--config", "/etc/other/"],
  ],
  [
    "the same provider twice in a directory",
    async (node) => {
      await node.write("/etc/other/a.yml", DOCUMENTED);
      await node.write("/etc/other/b.json", DOCUMENTED);
    },
    [/^fail provider-config: \/etc\/other\/b\.json: provider .* is in \/etc\/other\/a\.yml as well/],
    ["--config=/etc/other"],
  ],
  [
    "a configuration that kubeadm's file names",
    async (node) => {
      await node.write("/etc/other.yaml", DOCUMENTED);
      await node.write(
        "/var/lib/kubelet/kubeadm-flags.env",
        `KUBELET_KUBEADM_ARGS="--image-credential-provider-config=/etc/other.yaml"\n`,
      );
    },
    [/^pass provider-config: \/etc\/other\.yaml \(\/var\/lib\/kubelet\/kubeadm-flags\.env\)/],
  ],
  [
    "a configuration that the unit's drop-in names",
    async (node) => {
      await node.write("/etc/other.yaml", DOCUMENTED);
      await node.write("/etc/default/kubelet", "A=--image-credential-provider-config=/etc/no.yaml");
      await node.write(
        "/etc/systemd/system/kubelet.service.d/40-x.conf",
        `[Service]\nEnvironment="A=--image-credential-provider-config=/etc/other.yaml"\n`,
      );
    },
    [/^pass provider-config: \/etc\/other\.yaml \(\/etc\/systemd\/.*\/40-x\.conf\)/],
  ],
  [
    "a running kubelet",
    (node) =>
      node.write("/etc/default/kubelet", "A=--image-credential-provider-config=/etc/no.yaml"),
    [
      /^pass provider-config: .*credential-provider-config\.yaml \(the kubelet's command line\)/,
      /^pass provider-directory: .* \(the kubelet's command line\)/,
    ],
    ["--kubelet-cmdline", "-"],
    `/usr/bin/kubelet\0--image-credential-provider-config=${CONFIG}\0` +
    `--image-credential-provider-bin-dir\0${PLUGIN_DIRECTORY}\0`,
  ],
  [
    "a running kubelet without providers",
    () => Promise.resolve(),
    [
      /^fail provider-config: --image-credential-provider-config: is not among the flags of the runn/,
      /^fail provider-directory: --image-credential-provider-bin-dir: is not among/,
    ],
    ["--kubelet-cmdline=-"],
    "/usr/bin/kubelet\0--v=2\0",
  ],
  [
    "a running kubelet whose command line nobody asked for",
    () => Promise.resolve(),
    [],
    [],
    "/usr/bin/kubelet\0--v=2\0",
  ],
  [
    "the gate off in a drop-in of the kubelet's configuration",
    (node) =>
      node.write(
        "/etc/kubelet.d/10.conf",
        "kind: KubeletConfiguration\nfeatureGates:\n" +
          "  KubeletServiceAccountTokenForCredentialProviders: false\n",
      ),
    [
      /^pass provider-config: /,
      /^pass provider-directory: /,
      /^fail feature-gate: .* is off in \/etc\/kubelet\.d\/10\.conf/,
    ],
    ["--kubelet-cmdline", "-"],
    `/usr/bin/kubelet\0--image-credential-provider-config=${CONFIG}\0` +
    `--image-credential-provider-bin-dir=${PLUGIN_DIRECTORY}\0--config-dir=/etc/kubelet.d\0`,
  ],
  [
    "the kubelet's configuration elsewhere",
    async (node) => {
      await node.write("/etc/k/config.yaml", "featureGates: {AllBeta: true}\n");
      await node.write("/etc/k/drops/00.conf", "featureGates: {AllBeta: false}\n");
      await node.write("/etc/k/drops/10.txt", "featureGates: {AllBeta: true}\n");
    },
    [/^fail feature-gate: .* is off by AllBeta in \/etc\/k\/drops\/00\.conf/],
    ["--kubelet-config", "/etc/k/drops", "--kubelet-config=/etc/k/config.yaml"],
  ],
  [
    "a plugin that is not executable",
    (node) => Deno.chmod(node.root + PLUGIN, 0o644),
    [/^fail provider-directory: .* is not executable; .* -> chmod 0755 \/usr\/libexec/],
  ],
  [
    "another program in the plugin's place",
    (node) => node.write(PLUGIN, "#!/bin/sh\n"),
    [
      /^pass provider-environment: sets all variables/,
      /^fail sandbox: .*: is not a build of this project/,
    ],
  ],
  [
    "arguments that lead out of the sandbox",
    (node) =>
      node.write(CONFIG, DOCUMENTED.replace("    env:", "    args: [--auth-dir=/b]\n    env:")),
    [
      /^pass provider-arguments: --auth-dir=\/b/,
      /^pass auth-directory: \/b does not exist yet/,
      /^fail sandbox: .* may not read \/b: it was built with other settings/,
      /^fail sandbox: .* may not write \/b/,
      /^fail crio-config: namespaced_auth_dir is "\/etc\/crio\/auth" .* the plugin writes to \/b/,
    ],
  ],
  [
    "a flag over the arguments",
    (node) =>
      node.write(CONFIG, DOCUMENTED.replace("    env:", "    args: [--auth-dir=/b]\n    env:")),
    [/^pass provider-arguments/],
    ["--auth-dir=/etc/crio/auth"],
  ],
  [
    "a broken drop-in",
    (node) =>
      node.write("/etc/containers/registries.conf.d/x.conf", "[[registry]]\nlocation = 1\n"),
    [
      /^skip match-images: not checked: whether the entries cover/,
      /^fail registries: \/etc\/containers\/registries\.conf\.d\/x\.conf: "registry\[0\]\.location" must/,
      /^skip mirrors: not checked: the registries files could not be read completely -> $/,
      /^skip short-names: not checked/,
      /^skip crio-reload: not checked/,
      /^skip pause-image: not checked/,
    ],
  ],
  [
    "a registries file that is a directory",
    async (node) => {
      await node.remove("/etc/containers/registries.conf");
      await node.write("/etc/containers/registries.conf/x", "");
    },
    [
      /^skip match-images: not checked: whether the entries cover/,
      /^fail registries: .*: is a directory, expected a file/,
      /^skip mirrors: not checked: the registries files could not be read completely -> $/,
      /^skip short-names: not checked/,
      /^skip crio-reload: not checked/,
      /^skip pause-image: not checked/,
    ],
  ],
  [
    "a mirrored registry that the kubelet does not know of",
    (node) =>
      node.write(
        "/etc/containers/registries.conf.d/x.conf",
        `[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "m.io"\n`,
      ),
    [
      /^warn match-images: quay\.io \(\/etc\/containers\/registries\.conf\.d\/x\.conf\) has mirrors/,
      /^pass registries: 2 files read: docker\.io \(1 mirror\), quay\.io \(1 mirror\)/,
      /^pass mirrors: 2 mirrors/,
    ],
  ],
  [
    "files that were left behind",
    async (node) => {
      const name = `/etc/crio/auth/team-${"0".repeat(64)}.json`;
      await node.write(name, "{}");
      await node.write("/etc/crio/auth/in-use/x", "{}");
      for (const path of [name, "/etc/crio/auth/in-use/x"]) {
        await Deno.chmod(node.root + path, 0o600);
        await Deno.utime(node.root + path, new Date(0), new Date(Date.now() - 7_300_000));
      }
    },
    [
      /^warn auth-files: .* has 1 auth file that CRI-O never took, the oldest 2h old/,
      /^warn in-use: .* has 1 file with credentials, older than any pull: .* these: x \(2h\) -> remove/,
    ],
  ],
  [
    "a global auth file",
    async (node) => {
      await node.write(
        "/var/lib/kubelet/config.json",
        `{"credHelpers": {"localhost:5000": "pass"}}`,
      );
      await Deno.chmod(`${node.root}/var/lib/kubelet/config.json`, 0o600);
    },
    [/^warn global-auth-file: .*"credHelpers" has "localhost:5000"/],
  ],
  [
    "a broken global auth file",
    (node) => node.write("/var/lib/kubelet/config.json", "{"),
    [/^fail global-auth-file: \/var\/lib\/kubelet\/config\.json: not valid JSON/],
  ],
  [
    "a provider file that passes no annotation on",
    (node) =>
      node.write(CONFIG, DOCUMENTED.replace(/ +optionalServiceAccountAnnot[^]*?secrets\n/, "")),
    [/^warn provider-config: the kubelet does not pass the annotation crio-credential-provider\/sec/],
  ],
  [
    "a provider file that passes another annotation on than its arguments name",
    (node) =>
      node.write(
        CONFIG,
        DOCUMENTED.replace("    env:", "    args: [--secrets-annotation=a.io/b]\n    env:"),
      ),
    [
      /^warn provider-config: the kubelet does not pass the annotation a\.io\/b on/,
      /^pass provider-arguments/,
    ],
  ],
  [
    "pulled images that are the service account's, and a record that is every pod's",
    async (node) => {
      await node.write("/var/lib/kubelet/config.yaml", PULLED_IMAGES_ON);
      await node.write(
        CONFIG,
        DOCUMENTED.replace("    env:", "    args: [--pulled-images=service-account]\n    env:"),
      );
      const directory = "/var/lib/kubelet/image_manager/pulled";
      await node.write(`${directory}/sha256-${"0".repeat(64)}`, RECORD);
      // Not the kubelet's.
      await node.write(`${directory}/.tmp`, "{");
    },
    [
      /^pass provider-arguments/,
      /^pass pulled-images: --pulled-images service-account: .* is on in \/var\/lib\/kubelet\/config\.yaml/,
      /^warn pulled-images: 1 image of mirrored registries is recorded as open .*: docker\.io\/team\/app ->/,
    ],
  ],
  [
    "a kubelet's root directory that its flags name",
    async (node) => {
      await node.write("/var/lib/kubelet/config.yaml", PULLED_IMAGES_ON);
      await node.write("/etc/default/kubelet", "A=--root-dir=/data/kubelet");
      const directory = "/data/kubelet/image_manager/pulled";
      await node.write(`${directory}/sha256-${"0".repeat(64)}`, RECORD);
    },
    [/^pass pulled-images: --pulled-images node/, /^pass pulled-images: 1 image/],
  ],
  [
    "a kubelet's root directory that the command line names, with a broken record",
    async (node) => {
      await node.write("/var/lib/kubelet/config.yaml", PULLED_IMAGES_ON);
      const directory = "/data/kubelet/image_manager/pulled";
      await node.write(`${directory}/sha256-${"0".repeat(64)}`, "{");
    },
    [
      /^pass pulled-images: --pulled-images node/,
      /^fail pulled-images: \/data\/kubelet\/image_manager\/pulled\/sha256-0+: not valid JSON/,
    ],
    ["--kubelet-root-dir=/data/kubelet"],
  ],
  [
    "the CA of another cluster",
    async (node) => {
      await using other = await ApiServer.start();
      await node.write("/etc/kubernetes/pki/ca.crt", other.ca.certificatePem);
    },
    [
      /^warn feature-gate|^pass feature-gate/,
      /^pass pulled-images: .* is not known/,
      /^fail api-server: .*certificate is not signed by the exp/,
    ],
  ],
  [
    "no CA",
    (node) => node.remove("/etc/kubernetes/pki/ca.crt"),
    [
      /feature-gate: /,
      /^pass pulled-images: .* is not known/,
      /^fail api-server: \/etc\/kubernetes\/pki\/ca\.crt: no CA for the API server found/,
      /^skip sandbox: not checked: whether it may connect to the API server/,
    ],
  ],
  [
    "the kubeconfig's CA, by its path on the node",
    async (node) => {
      await node.write("/etc/kubernetes/own.crt", node.api.ca.certificatePem);
      await node.remove("/etc/kubernetes/pki/ca.crt");
      await node.write(
        "/etc/kubernetes/kubelet.conf",
        JSON.stringify({
          "current-context": "a",
          contexts: [{ name: "a", context: { cluster: "a" } }],
          clusters: [{
            name: "a",
            cluster: { server: node.api.url, "certificate-authority": "/etc/kubernetes/own.crt" },
          }],
        }),
      );
    },
    [
      /^pass api-server: .* verified with \/etc\/kubernetes\/own\.crt: v1\.34\.0/,
      /^fail sandbox: .* may not read \/etc\/kubernetes\/own\.crt, the CA by the kubeconfig/,
    ],
  ],
  [
    "a kubelet's own configuration as OpenShift names it",
    async (node) => {
      await node.remove("/var/lib/kubelet/config.yaml");
      await node.write(
        "/etc/kubernetes/kubelet.conf",
        "kind: KubeletConfiguration\nfeatureGates:\n" +
          "  KubeletServiceAccountTokenForCredentialProviders: true\n",
      );
    },
    [/^pass feature-gate: .* is on in \/etc\/kubernetes\/kubelet\.conf/],
  ],
  [
    "the audience of OpenShift, and the flags of kubeadm's control plane",
    async (node) => {
      await node.write(CONFIG, DOCUMENTED.replaceAll("svc.cluster.local", "svc"));
      await node.write(
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "spec:\n  containers:\n  - command:\n    - kube-apiserver\n" +
          "    - --service-account-issuer=https://kubernetes.default.svc.cluster.local\n",
      );
    },
    [/^fail audience: "https:\/\/kubernetes\.default\.svc" is not what the API server accepts, "https/],
  ],
  [
    "the audience of OpenShift, as a worker of kubeadm's",
    (node) => node.write(CONFIG, DOCUMENTED.replaceAll("svc.cluster.local", "svc")),
    [/^warn audience: .* is not kubeadm's for the cluster domain "cluster\.local"/],
  ],
  [
    "another cluster domain",
    (node) => node.write("/var/lib/kubelet/config.yaml", "clusterDomain: example.org\n"),
    [/^warn audience: .* is not kubeadm's for the cluster domain "example\.org"/],
  ],
  [
    "OpenShift's file of the API server's address",
    async (node) => {
      await node.write("/etc/kubernetes/apiserver-url.env", "KUBERNETES_SERVICE_HOST=a\n");
    },
    [/^warn audience: .* is not OpenShift's/],
  ],
  [
    "roles for another audience",
    () => Promise.resolve(),
    [/^fail audience: .* is not what kubelets may ask tokens for by \S*openshift\/node-rbac\.yaml/],
    ["--roles", new URL("../../../fixtures/openshift/node-rbac.yaml", import.meta.url).pathname],
  ],
  [
    "a kubelet's configuration that cannot be read",
    (node) => node.write("/var/lib/kubelet/config.yaml", "a: [\n"),
    [
      /^fail feature-gate: \/var\/lib\/kubelet\/config\.yaml:\d+:\d+: not valid YAML.* -> edit/,
      /^skip feature-gate: not checked/,
      /^pass pulled-images: .* is on is not known: the kubelet's configuration could not be read/,
    ],
  ],
  [
    "a provider configuration that cannot be read",
    (node) => node.write(CONFIG, "a: [\n"),
    [
      /^fail provider-config: .*: not valid YAML/,
      /^pass provider-directory: .* has the plugin/,
      /^skip provider-arguments: not checked: the plugin's provider was not read/,
      /^skip provider-environment: not checked/,
      /^skip audience: not checked/,
      /^skip match-images: not checked/,
    ],
  ],
  [
    "CRI-O's configuration that cannot be read",
    (node) => node.write("/etc/crio/crio.conf.d/10.conf", "[crio"),
    [/^fail crio-config: .*: not valid TOML/, /^skip crio-config: not checked: where CRI-O looks/],
  ],
  [
    "a broken registries file, and credential helpers",
    async (node) => {
      await node.write("/etc/containers/registries.conf.d/x.conf", "[registry\n");
      await node.write("/var/lib/kubelet/config.json", `{"credHelpers": {"localhost:5000": "p"}}`);
      await Deno.chmod(`${node.root}/var/lib/kubelet/config.json`, 0o600);
    },
    [
      /^skip match-images/,
      /^fail registries/,
      /^skip mirrors/,
      /^skip short-names/,
      /^pass global-auth-file/,
      /^skip global-auth-file: not checked: whether "credHelpers" of .* names hosts/,
      /^skip crio-reload/,
      /^skip pause-image/,
    ],
  ],
  [
    "root's own registries files",
    async (node) => {
      await node.write("/root/.config/containers/registries.conf", "");
      await node.write("/root/.config/containers/registries.conf.d/x.conf", "");
    },
    [
      /^warn registries: \/root\/\.config\/containers\/registries\.conf replaces all other/,
      /^warn registries: \/root\/\.config\/containers\/registries\.conf\.d has drop-ins that only CRI-O reads/,
    ],
  ],
  [
    "auth files of the image library's",
    (node) => node.write("/root/.docker/config.json", "{}"),
    [/^warn crio-auth-files: .* use \/root\/\.docker\/config\.json; pulls with one find nothing/],
  ],
  [
    "short names and a pause image that lead to where there are mirrors",
    async (node) => {
      await node.write(
        "/etc/containers/registries.conf.d/x.conf",
        `[aliases]\n"app" = "docker.io/team/app"\n`,
      );
      await node.write(
        "/etc/crio/crio.conf",
        `[crio.image]\npause_image = "docker.io/x/pause:3"\n`,
      );
    },
    [
      /^pass registries: 2 files read/,
      /^warn short-names: 1 alias .* app = docker\.io\/team\/app/,
      /^warn pause-image: docker\.io\/x\/pause:3 \(\/etc\/crio\/crio\.conf\) has mirrors/,
    ],
  ],
  [
    "an older CRI-O that looks elsewhere",
    async (node) => {
      await node.write("/var/run/crio/version", `"1.33.0"`);
      await node.write("/etc/crio/crio.conf", `[crio.image]\nnamespaced_auth_dir = "/a"\n`);
      await node.write("/etc/crio/crio.conf.d/50", `[crio.image]\nnamespaced_auth_dir = "/b"\n`);
    },
    [
      /^fail crio-version: CRI-O is 1\.33\.0 \(\/var\/run\/crio\/version\)/,
      /^fail crio-config: namespaced_auth_dir is "\/b" \(\/etc\/crio\/crio\.conf\.d\/50\)/,
    ],
  ],
];

for (const [name, prepare, expected, args, stdin] of NODES) {
  Deno.test(`on a node with ${name} doctor says so, and nothing else has changed`, async () => {
    const found = await differences(prepare, args, stdin);
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
  });
}

Deno.test("an API server out of reach of a copy is a warning", async () => {
  await using node = await NodeCopy.create();
  await node.api.close();
  const { code, stdout } = await node.run();
  assert.equal(code, 0);
  assert.match(stdout, /WARN {2}api-server .* cannot be reached from this machine/);
});

Deno.test("a build that --plugin names and that is not there is to be named, not edited", async () => {
  await using node = await NodeCopy.create();
  const findings = await node.findings(["--plugin", "/no/such/plugin"]);
  const [found] = findings.filter((finding) => finding.startsWith("fail sandbox"));
  assert.match(
    found ?? "",
    /: \/no\/such\/plugin: does not exist -> name the plugin's file with --plugin$/,
  );
});

Deno.test("--plugin names a build on this machine", async () => {
  await using node = await NodeCopy.create();
  await using other = await NodeCopy.create({ apiserver: node.api.url, authDir: "/other" });
  const before = await node.findings();
  const after = await node.findings(["--plugin", other.root + PLUGIN]);
  assert.deepEqual(
    after.filter((finding) => !before.includes(finding)).map((finding) => finding.split(": ")[0]),
    ["pass auth-directory", "pass sandbox", "fail crio-config"],
  );
});

const LINES: readonly [line: string, stderr: RegExp][] = [
  ["--root /nonexistent/node", /--root: \/nonexistent\/node does not exist; name the directory/],
  ["--root /etc/passwd", /--root: \/etc\/passwd is not a directory/],
  ["--root a,b", /--root: "a,b" has a comma/],
  ["--root=", /--root: is empty, expected a path/],
  ["--config a", /--config: "a" is not an absolute path/],
  ["--bin-dir a", /--bin-dir: "a" is not an absolute path/],
  ["--kubelet-config a", /--kubelet-config: "a" is not an absolute path/],
  ["--plugin=", /--plugin: is empty, expected a path/],
  ["--kubelet-cmdline -", /stdin: is a terminal; --kubelet-cmdline is read from a pipe or a file/],
  ["--auth-dir a", /--auth-dir: "a" is not an absolute path/],
  ["--timeout 1h", /--timeout: 1h is not between/],
  ["--jsn", /unknown flag --jsn; did you mean --json/],
  ["word", /unexpected argument "word"; did you mean --root word\?/],
];

for (const [line, stderr] of LINES) {
  Deno.test(`doctor ${line} is wrong usage`, async () => {
    const result = await runCtlWith(["doctor", ...line.split(" ")]);
    assert.deepEqual([result.code, result.stdout], [2, ""]);
    assert.match(result.stderr, stderr);
  });
}

Deno.test("the kubelet's command line is read from a file, too, and errors say what to do", async () => {
  await using node = await NodeCopy.create();
  const file = `${node.root}/cmdline`;
  await Deno.writeTextFile(file, "/usr/bin/kubelet\0--v=2\0");
  const findings = await node.findings(["--kubelet-cmdline", file]);
  assert.match(
    findings[0] ?? "",
    /^fail provider-config: .* is not among the flags of the running/,
  );
  for (
    const [path, text, error] of [
      [file, "", /cmdline: is empty, expected the kubelet's command line/],
      [`${file}-no`, "", /cmdline-no: does not exist; it was named by --kubelet-cmdline/],
    ] as const
  ) {
    await Deno.writeTextFile(file, text);
    const { code, stdout, stderr } = await node.run(["--kubelet-cmdline", path]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, error);
  }
  const empty = await node.run(["--kubelet-cmdline", "-"], "");
  assert.deepEqual([empty.code, empty.stdout], [1, ""]);
  assert.match(empty.stderr, /^error: stdin: is empty, expected the kubelet's command line/);
});

Deno.test("the help of doctor names the defaults that the tool was built with", async () => {
  const settings = { ...DEFAULT_SETTINGS, authDir: "/built/with" };
  const { code, stdout } = await runCtlWith(["doctor", "--help-all"], undefined, settings);
  assert.equal(code, 0);
  assert.match(stdout, /--auth-dir DIR .*\n +\[\/built\/with\]/);
});

Deno.test("the help of doctor names what is checked on nodes with containerd", async () => {
  const { stdout } = await runCtlWith(["doctor", "--help"], undefined, DEFAULT_SETTINGS);
  assert.match(
    stdout.replaceAll(/\s+/g, " "),
    /with containerd its configuration and the hosts\.toml/,
  );
});

/** A change of a node that is ready, and a finding that follows from it. */
const CHANGES: readonly [
  name: string,
  change: (node: NodeCopy) => Promise<unknown>,
  finding: RegExp,
][] = [
  [
    "an empty configuration of the kubelet",
    (node) => node.write("/var/lib/kubelet/config.yaml", ""),
    /^fail feature-gate: \/var\/lib\/kubelet\/config\.yaml: is empty/,
  ],
  [
    "a configuration of the kubelet that says nothing",
    (node) => node.write("/var/lib/kubelet/config.yaml", "---\n"),
    /^pass pulled-images: .* is off by default in v1\.34\.0/,
  ],
  [
    "a provider without tokens",
    (node) => node.write(CONFIG, DOCUMENTED.replace(/^ +tokenAttributes:\n(?: {6,}.*\n)+/m, "")),
    /^fail provider-config: .*tokenAttributes/,
  ],
  [
    "a CA of kubeadm's without its flags",
    (node) => node.remove("/var/lib/kubelet/kubeadm-flags.env"),
    /^pass audience: /,
  ],
  [
    "neither a CA of kubeadm's nor its flags",
    async (node) => {
      await node.remove("/var/lib/kubelet/kubeadm-flags.env");
      await node.remove("/etc/kubernetes/pki");
    },
    /^skip audience: .*nothing on this node says what the API server accepts/,
  ],
  [
    "a directory of files under way that is empty",
    (node) => Deno.mkdir(`${node.root}/etc/crio/auth/in-use`),
    /^pass in-use: 0 files of pulls under way in \/etc\/crio\/auth\/in-use -> $/,
  ],
];

for (const [name, change, finding] of CHANGES) {
  Deno.test(`doctor on a node with ${name} ends with a finding on it`, async () => {
    await using node = await NodeCopy.create();
    await change(node);
    const findings = await node.findings();
    assert.ok(findings.some((each) => finding.test(each)), findings.join("\n"));
  });
}

Deno.test("doctor does not look for journald where the settings turn it off", async () => {
  await using node = await NodeCopy.create({ journaldSocket: "" });
  const findings = await node.findings();
  assert.ok(!findings.some((each) => /^\w+ journald/.test(each)), findings.join("\n"));
});
