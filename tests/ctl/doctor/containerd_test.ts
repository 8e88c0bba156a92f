import assert from "node:assert/strict";
import { checkContainerdConfig } from "../../../src/ctl/doctor/containerd.ts";
import { checkMatchedRegistries } from "../../../src/ctl/doctor/hosts_toml.ts";
import { assertChecks } from "../../support/checks.ts";
import { NodeCopy } from "../../support/node_copy.ts";

const DIRECTORY = "/etc/containerd/certs.d";
const CONFIG_TOML = `version = 3
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "${DIRECTORY}"
`;
const HOSTS_TOML = `server = "https://mirror.example.com"\n[host."https://mirror.example.com"]\n`;

/** A node with containerd that is ready. */
async function ready(): Promise<NodeCopy> {
  const node = await NodeCopy.create({ runtime: "containerd", containerdHostsDir: [DIRECTORY] });
  await node.write("/etc/containerd/config.toml", CONFIG_TOML);
  await node.write(
    "/var/lib/kubelet/config.yaml",
    "kind: KubeletConfiguration\nfeatureGates:\n  KubeletEnsureSecretPulledImages: true\n",
  );
  await node.write(`${DIRECTORY}/docker.io/hosts.toml`, HOSTS_TOML);
  return node;
}

/** The findings that are not as they are on a node that is ready. */
async function differences(prepare: (node: NodeCopy) => Promise<unknown>): Promise<string[]> {
  await using node = await ready();
  const before = new Set(await node.findings());
  await prepare(node);
  return (await node.findings()).filter((finding) => !before.has(finding));
}

Deno.test("a node with containerd that is ready passes, and nothing of CRI-O's is looked for", async () => {
  await using node = await ready();
  const findings = await node.findings();
  for (const finding of findings) assert.match(finding, /^(?:pass|skip) /);
  const text = findings.join("\n");
  assert.match(text, /^pass containerd-config: config_path is \/etc\/containerd\/certs\.d/m);
  assert.match(text, /^pass hosts-toml: 1 hosts\.toml with mirrors/m);
  assert.match(
    text,
    /^pass match-images: covers the registries that have a hosts\.toml: docker\.io/m,
  );
  assert.doesNotMatch(text, /^\w+ (?:crio-|auth-|global-|registries|mirrors|short-|pause-)/m);
});

const config = (text: string) => (node: NodeCopy) =>
  node.write("/etc/containerd/config.toml", text);
const hosts = (name: string, text = HOSTS_TOML) => (node: NodeCopy) =>
  node.write(`${DIRECTORY}/${name}/hosts.toml`, text);
const LIST = "/etc/containerd/certs.d:/etc/docker/certs.d";

