import assert from "node:assert/strict";
import {
  checkCrio,
  checkFallBackAuthFiles,
  checkPauseImage,
  checkReload,
  type ImageSettings,
} from "../../../src/ctl/doctor/crio.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const SETTINGS = { authDir: "/etc/crio/auth", kubeletAuthFile: "/var/lib/kubelet/config.json" };
const VERSION = `"1.34.3+0a1b2c3"`;
const FINE: Expected = ["pass", /CRI-O is 1\.34\.3 \(\/version\)/];
const DEFAULT: Expected = [
  "pass",
  /"\/etc\/crio\/auth" \(CRI-O's default\), where the plugin writes/,
];

const UNREAD: Expected = ["skip", /^skip: not checked: where CRI-O looks for auth files/];

const image = (...lines: string[]) => ["[crio.image]", ...lines].join("\n");

const NODES: readonly [
  name: string,
  version: string | undefined,
  configs: readonly string[],
  expected: readonly Expected[],
][] = [
  ["1.34", VERSION, [], [FINE, DEFAULT]],
  ["2.0", `"2.0.0"`, [], [["pass", /CRI-O is 2\.0\.0/], DEFAULT]],
  ["1.34.2", `"1.34.2"`, [], [
    ["fail", /CRI-O is 1\.34\.2 .* looks for no auth file -> CRI-O 1\.34\.3, or 1\.35\.0 or later/],
    DEFAULT,
  ]],
  ["1.34.10", `"1.34.10"`, [], [["pass", /CRI-O is 1\.34\.10/], DEFAULT]],
  ["1.35.0", `1.35.0`, [], [["pass", /CRI-O is 1\.35\.0/], DEFAULT]],
  ["the directory written out", VERSION, [image(`namespaced_auth_dir = "/etc/crio/auth/"`)], [
    FINE,
    ["pass", /"\/etc\/crio\/auth\/" \(\/c0\)/],
  ]],
  ["the node's global auth file", VERSION, [
    image(`global_auth_file = "/var/lib/kubelet/config.json"`),
  ], [
    FINE,
    DEFAULT,
  ]],
  ["no global auth file", VERSION, [image(`global_auth_file = ""`)], [FINE, DEFAULT]],
  ["a configuration of other things", VERSION, ["[crio.runtime]\nlog_size_max = -1"], [
    FINE,
    DEFAULT,
  ]],
  ["a drop-in over another", VERSION, [
    image(`namespaced_auth_dir = "/x"`),
    image(`namespaced_auth_dir = "/etc/crio/auth"`),
  ], [FINE, ["pass", /\(\/c1\)/]]],
  ["no version", undefined, [], [
    ["warn", /version is not known: no .* -> CRI-O 1\.34\.3, or 1\.35\.0 or later/],
    DEFAULT,
  ]],
  ["a version that is none", "dev", [], [
    ["warn", /not known: \/version has no version of a/],
    DEFAULT,
  ]],
  ["a build without a release's tag", `"v0.0.0-master"`, [], [
    [
      "warn",
      /CRI-O's version is not known: \/version has no version of a release -> CRI-O 1\.34\.3/,
    ],
    DEFAULT,
  ]],
  ["two numbers", `"1.36"`, [], [["warn", /not known/], DEFAULT]],
  ["another global auth file", VERSION, [image(`global_auth_file = "/g.json"`)], [
    FINE,
    [
      "warn",
      /"\/g\.json" \(\/c0\), but .* copies \/var\/lib.* -> bind or build the plugin with --kubelet-auth-file \/g/,
    ],
  ]],
  ["1.33", `"1.33.2"`, [], [["fail", /CRI-O is 1\.33\.2 .* -> CRI-O 1\.34\.3, or/], DEFAULT]],
  ["another directory", VERSION, [image(`namespaced_auth_dir = "/x"`)], [
    FINE,
    [
      "fail",
      /"\/x" \(\/c0\), but the plugin writes to \/etc\/crio\/auth: CRI-O finds no auth file -> set/,
    ],
  ]],
  ["no directory", VERSION, [image(`namespaced_auth_dir = ""`)], [FINE, [
    "fail",
    /is "" \(\/c0\), but/,
  ]]],
  ["TOML with which CRI-O does not start", VERSION, ["[crio"], [
    FINE,
    [
      "fail",
      /\/c0:1:\d+: not valid TOML; CRI-O does not start with it -> fix the TOML on that line$/,
    ],
    UNREAD,
  ]],
  ["broken TOML", VERSION, ["[crio"], [FINE, ["fail", /\/c0:1:\d+: not valid TOML/], UNREAD]],
  ["a directory that is no text", VERSION, [image("namespaced_auth_dir = 1")], [
    FINE,
    ["fail", /\/c0: "crio\.image\.namespaced_auth_dir" must be a string/],
    UNREAD,
  ]],
];

for (const [name, version, configs, expected] of NODES) {
  Deno.test(`CRI-O with ${name} gives ${expected.map(([status]) => status)}`, () => {
    const found = {
      version: version === undefined ? undefined : { path: "/version", text: version },
      configs: configs.map((text, index) => ({ path: `/c${index}`, text })),
      complete: true,
    };
    assertChecks(checkCrio(found, SETTINGS).checks, expected);
  });
}

Deno.test("a configuration file of CRI-O's that could not be read keeps the others from being judged", () => {
  const found = {
    version: { path: "/version", text: VERSION },
    configs: [{ path: "/c0", text: image(`namespaced_auth_dir = "/x"`) }],
    complete: false,
  };
  const { checks, image: settings } = checkCrio(found, SETTINGS);
  assertChecks(checks, [FINE, UNREAD]);
  assert.equal(settings, undefined);
});

/** What CRI-O's configuration says of images, from a file with these lines. */
function imageSettings(...lines: string[]): ImageSettings {
  const configs = [{ path: "/c", text: image(...lines) }];
  const { image: settings } = checkCrio({ version: undefined, configs, complete: true }, SETTINGS);
  assert.ok(settings !== undefined);
  return settings;
}

Deno.test("without a global auth file of CRI-O's the image library's own are named in order", () => {
  const there = ["/root/.config/containers/auth.json", "/root/.dockercfg"];
  assertChecks(checkFallBackAuthFiles(imageSettings(), there, SETTINGS), [[
    "warn",
    /without a file .* use \/root\/\.config\/containers\/auth\.json, then \/root\/\.dockercfg; pulls with one find nothing of that -> keep .* in \/var\/lib\/kubelet\/config\.json/,
  ]]);
  assertChecks(checkFallBackAuthFiles(imageSettings(), [], SETTINGS), [[
    "pass",
    /none of CRI-O's/,
  ]]);
});

Deno.test("a global auth file of CRI-O's is the only one of pulls without a file", () => {
  const settings = imageSettings(`global_auth_file = "/g.json"`);
  assertChecks(checkFallBackAuthFiles(settings, ["/root/.dockercfg"], SETTINGS), [
    ["pass", /use \/g\.json \(global_auth_file in \/c\) and no other/],
  ]);
});

const PAUSE: readonly [name: string, lines: readonly string[], expected: Expected][] = [
  ["of a registry without mirrors", [`pause_image = "a.io/pause:1@sha256:0"`], [
    "pass",
    /a\.io\/pause/,
  ]],
  ["by default", [], ["warn", /^warn: registry\.k8s\.io\/pause \(CRI-O's default\) has mirrors/]],
  [
    "of a mirrored registry",
    [`pause_image = "registry.k8s.io/pause:3.10"`],
    [
      "warn",
      /\/pause:3\.10 \(\/c\) has mirrors, and no pause_image_auth_file.* -> set pause_image_auth_file/,
    ],
  ],
  [
    "with an auth file of its own",
    [`pause_image_auth_file = "/p.json"`],
    ["pass", /is pulled with \/p\.json alone \(pause_image_auth_file in \/c\)/],
  ],
];

for (const [name, lines, expected] of PAUSE) {
  Deno.test(`a pause image ${name} gives ${expected[0]}`, () => {
    const hasMirrors = (image: string) => image === "registry.k8s.io/pause";
    assertChecks(checkPauseImage(imageSettings(...lines), hasMirrors), [expected]);
  });
}

const FILES = [{ path: "/a.conf", modified: 1000 }, { path: "/b.conf", modified: 3000 }];
const RELOADS: readonly [
  name: string,
  started: number | undefined,
  files: typeof FILES,
  expected: Expected[],
][] = [
  ["not known", undefined, FILES, [["pass", /at its start and at each reload -> $/]]],
  ["after the files' last change", 4000, FILES, [["pass", /no file was changed since it started/]]],
  ["before one of them changed", 2000, FILES, [
    ["warn", /^warn: \/b\.conf changed after CRI-O started.* -> systemctl reload crio/],
  ]],
  ["without any file", 2000, [], []],
];

for (const [name, started, files, expected] of RELOADS) {
  Deno.test(`registries files and a start of CRI-O ${name} give ${expected[0]?.[0] ?? "nothing"}`, () => {
    assertChecks(checkReload({ started, files }), expected);
  });
}
