import assert from "node:assert/strict";
import * as v from "valibot";
import { ExactSettingsSchema, SettingsSchema } from "../../src/settings/settings_schema.ts";
import { settingFlags } from "../../src/cli/setting_flags.ts";
import {
  applyFlags,
  DEFAULT_SETTINGS,
  formatSetting,
  isSettings,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
} from "../../src/settings/settings.ts";

function apply(...flags: [flag: string, ...texts: string[]][]): Settings {
  return applyFlags(DEFAULT_SETTINGS, new Map(flags.map(([flag, ...texts]) => [flag, texts])));
}

/** As {@link apply}, on a node with the runtime that the flag is for. */
function applyThere(flag: string, ...texts: string[]): Settings {
  const forContainerd = /^(?:containerd-|cache-)/.test(flag);
  return forContainerd
    ? apply(["runtime", "containerd"], [flag, ...texts])
    : apply([flag, ...texts]);
}

Deno.test("each flag is its setting's name in words joined by hyphens, as the command line spells it", () => {
  for (const name of SETTING_NAMES) {
    const spelled = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    assert.equal(SETTINGS[name].flag, spelled);
  }
  assert.deepEqual(Object.keys(settingFlags(DEFAULT_SETTINGS)), SETTING_NAMES);
});

Deno.test("each default is a value that its own flag accepts", () => {
  for (
    const name of [
      "authDir",
      "kubeletAuthFile",
      "pulledImages",
      "secretsAnnotation",
      "logLevel",
      "logFormat",
    ] as const
  ) {
    assert.deepEqual(apply([SETTINGS[name].flag, DEFAULT_SETTINGS[name]]), DEFAULT_SETTINGS);
  }
});

Deno.test("a flag replaces the whole default of its setting", () => {
  assert.deepEqual(apply(["registries-conf", "/a.conf"]).registriesConf, ["/a.conf"]);
  assert.deepEqual(apply(["registries-conf-dir", "/a", "/b/"]).registriesConfDir, ["/a", "/b"]);
});

const VALUES: readonly [flag: string, text: string, name: keyof Settings, value: unknown][] = [
  ["auth-dir", "/a//b/", "authDir", "/a/b"],
  ["runtime", "containerd", "runtime", "containerd"],
  ["apiserver-hosts", "10.20.0.0/16:6443", "apiserverHosts", ["10.20.0.0/16:6443"]],
  ["containerd-hosts-dir", "/a/", "containerdHostsDir", ["/a"]],
  ["containerd-also-offer", "m.example.com:5000", "containerdAlsoOffer", ["m.example.com:5000"]],
  ["containerd-also-offer", "[fd00::1]:5000", "containerdAlsoOffer", ["[fd00::1]:5000"]],
  ["containerd-also-offer", "", "containerdAlsoOffer", []],
  ["cache-duration", "10m", "cacheDuration", 600_000],
  ["cache-duration", "0s", "cacheDuration", 0],
  ["apiserver", "api.example.com:6443", "apiserver", "https://api.example.com:6443"],
  [
    "apiserver-hosts",
    "*.Clusters.example.com:6443,10.20.0.0/16:6443",
    "apiserverHosts",
    ["*.clusters.example.com:6443", "10.20.0.0/16:6443"],
  ],
  ["timeout", "1500ms", "timeout", 1500],
  ["timeout", "0.5m", "timeout", 30_000],
  ["wait-for-taken", "0s", "waitForTaken", 0],
  ["wait-for-taken", "1500ms", "waitForTaken", 1_500],
  ["wait-for-taken", "30s", "waitForTaken", 30_000],
  ["stale-after", "0s", "staleAfter", 0],
  ["stale-after", "10m", "staleAfter", 600_000],
  ["stale-after", "2h", "staleAfter", 7_200_000],
  ["stale-after", "1h30m", "staleAfter", 5_400_000],
  ["pulled-images", "service-account", "pulledImages", "service-account"],
  [
    "secrets-annotation",
    "Example.com/pull.Secrets",
    "secretsAnnotation",
    "Example.com/pull.Secrets",
  ],
  ["also-for", "off", "alsoFor", "off"],
  ["log-level", "debug", "logLevel", "debug"],
  ["log-format", "json", "logFormat", "json"],
  ["apiserver", "https://[fd00::1]:443/", "apiserver", "https://[fd00::1]"],
  ["kubeconfig", "/a", "kubeconfig", ["/a"]],
  ["timeout", "100ms", "timeout", 100],
  ["timeout", "55s", "timeout", 55_000],
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
    assert.deepEqual(applyThere(flag, text)[name], value);
  });
}