const NODES: readonly [
  name: string,
  prepare: (node: NodeCopy) => Promise<unknown>,
  expected: readonly RegExp[],
][] = [
  [
    "a default configuration of containerd 2.2, with a list",
    config(CONFIG_TOML.replace(`"${DIRECTORY}"`, `'${LIST}'`)),
    [
      /^fail containerd-config: .*config\.toml has a list as config_path, .*transfer service of containerd 2\.1 to 2\.4 .* -> set config_path = "\/etc\/containerd\/certs\.d"/,
      /^fail containerd-config: config_path is .* and the plugin looks in \/etc\/containerd\/certs\.d -> bind or build the plugin with --containerd-hosts-dir \/etc\/containerd\/certs\.d --containerd-hosts-dir \/etc\/docker/,
    ],
  ],
  [
    "a list in a file of version 2, which containerd 1.x reads",
    config(
      `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "${LIST}"\n`,
    ),
    [
      /^warn containerd-config: .*has a list as config_path/,
      /^fail containerd-config: config_path is/,
    ],
  ],
  [
    "no config_path",
    config("version = 4\n"),
    [/^fail containerd-config: \/etc\/containerd\/config\.toml sets no config_path: .*reads no hosts\.toml/],
  ],
  [
    "no configuration",
    (node) => node.remove("/etc/containerd/config.toml"),
    [/^fail containerd-config: \/etc\/containerd\/config\.toml does not exist/],
  ],
  [
    "a configuration that is no TOML",
    config("version = 3\n=\n"),
    [/^fail containerd-config: \/etc\/containerd\/config\.toml:2:\d+: not valid TOML; containerd does not start with it -> fix the TOML on that line/],
  ],
  [
    "an import that sets another config_path",
    async (node) => {
      await node.write(
        "/etc/containerd/config.toml",
        `imports = ["conf.d/*.toml"]\n${CONFIG_TOML}`,
      );
      await node.write(
        "/etc/containerd/conf.d/10.toml",
        CONFIG_TOML.replace(DIRECTORY, "/etc/elsewhere"),
      );
    },
    [/^fail containerd-config: config_path is \/etc\/elsewhere \(\/etc\/containerd\/conf\.d\/10\.toml\), and the plugin looks in \/etc\/containerd\/certs\.d/],
  ],
  [
    "an import by its whole path, one that is no path, and a file that imports itself",
    async (node) => {
      await node.write(
        "/etc/containerd/config.toml",
        `imports = ["/etc/containerd/config.toml", 1, "/etc/other.toml"]\n${CONFIG_TOML}`,
      );
      await node.write("/etc/other.toml", CONFIG_TOML.replace(DIRECTORY, "/etc/elsewhere"));
    },
    [/^fail containerd-config: config_path is \/etc\/elsewhere \(\/etc\/other\.toml\)/],
  ],
  [
    "an import from a directory that is not there",
    config(`imports = ["/etc/none/*.toml"]\n${CONFIG_TOML.replace(DIRECTORY, "/etc/elsewhere")}`),
    [/^fail containerd-config: config_path is \/etc\/elsewhere \(\/etc\/containerd\/config\.toml\)/],
  ],
  [
    "a list in a file without a version, which is version 1",
    config(
      `[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "${LIST}"\n`,
    ),
    [
      /^warn containerd-config: .*has a list as config_path/,
      /^fail containerd-config: config_path is/,
    ],
  ],
  [
    "a list that the local image pull reads",
    config(
      `version = 3\n[plugins.'io.containerd.cri.v1.images']\nuse_local_image_pull = true\n` +
        `[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = "${LIST}"\n`,
    ),
    [/^fail containerd-config: config_path is/],
  ],
  [
    "mirrors in the old form, and a credential of the node",
    config(
      `${CONFIG_TOML}[plugins.'io.containerd.cri.v1.images'.registry.mirrors."docker.io"]\nendpoint = ["https://a"]\n` +
        `[plugins.'io.containerd.cri.v1.images'.registry.configs."a.io".auth]\nusername = "u"\npassword = "s3cret"\n`,
    ),
    [
      /^fail containerd-config: .*has registry\.mirrors, the old form/,
      /^warn containerd-config: .*registry\.configs with auth for a\.io: a pull for which the plugin gives a pair does not use it/,
    ],
  ],
  [
    "a hosts.toml that some versions drop",
    hosts("docker.io", `${HOSTS_TOML}capabilities = ["fly"]\n`),
    [/^fail hosts-toml: .*docker\.io\/hosts\.toml:2: has a capability .*so no credential is given -> leave "pull"/],
  ],
  [
    "a hosts.toml by which the registry itself is asked",
    hosts("docker.io", `[host."https://mirror.example.com"]\n`),
    [/^warn hosts-toml: .*"server" is missing, so that the image's own registry is asked last/],
  ],
  [
    "a directory behind another of the same registry",
    async (node) => {
      await hosts("quay.io_443_")(node);
      await hosts("quay.io:443")(node);
    },
    [
      /^warn hosts-toml: \S+quay\.io:443 is not looked into: \S+quay\.io_443_ counts/,
      /^warn match-images: quay\.io:443 has a hosts\.toml, and no entry covers it -> add "quay\.io:443"/,
    ],
  ],
  [
    "a directory without a file, before that of all registries",
    async (node) => {
      await hosts("_default")(node);
      await node.write(`${DIRECTORY}/quay.io/ca.crt`, "");
    },
    [/^warn hosts-toml: \S+quay\.io has no hosts\.toml, and keeps quay\.io from the one of _default/],
  ],
  [
    "a directory for a name that no image has",
    hosts("registry-1.docker.io"),
    [
      /^warn hosts-toml: .*registry-1\.docker\.io is never used/,
      /^warn match-images: registry-1\.docker\.io has/,
    ],
  ],
  [
    "a hosts.toml by which the registry alone is asked",
    hosts(
      "docker.io",
      `server = "https://registry-1.docker.io"\n[host."https://registry-1.docker.io"]\n`,
    ),
    [/^warn hosts-toml: no hosts\.toml names a mirror/],
  ],
  [
    "no hosts.toml",
    (node) => node.remove(`${DIRECTORY}/docker.io/hosts.toml`),
    [
      /^warn hosts-toml: no hosts\.toml names a mirror/,
      /^skip match-images: not checked: no registry has/,
    ],
  ],
];

for (const [name, prepare, expected] of NODES) {
  Deno.test(`doctor on a node with containerd and ${name}`, async () => {
    const found = await differences(prepare);
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const pattern of expected) {
      assert.ok(found.some((finding) => pattern.test(finding)), `${pattern}\n${found.join("\n")}`);
    }
    assert.ok(!found.join().includes("s3cret"));
  });
}

Deno.test("doctor counts in its last lines what it could not check", async () => {
  await using node = await ready();
  await node.remove(`${DIRECTORY}/docker.io/hosts.toml`);
  assert.match((await node.run()).stdout, /\nResult: this node is ready, .*, \d+ not checked\n/);
});

Deno.test("doctor warns of directories that the plugin alone looks into", () => {
  const content = {
    plugins: { "io.containerd.cri.v1.images": { registry: { config_path: "/a" } } },
  };
  const files = [{ path: "/etc/containerd/config.toml", content: { version: 3, ...content } }];
  assertChecks(checkContainerdConfig(files, ["/a", "/b"]), [
    ["warn", /looks in \/a, \/b: a hosts\.toml in the others counts for the plugin alone/],
  ]);
  assertChecks(checkContainerdConfig(files, ["/a"]), [["pass", /config_path is \/a/]]);
});

Deno.test("an entry of matchImages that the kubelet refuses covers no registry", () => {
  const found = [{ root: DIRECTORY, name: "docker.io", text: HOSTS_TOML }];
  assertChecks(checkMatchedRegistries(["[", "docker.io"], found), [["pass", /docker\.io/]]);
  assertChecks(checkMatchedRegistries(["["], found), [["fail", /no entry covers it/]]);
});
