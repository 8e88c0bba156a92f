import { parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import { checkPulledImages } from "../../../src/ctl/doctor/pulled_images.ts";
import type { PulledImages } from "../../../src/kubelet/pulled_images.ts";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const GATE = "KubeletEnsureSecretPulledImages";
const MIRROR = `[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.example.com"
`;

const config = (members: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ kind: "KubeletConfiguration", ...members });
const gate = (on: boolean) => config({ featureGates: { [GATE]: on } });
const policy = (value: string) => config({ imagePullCredentialsVerificationPolicy: value });

/** A record of one pull under a name. */
function record(name: string, credentials: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    kind: "ImagePulledRecord",
    apiVersion: "imagemanager.kubelet.config.k8s.io/v1beta1",
    imageRef: "sha256:1",
    credentialMapping: { [name]: credentials },
  });
}

const OPEN = { nodePodsAccessible: true };
const ACCOUNTS = {
  kubernetesServiceAccounts: [{ uid: "1", namespace: "team", name: "default" }],
};

const NODES: readonly [
  name: string,
  mode: PulledImages,
  minor: number | undefined,
  configs: readonly string[],
  records: readonly string[],
  expected: readonly Expected[],
][] = [
  ["1.36", "node", 36, [], [], [
    [
      "pass",
      /--pulled-images node: .* by every pod of the node, .*; KubeletEnsureSecretPulledImages is on by default in v1\.36\.0, the API server's version; imagePullCredentialsVerificationPolicy is NeverVerifyPreloadedImages \(the kubelet's default\)/,
    ],
  ]],
  ["1.35 and the setting", "service-account", 35, [], [], [
    [
      "pass",
      /--pulled-images service-account: .*cannot be restarted while the API server is away; /,
    ],
  ]],
  ["1.34", "node", 34, [], [], [["pass", /is off by default in v1\.34\.0, .* any image on it/]]],
  ["1.34 and the setting", "service-account", 34, [], [], [
    [
      "warn",
      /is off by default .*: every pod .* -> set featureGates: \{KubeletEnsureSecretPulledIm/,
    ],
  ]],
  ["1.34 with the gate and the setting", "service-account", 34, [gate(true)], [], [
    ["pass", /is on in \/c0/],
  ]],
  [
    "1.34 with AllAlpha",
    "service-account",
    34,
    [config({ featureGates: { AllAlpha: true } })],
    [],
    [
      ["pass", /is on by AllAlpha in \/c0/],
    ],
  ],
  ["1.36 without beta", "node", 36, [config({ featureGates: { AllBeta: false } })], [], [
    ["pass", /is off by AllBeta in \/c0/],
  ]],
  ["1.36 with the gate off in a drop-in", "service-account", 36, [gate(true), gate(false)], [], [
    ["warn", /is off in \/c1/],
  ]],
  ["1.32", "service-account", 32, [gate(true)], [], [
    ["warn", /the API server is v1\.32\.0, and .* came with 1\.33/],
  ]],
  ["an unknown version", "node", undefined, [], [], [["pass", /whether .* is on is not known/]]],
  ["an unknown version and the setting", "service-account", undefined, [], [], [
    [
      "warn",
      /whether .* is on is not known; it is on by default from 1\.35 -> it is needed: set f/,
    ],
  ]],
  ["NeverVerify", "node", 36, [policy("NeverVerify")], [], [
    ["pass", /is NeverVerify \(\/c0\): every pod of the node may use any image on it/],
  ]],
  ["NeverVerify and the setting", "service-account", 36, [policy("NeverVerify")], [], [
    [
      "warn",
      /is NeverVerify \(\/c0\): every .* -> set it to NeverVerifyPreloadedImages, the kubelet's/,
    ],
  ]],
  [
    "a policy that a drop-in corrects",
    "service-account",
    36,
    [
      policy("NeverVerify"),
      policy("AlwaysVerify"),
    ],
    [],
    [["pass", /is AlwaysVerify \(\/c1\)/]],
  ],
  ["a configuration that is no YAML", "node", 36, ["{"], [], [
    ["pass", /whether .* is on is not known: the kubelet's configuration could not be read comp/],
  ]],
  ["an open image", "node", 36, [], [record("docker.io/library/nginx", OPEN)], [
    ["pass", /./],
    [
      "pass",
      /^pass: 1 image of mirrored registries is recorded as open .*: docker\.io\/library\/nginx/,
    ],
  ]],
  ["an open image and the setting", "service-account", 36, [], [record("nginx", OPEN)], [
    ["pass", /./],
    ["warn", /: docker\.io\/library\/nginx -> they stay so until the image is gone: .*crictl rmi/],
  ]],
  ["an image of accounts alone", "service-account", 36, [], [record("nginx", ACCOUNTS)], [
    ["pass", /./],
  ]],
  ["an open image of a registry without mirrors", "service-account", 36, [], [
    record("quay.io/team/app", OPEN),
  ], [["pass", /./]]],
  [
    "seven open images, one of them twice",
    "service-account",
    36,
    [],
    ["a", "b", "c", "d", "e", "f", "g", "a"].map((name) => record(`docker.io/x/${name}`, OPEN)),
    [
      ["pass", /./],
      [
        "warn",
        /^warn: 7 images of mirrored registries are recorded .*\/x\/a, .*\/x\/e and 2 more ->/,
      ],
    ],
  ],
  ["records while nothing is checked", "node", 34, [], [record("nginx", OPEN)], [["pass", /./]]],
  ["a record that is none", "node", 36, [], [`{"kind": "Pod"}`, record("nginx", OPEN)], [
    ["pass", /./],
    ["fail", /\/r0: "kind" must be "ImagePulledRecord"/],
    ["pass", /1 image/],
  ]],
  ["a record without names", "node", 36, [], [`{"kind": "ImagePulledRecord"}`], [["pass", /./]]],
];

for (const [name, mode, minor, configs, records, expected] of NODES) {
  Deno.test(`of a node with ${name} doctor says who may use pulled images, with --pulled-images ${mode}`, () => {
    const main = { path: "/main", text: MIRROR };
    const checks = checkPulledImages({
      mode,
      complete: true,
      configs: configs.map((text, index) => ({ path: `/c${index}`, text })),
      flag: undefined,
      version: minor === undefined ? undefined : { minor, text: `v1.${minor}.0` },
      records: records.map((text, index) => ({ path: `/r${index}`, text })),
      global: undefined,
      registries: mergeRegistries({ main, dropIns: [] }),
    });
    assertChecks(checks, expected);
  });
}

Deno.test("a flag of the kubelet counts before its configuration, and without registries no image is judged", () => {
  const checks = checkPulledImages({
    mode: "service-account",
    configs: [{ path: "/c0", text: gate(false) }],
    complete: true,
    flag: { value: `${GATE}=true`, origin: "words" },
    version: { minor: 34, text: "v1.34.0" },
    records: [{ path: "/r0", text: record("nginx", OPEN) }],
    global: undefined,
    registries: undefined,
  });
  assertChecks(checks, [["pass", /is on in --feature-gates \(words\)/]]);
});

const UNREAD: readonly [name: string, mode: PulledImages, text: string, Expected][] = [
  ["no gate", "node", config({}), [
    "pass",
    /^pass: --pulled-images node: whether Kubelet\w+ is on is not known: the kubelet's configuration could/,
  ]],
  ["no gate", "service-account", config({}), [
    "warn",
    /is not known: the kubelet's configuration could not be read completely -> it is needed: set f/,
  ]],
  ["all beta gates off", "node", config({ featureGates: { AllBeta: false } }), [
    "pass",
    /is not known/,
  ]],
  ["the gate", "service-account", gate(true), ["pass", /is on in \/c0/]],
];

for (const [name, mode, text, expected] of UNREAD) {
  Deno.test(`beside a configuration that cannot be read, one with ${name} decides as far as it can, with --pulled-images ${mode}`, () => {
    const checks = checkPulledImages({
      mode,
      configs: [{ path: "/c0", text }],
      complete: false,
      flag: undefined,
      version: { minor: 36, text: "v1.36.0" },
      records: [],
      global: undefined,
      registries: undefined,
    });
    assertChecks(checks, [expected]);
  });
}

Deno.test("a gate for pulled images that a flag turns off is to be turned on there", () => {
  const checks = checkPulledImages({
    mode: "service-account",
    configs: [],
    complete: true,
    flag: { value: `${GATE}=false`, origin: "words" },
    version: { minor: 36, text: "v1.36.0" },
    records: [],
    global: undefined,
    registries: undefined,
  });
  assertChecks(checks, [["warn", /-> turn it on there: KubeletEnsureSecretPulledImages=true$/]]);
});

const PAIR = { auth: btoa("node:s3cret") };
const GLOBALS: readonly [
  name: string,
  mode: PulledImages,
  auths: Readonly<Record<string, unknown>>,
  warned: string[],
][] = [
  ["for the mirrored registry", "service-account", { "docker.io": PAIR }, ["docker.io"]],
  ["as Docker writes it", "service-account", { "https://index.docker.io/v1/": PAIR }, [
    "https://index.docker.io/v1/",
  ]],
  ["for a path of it", "service-account", { "docker.io/team": PAIR }, ["docker.io/team"]],
  ["with user name and password", "service-account", {
    "docker.io": { username: "node", password: "s3cret" },
  }, ["docker.io"]],
  ["without a credential", "service-account", { "docker.io": {} }, []],
  ["that is broken", "service-account", { "docker.io": { auth: 5 } }, []],
  ["for the mirror", "service-account", { "mirror.example.com": PAIR }, []],
  ["that names no registry", "service-account", { "/": PAIR }, []],
  ["for the mirrored registry", "node", { "docker.io": PAIR }, []],
];

for (const [name, mode, auths, warned] of GLOBALS) {
  Deno.test(`an entry of the global file ${name} ${warned.length > 0 ? "opens" : "does not open"} images with --pulled-images ${mode}`, () => {
    const main = { path: "/main", text: MIRROR };
    const checks = checkPulledImages({
      mode,
      configs: [],
      complete: true,
      flag: undefined,
      version: { minor: 36, text: "v1.36.0" },
      records: [],
      global: parseAuthFile(JSON.stringify({ auths }), "/global"),
      registries: mergeRegistries({ main, dropIns: [] }),
    });
    assertChecks(checks, [
      ["pass", /./],
      ...warned.map((key): Expected => [
        "warn",
        new RegExp(
          `entry "${RegExp.escape(key)}" is for images of docker\\.io: the kubelet tries it`,
        ),
      ]),
    ]);
  });
}

const TABLES: readonly [prefix: string, key: string, warned: boolean][] = [
  ["docker.io/team", "docker.io", true],
  ["docker.io/team", "docker.io/team/app", true],
  ["docker.io/team", "docker.io/teams", false],
  ["docker.io/team", "docker.io/other", false],
  ["docker.io/team", "quay.io/team", false],
];

for (const [prefix, key, warned] of TABLES) {
  Deno.test(`an entry for ${key} is ${warned ? "" : "not "}one for images of a table for ${prefix}`, () => {
    const text = MIRROR.replace(`"docker.io"`, JSON.stringify(prefix));
    const checks = checkPulledImages({
      mode: "service-account",
      configs: [],
      complete: true,
      flag: undefined,
      version: { minor: 36, text: "v1.36.0" },
      records: [],
      global: parseAuthFile(JSON.stringify({ auths: { [key]: PAIR } }), "/global"),
      registries: mergeRegistries({ main: { path: "/main", text }, dropIns: [] }),
    });
    assertChecks(checks, [["pass", /./], ...(warned ? [["warn", /./] as const] : [])]);
  });
}
