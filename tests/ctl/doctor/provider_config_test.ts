import { checkProviderConfig } from "../../../src/ctl/doctor/provider_config.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const OURS = `- name: crio-credential-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: [docker.io]
  defaultCacheDuration: 1s
  tokenAttributes:
    serviceAccountTokenAudience: https://kubernetes.default.svc
    cacheType: Token
    requireServiceAccount: false
`;
const OTHER = `- name: ecr-credential-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["*.dkr.ecr.*.amazonaws.com"]
  defaultCacheDuration: 12h
`;

const DOCUMENTED = Deno.readTextFileSync(
  new URL("../../../fixtures/kubernetes/credential-provider-config.yaml", import.meta.url),
);

function config(...providers: string[]): string {
  return "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n" +
    providers.join("");
}

const CONFIGS: readonly [
  name: string,
  files: Readonly<Record<string, string>>,
  expected: readonly Expected[],
][] = [
  ["our provider", { a: config(OURS) }, [[
    "pass",
    /\/etc\/p \(--config\): 1 provider, including crio-credential-provider/,
  ]]],
  ["our provider beside another", { a: config(OTHER, OURS) }, [["pass", /2 providers/]]],
  [
    "the documented file",
    { a: DOCUMENTED },
    [["pass", /1 provider/]],
  ],
  ["two files of a directory", { a: config(OTHER), b: config(OURS) }, [["pass", /2 providers/]]],
  [
    "a file of a directory without providers",
    { a: config(OURS), b: config().replace("providers:", "providers: []") },
    [["pass", /1 provider/]],
  ],
  [
    "another audience",
    { a: config(OURS.replace("https://kubernetes.default.svc", "vault")) },
    [["pass", /including crio-credential-provider/]],
  ],
  [
    "annotations that service accounts must have",
    {
      a: config(OURS.replace(
        "requireServiceAccount: false",
        "requireServiceAccount: true\n    requiredServiceAccountAnnotationKeys: [example.com/use]",
      )),
    },
    [["warn", /only for service accounts with the annotations example\.com\/use -> drop/]],
  ],
  ["an empty directory", {}, [[
    "fail",
    /without \.json, \.yaml or \.yml files; the kubelet does not/,
  ]]],
  ["no provider of ours", { a: config(OTHER) }, [
    ["fail", /no provider crio-credential-provider, but ecr-credential-provider -> .*--merge/],
  ]],
  ["no token", { a: config(OURS.slice(0, OURS.indexOf("  tokenAttributes"))) }, [
    ["fail", /no "tokenAttributes": it gets no service-account token/],
  ]],
  ["broken YAML", { a: "providers: [" }, [["fail", /^fail: a:\d+:\d+: not valid YAML/]]],
  [
    "a key that the kubelet does not know",
    { a: config(OURS.replace("  matchImages", "  images")) },
    [
      ["fail", /^fail: a: "providers\[0\]\.images" is not a key/],
    ],
  ],
  [
    "each rule that is broken",
    { a: config(OURS.replace("1s", "-1s").replace("cacheType: Token", "cacheType: None")) },
    [
      [
        "fail",
        /a: "providers\[0\]\.defaultCacheDuration" "-1s" is negative; the kubelet does not start/,
      ],
      ["fail", /a: "providers\[0\]\.tokenAttributes\.cacheType" must be/],
    ],
  ],
  ["a name twice in one file", { a: config(OURS, OURS) }, [
    ["fail", /"providers\[1\]\.name" "crio-credential-provider" is there twice/],
  ]],
  ["a name in two files", { a: config(OURS), b: config(OTHER, OURS) }, [
    [
      "fail",
      /^fail: b: provider "crio-credential-provider" is in a as well; the kubelet does not/,
    ],
  ]],
  ["a file that is broken beside another's", { a: "x: 1", b: config(OTHER) }, [[
    "fail",
    /^fail: a: "x" is not a key .* -> edit a/,
  ]]],
  ["a file that is broken beside ours", { a: "x: 1", b: config(OURS) }, [[
    "fail",
    /^fail: a: "x" is no/,
  ]]],
];

for (const [name, files, expected] of CONFIGS) {
  Deno.test(`a provider configuration with ${name} gives ${expected[0]?.[0]}`, () => {
    const { checks } = checkProviderConfig({
      path: "/etc/p",
      origin: "--config",
      files: Object.entries(files).map(([path, text]) => ({ path, text })),
    });
    assertChecks(checks, expected);
  });
}
