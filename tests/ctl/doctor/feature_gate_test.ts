import { checkFeatureGate } from "../../../src/ctl/doctor/feature_gate.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const GATE = "KubeletServiceAccountTokenForCredentialProviders";

function config(gates: Readonly<Record<string, unknown>> | undefined): string {
  return JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    ...(gates !== undefined && { featureGates: gates }),
  });
}

const ON = config({ [GATE]: true });
const OFF = config({ [GATE]: false });

const KUBELETS: readonly [
  name: string,
  configs: readonly string[],
  flag: string | undefined,
  minor: number | undefined,
  expected: readonly Expected[],
][] = [
  ["1.34", [config(undefined)], undefined, 34, [[
    "pass",
    /is on by default in v1\.34\.0, the API/,
  ]]],
  ["1.36 without a configuration", [], undefined, 36, [["pass", /on by default/]]],
  ["1.33", [config({})], undefined, 33, [[
    "fail",
    /off by default in v1\.33\.0: no tokens -> set feat/,
  ]]],
  ["1.33 and the gate", [ON], undefined, 33, [["pass", /is on in \/c0/]]],
  ["1.33 and AllAlpha", [config({ AllAlpha: true })], undefined, 33, [[
    "pass",
    /on by AllAlpha in \/c0/,
  ]]],
  ["1.33 and AllBeta", [config({ AllBeta: true })], undefined, 33, [["fail", /off by default/]]],
  ["1.34 without beta", [config({ AllBeta: false })], undefined, 34, [[
    "fail",
    /off by AllBeta in/,
  ]]],
  [
    "1.34 with the gate and without beta",
    [config({ AllBeta: false, [GATE]: true })],
    undefined,
    34,
    [
      ["pass", /is on in \/c0/],
    ],
  ],
  ["1.34 and the gate off", [OFF], undefined, 34, [["fail", /off in \/c0: no tokens/]]],
  ["a drop-in", [OFF, ON], undefined, 34, [["pass", /is on in \/c1/]]],
  ["a flag", [config({})], `A=false,${GATE}=true`, 33, [[
    "pass",
    /on in --feature-gates \(words\)/,
  ]]],
  ["a flag that says otherwise", [ON], `${GATE}=false`, 34, [
    ["fail", /is true in \/c0 and false in --feature-gates \(words\) -> keep one/],
  ]],
  ["the gate off by flag alone, which is to be turned on there", [], `${GATE}=false`, 34, [
    ["fail", /off in --feature-gates \(words\): no tokens -> turn it on there: Kubelet\w+=true$/],
  ]],
  ["the gate off by a file alone, which is to be turned on there", [OFF], undefined, 34, [
    ["fail", /off in \/c0: no tokens -> turn it on there: featureGates: \{Kubelet\w+: true\}$/],
  ]],
  ["1.32", [ON], undefined, 32, [[
    "fail",
    /API server is v1\.32\.0, and .* came with 1\.33 -> 1\.34/,
  ]]],
  ["a version that is not known", [config({})], undefined, undefined, [[
    "warn",
    /is not known -> before/,
  ]]],
  ["a gate and no version", [ON], undefined, undefined, [["pass", /is on in/]]],
  ["a kubeconfig of that name", ["kind: Config\nclusters: []"], undefined, 34, [[
    "pass",
    /by default/,
  ]]],
  ["a file that is broken", ["{"], undefined, 34, [["fail", /\/c0:.*not valid YAML/], [
    "skip",
    /not checked: whether Kubelet\w+ is set: the kubelet's configuration could not be read completely/,
  ]]],
  ["a file that is broken beside one that sets the gate", ["{", ON], undefined, 34, [
    ["fail", /\/c0:.*not valid YAML/],
    ["pass", /on in \/c1/],
  ]],
  ["a gate that is no boolean", [config({ [GATE]: "yes" })], undefined, 34, [
    ["fail", /^fail: \/c0: "featureGates\.Kubelet\w+" must be a boolean/],
    ["skip", /not checked/],
  ]],
];

for (const [name, configs, flag, minor, expected] of KUBELETS) {
  Deno.test(`a kubelet with ${name} gives ${expected[0]?.[0]}`, () => {
    const checks = checkFeatureGate({
      configs: configs.map((text, index) => ({ path: `/c${index}`, text })),
      complete: true,
      flag: flag === undefined ? undefined : { value: flag, origin: "words" },
      version: minor === undefined ? undefined : { minor, text: `v1.${minor}.0` },
    });
    assertChecks(checks, expected);
  });
}
