import { checkCrio } from "../../src/doctor/crio.ts";
import { assertChecks, type Expected } from "../support/checks.ts";

const SETTINGS = { authDir: "/etc/crio/auth", kubeletAuthFile: "/var/lib/kubelet/config.json" };
const VERSION = `"1.34.1+0a1b2c3"`;
const FINE: Expected = ["pass", /CRI-O is 1\.34 \(\/version\)/];
const DEFAULT: Expected = [
  "pass",
  /"\/etc\/crio\/auth" \(CRI-O's default\), where the plugin writes/,
];

const image = (...lines: string[]) => ["[crio.image]", ...lines].join("\n");

const NODES: readonly [
  name: string,
  version: string | undefined,
  configs: readonly string[],
  expected: readonly Expected[],
][] = [
  ["1.34", VERSION, [], [FINE, DEFAULT]],
  ["2.0", `"2.0.0"`, [], [["pass", /CRI-O is 2\.0/], DEFAULT]],
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
    ["warn", /version is not known: no .* -> CRI-O 1\.34 or later/],
    DEFAULT,
  ]],
  ["a version that is none", "dev", [], [["warn", /\/version holds no version/], DEFAULT]],
  ["another global auth file", VERSION, [image(`global_auth_file = "/g.json"`)], [
    FINE,
    [
      "warn",
      /"\/g\.json" \(\/c0\), but .* copies \/var\/lib.* -> build with --kubelet-auth-file \/g/,
    ],
  ]],
  ["1.33", `"1.33.2"`, [], [["fail", /CRI-O is 1\.33 .* -> CRI-O 1\.34 or later/], DEFAULT]],
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
  ["broken TOML", VERSION, ["[crio"], [FINE, ["fail", /\/c0:1:\d+: not valid TOML/]]],
  ["a directory that is no text", VERSION, [image("namespaced_auth_dir = 1")], [
    FINE,
    ["fail", /\/c0: "crio\.image\.namespaced_auth_dir" must be a string/],
  ]],
];

for (const [name, version, configs, expected] of NODES) {
  Deno.test(`CRI-O with ${name} gives ${expected.map(([status]) => status)}`, () => {
    const found = {
      version: version === undefined ? undefined : { path: "/version", text: version },
      configs: configs.map((text, index) => ({ path: `/c${index}`, text })),
    };
    assertChecks(checkCrio(found, SETTINGS), expected);
  });
}
