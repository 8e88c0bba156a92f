import assert from "node:assert/strict";
import {
  isGranted,
  permissionFlags,
  policyOf,
  refuseOutsideSandbox,
} from "../../src/settings/sandbox.ts";
import { applyFlags, DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";

function apply(...flags: [flag: string, ...texts: string[]][]): Settings {
  return applyFlags(DEFAULT_SETTINGS, new Map(flags.map(([flag, ...texts]) => [flag, texts])));
}

Deno.test("the sandbox of the defaults names every file, directory and host", () => {
  assert.deepEqual(permissionFlags(policyOf(DEFAULT_SETTINGS)), [
    "--allow-read=" + [
      "/etc/containers/registries.conf",
      "/usr/share/containers/registries.conf",
      "/usr/share/containers/registries.conf.d",
      "/usr/share/containers/registries.rootful.conf.d",
      "/etc/containers/registries.conf.d",
      "/etc/containers/registries.rootful.conf.d",
      "/etc/crio/auth",
      "/var/lib/kubelet/config.json",
      "/etc/kubernetes/apiserver-url.env",
      "/etc/kubernetes/kubelet.conf",
      "/var/lib/kubelet/kubeconfig",
      "/etc/kubernetes/pki/ca.crt",
      "/run/systemd/journal/stdout",
    ].join(),
    "--allow-write=/etc/crio/auth,/run/systemd/journal/stdout",
    "--allow-net=localhost:6443,unix:/run/systemd/journal/stdout",
    "--deny-read=/etc/crio/auth/in-use",
    "--deny-write=/etc/crio/auth/in-use",
  ]);
});

Deno.test("what the settings leave no use for is not granted", () => {
  const settings = apply(
    ["apiserver", "[fd00::1]:6443"],
    ["ca-file", "/ca.crt"],
    ["journald-socket", ""],
    ["registries-conf", "/r.conf"],
    ["registries-conf-dir", "/r.d"],
  );
  assert.deepEqual(permissionFlags(policyOf(settings)), [
    "--allow-read=/r.conf,/r.d,/etc/crio/auth,/var/lib/kubelet/config.json,/ca.crt",
    "--allow-write=/etc/crio/auth",
    "--allow-net=[fd00::1]:6443",
    "--deny-read=/etc/crio/auth/in-use",
    "--deny-write=/etc/crio/auth/in-use",
  ]);
});

const READ = "read", WRITE = "write", CONNECT = "connect";
const OUTSIDE: readonly [flag: string, text: string, target: string, attempt: string][] = [
  ["registries-conf", "/x", "/x", READ],
  ["registries-conf-dir", "/x", "/x", READ],
  ["auth-dir", "/x", "/x", READ],
  ["kubelet-auth-file", "/x", "/x", READ],
  ["apiserver-env-file", "/x", "/x", READ],
  ["kubeconfig", "/x", "/x", READ],
  ["ca-file", "/x", "/x", READ],
  ["apiserver", "x.io:6443", "x.io:6443", CONNECT],
  ["apiserver", "https://[fd00::1]", "[fd00::1]:443", CONNECT],
  ["journald-socket", "/x", "/x", READ],
];

for (const [flag, text, target, attempt] of OUTSIDE) {
  Deno.test(`--${flag} ${text} outside of the sandbox is refused with the build flag that allows it`, () => {
    const settings = apply([flag, text]);
    assert.throws(() => refuseOutsideSandbox(settings, (asked) => asked.target !== target), {
      name: "UserError",
      message: `${target}: cannot ${attempt}: outside the sandbox of this executable; ` +
        `bind or build it with --${flag} ${target} to allow that`,
    });
    refuseOutsideSandbox(settings, () => true);
  });
}

Deno.test("with containerd nothing is written but to journald's socket, and none of CRI-O's files is read", () => {
  const flags = permissionFlags(policyOf(apply(["runtime", "containerd"])));
  assert.deepEqual(flags, [
    "--allow-read=" + [
      "/etc/containerd/certs.d",
      "/etc/docker/certs.d",
      "/etc/kubernetes/apiserver-url.env",
      "/etc/kubernetes/kubelet.conf",
      "/var/lib/kubelet/kubeconfig",
      "/etc/kubernetes/pki/ca.crt",
      "/run/systemd/journal/stdout",
    ].join(),
    "--allow-write=/run/systemd/journal/stdout",
    "--allow-net=localhost:6443,unix:/run/systemd/journal/stdout",
  ]);
  const quiet = permissionFlags(
    policyOf(apply(["runtime", "containerd"], ["journald-socket", ""])),
  );
  assert.ok(!quiet.join().includes("write"));
});

Deno.test("what containerd needs and the build does not grant is refused with the runtime to build for", () => {
  const settings = apply(["runtime", "containerd"]);
  assert.throws(() => refuseOutsideSandbox(settings, ({ kind }) => kind !== "read"), {
    message: "/etc/containerd/certs.d: cannot read: outside the sandbox of this executable; " +
      "bind or build it with --runtime containerd --containerd-hosts-dir /etc/containerd/certs.d to allow that",
  });
});

Deno.test("a directory that may be read but not written to is outside of the sandbox too", () => {
  assert.throws(
    () => refuseOutsideSandbox(DEFAULT_SETTINGS, ({ kind }) => kind !== WRITE),
    /^UserError: \/etc\/crio\/auth: cannot write: outside/,
  );
});

Deno.test("two settings that need the same path are granted it once", () => {
  const settings = apply(["ca-file", "/x"], ["kubeconfig", "/x"], ["kubelet-auth-file", "/x"]);
  assert.equal(permissionFlags(policyOf(settings))[0]?.match(/\/x\b/g)?.length, 1);
});

Deno.test({
  name: "the runtime is asked for each path, host and socket by itself",
  permissions: { read: ["/a"], write: ["/a/b"], net: ["a.io:6443", "[fd00::1]:443", "unix:/s"] },
  fn: () => {
    const granted = (kind: "read" | "write" | "net", target: string) =>
      isGranted({ kind, target, step: "", setting: "authDir" });
    assert.deepEqual(
      ["/a", "/a/b", "/b"].map((path) => [granted("read", path), granted("write", path)]),
      [[true, false], [true, true], [false, false]],
    );
    assert.deepEqual(
      ["a.io:6443", "a.io:443", "[fd00::1]:443", "unix:/s", "unix:/t"]
        .map((target) => granted("net", target)),
      [true, false, true, true, false],
    );
  },
});
