import assert from "node:assert/strict";
import { NodeCopy } from "../../support/node_copy.ts";

/** Puts something in the place of the auth directory of a node that is ready. */
type Change = (node: NodeCopy) => Promise<void>;

const AUTH_DIR = "/etc/crio/auth";

async function link(node: NodeCopy, target: string): Promise<void> {
  await node.remove(AUTH_DIR);
  await Deno.symlink(target, node.root + AUTH_DIR);
}

const NODES: readonly [name: string, change: Change, expected: RegExp, args?: readonly string[]][] =
  [
    [
      "a directory that its group can write to",
      (node) => Deno.chmod(node.root + AUTH_DIR, 0o775),
      /^fail auth-directory: \/etc\/crio\/auth has mode 0775 and can be written to by .*group/,
    ],
    [
      "a directory below one that everyone can write to",
      (node) => Deno.chmod(`${node.root}/etc/crio`, 0o777),
      /^fail auth-directory: \/etc\/crio has mode 0777 .* -> chmod go-w \/etc\/crio$/,
    ],
    [
      "a link to another directory of the node",
      async (node) => {
        await Deno.mkdir(`${node.root}/data/auth`, { recursive: true, mode: 0o700 });
        await link(node, "/data/auth");
      },
      /^fail auth-directory: \/etc\/crio\/auth leads through a symbolic link to \/data\/auth, .* -> bind or build it with --auth-dir \/data\/auth, or make \/etc\/crio\/auth a directory$/,
    ],
    [
      "a link among the directories above",
      async (node) => {
        await Deno.rename(`${node.root}/etc/crio`, `${node.root}/etc/crio.d`);
        await Deno.symlink("../etc/crio.d", `${node.root}/etc/crio`);
      },
      /^fail auth-directory: .* leads through a symbolic link to \/etc\/crio\.d\/auth, /,
    ],
    [
      "a link to nothing",
      (node) => link(node, "/none"),
      /^fail auth-directory: \/etc\/crio\/auth leads to \/none, which is not a directory -> remove it/,
    ],
    [
      "a link to itself",
      (node) => link(node, "auth"),
      /^fail auth-directory: \/etc\/crio\/auth/,
    ],
    [
      "a link that CRI-O's configuration names, where the plugin's names its end",
      async (node) => {
        await Deno.mkdir(`${node.root}/data/auth`, { recursive: true, mode: 0o700 });
        await link(node, "/data/auth");
      },
      /^pass crio-config: namespaced_auth_dir is "\/etc\/crio\/auth"/,
      ["--auth-dir", "/data/auth"],
    ],
  ];

for (const [name, change, expected, args] of NODES) {
  Deno.test(`${name} is found as what it is`, async () => {
    await using node = await NodeCopy.create();
    await change(node);
    const findings = await node.findings(args);
    assert.ok(findings.some((finding) => expected.test(finding)), findings.join("\n"));
  });
}

const FILES = [
  ["registries", "/etc/containers/registries.conf"],
  ["global-auth-file", "/var/lib/kubelet/config.json"],
  ["api-server", "/etc/kubernetes/pki/ca.crt"],
  ["provider-config", "/etc/kubernetes/credential-provider-config.yaml"],
  ["feature-gate", "/var/lib/kubelet/config.yaml"],
  ["crio-config", "/etc/crio/crio.conf"],
  [
    "provider-directory",
    "/usr/libexec/kubelet-image-credential-provider-plugins/crio-credential-provider",
  ],
] as const;

Deno.test("a FIFO in the place of any file of a node is named, and holds up no examination", async () => {
  await using node = await NodeCopy.create();
  for (const [, path] of FILES) {
    const place = node.root + path;
    await Deno.remove(place).catch(() => {});
    await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    await new Deno.Command("mkfifo", { args: [place] }).output();
  }
  const findings = await node.findings();
  for (const [check, path] of FILES) {
    const said = findings.filter((finding) => finding.includes(path));
    assert.ok(
      said.some((finding) => finding.startsWith("fail ")),
      `${check} says nothing of ${path}: ${findings.join("\n")}`,
    );
  }
});