const REFUSED: readonly [flag: string, text: string, error: RegExp][] = [
  ["runtime", "docker", /--runtime: must be one of crio, containerd, not "docker"/],
  [
    "containerd-also-offer",
    "*.example.com",
    /--containerd-also-offer: .* is not HOST or HOST:PORT/,
  ],
  ["containerd-also-offer", "https://m.example.com", /without a scheme, a path or a \*/],
  ["containerd-also-offer", "m.example.com/hub", /is not HOST or HOST:PORT/],
  ["cache-duration", "25h", /--cache-duration: 25h is over 24h/],
  ["cache-duration", "10", /--cache-duration: "10" is not a duration/],
  ["auth-dir", "relative", /--auth-dir: "relative" is not an absolute path/],
  ["auth-dir", "/a,b", /has a comma or a control character/],
  ["auth-dir", "/a\nb", /has a comma or a control character/],
  ["auth-dir", "/a/../b", /has "\." or "\.\." in it/],
  ["auth-dir", "//", /the root directory is too wide; name a directory below it/],
  ["ca-file", "", /is not an absolute path/],
  ["also-for", "no", /--also-for: must be one of on, off, not "no"/],
  ["apiserver", "http://a.io", /--apiserver: "http:\/\/a\.io" is not HOST:PORT/],
  ["timeout", "30", /--timeout: "30" is not a duration; write it like 30s/],
  ["timeout", "99ms", /is not between 100ms and 55s/],
  ["timeout", "55001ms", /is not between 100ms and 55s/],
  ["timeout", "56s", /is not between 100ms and 55s/],
  ["timeout", "1ms", /is not between 100ms and 55s/],
  ["wait-for-taken", "10", /--wait-for-taken: "10" is not a duration/],
  ["wait-for-taken", "-1s", /--wait-for-taken: "-1s" is not a duration/],
  ["wait-for-taken", "30001ms", /30001ms is longer than 30s; the kubelet gives a run 60s in all/],
  ["stale-after", "30s", /is shorter than 10m/],
  [
    "secret-types",
    "Opaque",
    /--secret-types: must be one of kubernetes.io\/dockerconfigjson, .*, not "Opaque"/,
  ],
  ["secret-types", "kubernetes.io/dockercfg,", /--secret-types: must be one of .*, not ""/],
  ["stale-after", "1ns", /is shorter than 10m/],
  ["timeout", "-0.5s", /--timeout: "-0\.5s" is not a duration/],
  ["stale-after", "9m", /is shorter than 10m/],
  ["stale-after", "599999ms", /is shorter than 10m/],
  ["stale-after", "1ms", /is shorter than 10m/],
  ["journald-socket", "socket", /--journald-socket: "socket" is not an absolute path/],
  ["registries-conf", "/", /the root directory is too wide; name a directory below it/],
  [
    "auth-dir",
    "/dev/shm/auth",
    /"\/dev\/shm\/auth" is below \/dev, which no sandbox can be opened/,
  ],
  ["kubeconfig", "/proc/1//environ", /is below \/proc, .*; name a place outside of it/],
  ["registries-conf", "/sys", /is below \/sys/],
  ["kubeconfig", "/a\u0000", /has a comma or a control character/],
  ["log-format", "JSON", /--log-format: must be one of text, json, not "JSON"/],
  ["log-level", "loud", /--log-level: must be one of error, warn, info, debug, not "loud"/],
];

