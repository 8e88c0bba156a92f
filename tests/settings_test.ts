import assert from "node:assert/strict";
import { settingFlags } from "../src/cli/setting_flags.ts";
import { permissionFlags, refuseOutsideSandbox, requiredPermissions } from "../src/sandbox.ts";
import {
  applyFlags,
  DEFAULT_SETTINGS,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
} from "../src/settings.ts";

function apply(...flags: [flag: string, ...texts: string[]][]): Settings {
  return applyFlags(DEFAULT_SETTINGS, new Map(flags.map(([flag, ...texts]) => [flag, texts])));
}

Deno.test("each flag is its setting's name in words joined by hyphens, as the command line spells it", () => {
  for (const name of SETTING_NAMES) {
    const spelled = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    assert.equal(SETTINGS[name].flag, spelled);
  }
  assert.deepEqual(Object.keys(settingFlags(DEFAULT_SETTINGS)), SETTING_NAMES);
});

Deno.test("each default is a value that its own flag accepts", () => {
  for (const name of ["authDir", "kubeletAuthFile", "logLevel", "logFormat"] as const) {
    assert.deepEqual(apply([SETTINGS[name].flag, DEFAULT_SETTINGS[name]]), DEFAULT_SETTINGS);
  }
});

Deno.test("a flag replaces the whole default of its setting", () => {
  assert.deepEqual(apply(["registries-conf", "/a.conf"]).registriesConf, ["/a.conf"]);
  assert.deepEqual(apply(["registries-conf-dir", "/a", "/b/"]).registriesConfDir, ["/a", "/b"]);
});

const VALUES: readonly [flag: string, text: string, name: keyof Settings, value: unknown][] = [
  ["auth-dir", "/a//b/", "authDir", "/a/b"],
  ["apiserver", "api.example.com:6443", "apiserver", "https://api.example.com:6443"],
  ["timeout", "1500ms", "timeout", 1500],
  ["timeout", "0.5m", "timeout", 30_000],
  ["stale-after", "0s", "staleAfter", 0],
  ["stale-after", "2h", "staleAfter", 7_200_000],
  ["log-level", "debug", "logLevel", "debug"],
  ["journald-socket", "", "journaldSocket", ""],
  [
    "secret-types",
    "kubernetes.io/dockercfg,kubernetes.io/dockerconfigjson",
    "secretTypes",
    ["kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"],
  ],
];

for (const [flag, text, name, value] of VALUES) {
  Deno.test(`--${flag} ${JSON.stringify(text)} sets ${name} to ${JSON.stringify(value)}`, () => {
    assert.deepEqual(apply([flag, text])[name], value);
  });
}

const REFUSED: readonly [flag: string, text: string, error: RegExp][] = [
  ["auth-dir", "relative", /--auth-dir: "relative" is not an absolute path/],
  ["auth-dir", "/a,b", /holds a comma or a control character/],
  ["auth-dir", "/a\nb", /holds a comma or a control character/],
  ["auth-dir", "/a/../b", /holds "\." or "\.\."/],
  ["auth-dir", "//", /the root directory is too wide/],
  ["ca-file", "", /is not an absolute path/],
  ["apiserver", "http://a.io", /--apiserver: "http:\/\/a\.io" is not HOST:PORT/],
  ["timeout", "30", /--timeout: "30" is not a duration; write it like 30s/],
  ["timeout", "56s", /is outside of 100ms to 55s/],
  ["timeout", "1ms", /is outside of 100ms to 55s/],
  ["stale-after", "30s", /is under 10m/],
  ["secret-types", "Opaque", /--secret-types: "Opaque" is not among its values/],
  ["log-level", "loud", /--log-level: "loud" is not among its values/],
];

for (const [flag, text, error] of REFUSED) {
  Deno.test(`--${flag} ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => apply([flag, text]), error);
  });
}

Deno.test("a flag that is not repeatable must be given once", () => {
  assert.throws(() => apply(["auth-dir", "/a", "/b"]), /--auth-dir: must be given once/);
});

const grants = (settings: Settings) => permissionFlags(requiredPermissions(settings));

Deno.test("the sandbox of the defaults names every file, directory and host", () => {
  assert.deepEqual(grants(DEFAULT_SETTINGS), [
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
  assert.deepEqual(grants(settings), [
    "--allow-read=/r.conf,/r.d,/etc/crio/auth,/var/lib/kubelet/config.json,/ca.crt",
    "--allow-write=/etc/crio/auth",
    "--allow-net=[fd00::1]:6443",
  ]);
});

Deno.test("a setting outside of the sandbox is refused with the build flag that would allow it", () => {
  const settings = apply(["auth-dir", "/elsewhere"]);
  assert.throws(
    () => refuseOutsideSandbox(settings, ({ target }) => target !== "/elsewhere"),
    /\/elsewhere: cannot read: outside the sandbox of this executable; build it with --auth-dir \/elsewhere/,
  );
  refuseOutsideSandbox(settings, () => true);
});