for (const [flag, text, error] of REFUSED) {
  Deno.test(`--${flag} ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => applyThere(flag, text), error);
  });
}

Deno.test("a flag that has no meaning for the node's runtime is refused", () => {
  for (const flag of ["containerd-hosts-dir", "containerd-also-offer", "cache-duration"]) {
    assert.throws(
      () => apply([flag, VALUES.find(([known]) => known === flag)?.[1] ?? ""]),
      new RegExp(`--${flag}: has no meaning with --runtime crio; .*containerd$`),
    );
  }
  for (const [flag, text] of [["pulled-images", "node"], ["wait-for-taken", "1s"]] as const) {
    assert.throws(
      () => apply(["runtime", "containerd"], [flag, text]),
      new RegExp(`--${flag}: has no meaning with --runtime containerd; leave it out`),
    );
  }
});

Deno.test("no flags leave the settings as they are, and flags of one setting leave the others", () => {
  const base = { ...DEFAULT_SETTINGS, authDir: "/base" };
  assert.deepEqual(applyFlags(base, new Map()), base);
  assert.deepEqual(applyFlags(base, new Map([["timeout", ["5s"]]])), { ...base, timeout: 5000 });
});

Deno.test("the help shows a setting as it is written, and nothing where it is found out", () => {
  const shown = Object.fromEntries(
    SETTING_NAMES.map((name) => [name, formatSetting(name, DEFAULT_SETTINGS)]),
  );
  assert.equal(shown["timeout"], "30s");
  assert.equal(shown["waitForTaken"], "6s, or 2s with --pulled-images service-account");
  assert.equal(
    formatSetting("waitForTaken", { ...DEFAULT_SETTINGS, waitForTaken: 2_500 }),
    "2.5s",
  );
  assert.equal(shown["staleAfter"], "60m, or 10m with --pulled-images service-account");
  assert.equal(formatSetting("staleAfter", apply(["stale-after", "2h"])), "120m");
  assert.equal(shown["kubeconfig"], "/etc/kubernetes/kubelet.conf, /var/lib/kubelet/kubeconfig");
  assert.deepEqual([shown["apiserver"], shown["caFile"]], ["", ""]);
});

Deno.test("a flag that is not repeatable must be given once, and the others may be given twice", () => {
  for (const name of SETTING_NAMES) {
    const { flag, repeatable } = SETTINGS[name];
    const [, text = ""] = VALUES.find(([known]) => known === flag) ?? ["", "/a"];
    const twice = () => applyThere(flag, text, text);
    if (repeatable) twice();
    else assert.throws(twice, new RegExp(`--${flag}: must be given once$`));
  }
});

Deno.test("settings that were read as JSON are known by the table, whatever else is beside them", () => {
  assert.ok(isSettings(JSON.parse(JSON.stringify(DEFAULT_SETTINGS))));
  assert.ok(isSettings({ ...DEFAULT_SETTINGS, ofALaterVersion: true }));
  for (const name of SETTING_NAMES) {
    for (const value of [undefined, true, {}, [1], "no such word", ["no such word"], -1]) {
      const isValue = SETTINGS[name].isValue(value);
      assert.equal(isSettings({ ...DEFAULT_SETTINGS, [name]: value }), isValue, name);
    }
    assert.ok(SETTINGS[name].isValue(DEFAULT_SETTINGS[name]), name);
    assert.ok(!SETTINGS[name].isValue(true) && !SETTINGS[name].isValue(undefined), name);
  }
  assert.ok(!SETTINGS.logLevel.isValue("loud") && !SETTINGS.secretTypes.isValue(["Opaque"]));
  assert.ok(!isSettings(null) && !isSettings([]));
});

Deno.test("the settings of an executable are these and no others", () => {
  assert.ok(v.is(ExactSettingsSchema, DEFAULT_SETTINGS));
  assert.ok(!v.is(ExactSettingsSchema, { ...DEFAULT_SETTINGS, other: 1 }));
  assert.ok(v.is(SettingsSchema, { ...DEFAULT_SETTINGS, other: 1 }));
});
