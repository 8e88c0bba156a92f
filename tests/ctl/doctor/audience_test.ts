import { type AudienceFacts, checkAudience } from "../../../src/ctl/doctor/audience.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const KUBEADM = "https://kubernetes.default.svc.cluster.local";
const OPENSHIFT = "https://kubernetes.default.svc";

/** The API server's static pod as kubeadm writes it, with these flags. */
function manifest(...flags: string[]): AudienceFacts["manifest"] {
  const command = ["kube-apiserver", "--secure-port=6443", ...flags];
  const spec = { containers: [{ name: "kube-apiserver", command }] };
  return { path: "/m.yaml", text: JSON.stringify({ kind: "Pod", spec }) };
}

function roles(...resources: string[]): AudienceFacts["roles"] {
  const items = [
    // Of every cluster.
    {
      kind: "ClusterRole",
      metadata: { name: "cluster-admin" },
      rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }],
    },
    { kind: "ClusterRole", metadata: { name: "view" }, rules: null },
    {
      kind: "ClusterRole",
      metadata: { name: "nodes" },
      rules: [
        { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get"] },
        { apiGroups: [""], resources, verbs: ["request-serviceaccounts-token-audience"] },
      ],
    },
  ];
  return { path: "stdin", text: JSON.stringify({ kind: "List", items }) };
}

const CASES: readonly [
  name: string,
  facts: Partial<AudienceFacts>,
  expected: readonly Expected[],
][] = [
  ["no audience", { audience: "", manifest: manifest() }, []],
  [
    "the issuer of a control plane that kubeadm made",
    { manifest: manifest(`--service-account-issuer=${KUBEADM}`) },
    [["pass", /is what the API server accepts \(--service-account-issuer in \/m\.yaml\)/]],
  ],
  [
    "one of several issuers",
    {
      manifest: manifest(
        "--service-account-issuer=https://new",
        "--service-account-issuer",
        KUBEADM,
      ),
    },
    [["pass", /is what the API server accepts/]],
  ],
  [
    "OpenShift's audience on a control plane that kubeadm made",
    { audience: OPENSHIFT, manifest: manifest(`--service-account-issuer=${KUBEADM}`) },
    [[
      "fail",
      /"https:\/\/kubernetes\.default\.svc" is not .*svc\.cluster\.local".* 401 -> set .*--audience https:\/\/kubernetes\.default\.svc\.cluster\.local/,
    ]],
  ],
  [
    "audiences of the API server, which count alone",
    {
      manifest: manifest(
        `--service-account-issuer=${KUBEADM}`,
        `--api-audiences=${OPENSHIFT},vault`,
      ),
    },
    [["fail", /accepts, "https:\/\/kubernetes\.default\.svc", "vault" \(--api-audiences in/]],
  ],
  [
    "an audience that the API server does not accept, and another that the shell would split",
    { manifest: manifest("--api-audiences=a b;c") },
    [[
      "fail",
      /-> set serviceAccountTokenAudience to "a b;c" in the provider file, and apply what this prints: crio-credential-ctl generate rbac --all-nodes --audience 'a b;c'$/,
    ]],
  ],
  [
    "an audience that the shell would split, and no role for it",
    { audience: "a b;c", platform: undefined, roles: roles("vault") },
    [["skip", /./], ["fail", /generate rbac --all-nodes --audience 'a b;c'$/]],
  ],
  [
    "one of the API server's audiences",
    { audience: "vault", manifest: manifest(`--api-audiences=${OPENSHIFT},vault`) },
    [["pass", /"vault" is what the API server accepts/]],
  ],
  [
    "an API server without either flag",
    { manifest: manifest() },
    [["skip", /names no audience and no issuer -> compare it .*kubectl create token default/]],
  ],
  [
    "a static pod that cannot be read",
    { manifest: { path: "/m.yaml", text: "spec: [" } },
    [["fail", /\/m\.yaml:\d+:\d+: not valid YAML/]],
  ],
  ["kubeadm's default", {}, [["pass", /is kubeadm's for the cluster domain "cluster\.local"/]]],
  [
    "kubeadm's default in another cluster domain",
    { clusterDomain: "example.org" },
    [[
      "warn",
      /is not kubeadm's for the cluster domain "example\.org", "https:.*svc\.example\.org"/,
    ]],
  ],
  [
    "the audience of another cluster domain",
    { audience: "https://kubernetes.default.svc.example.org", clusterDomain: "example.org" },
    [["pass", /is kubeadm's for the cluster domain "example\.org"/]],
  ],
  [
    "OpenShift's audience on a worker of kubeadm's",
    { audience: OPENSHIFT },
    [["warn", /is not kubeadm's .*401 -> compare it with what this prints: kubectl/]],
  ],
  [
    "OpenShift's audience there",
    { audience: OPENSHIFT, platform: "OpenShift" },
    [["pass", /"https:\/\/kubernetes\.default\.svc" is OpenShift's/]],
  ],
  [
    "kubeadm's audience on OpenShift",
    { platform: "OpenShift" },
    [["warn", /is not OpenShift's, "https:\/\/kubernetes\.default\.svc"/]],
  ],
  [
    "a node that tells nothing",
    { platform: undefined },
    [["skip", /not checked: .*nothing on this node says .* -> compare it/]],
  ],
  ["a role for it", { roles: roles("vault", KUBEADM) }, [
    ["pass", /is kubeadm's/],
    ["pass", /is what role nodes lets kubelets ask for \(stdin\)/],
  ]],
  ["a role for all audiences", { roles: roles("*") }, [["pass", /./], ["pass", /role nodes/]]],
  ["a role for another audience", { roles: roles(OPENSHIFT) }, [
    ["pass", /is kubeadm's/],
    [
      "fail",
      /is not what kubelets may ask tokens for by stdin, which names "https:\/\/kubernetes\.default\.svc": the kubelet gets no token -> apply what this prints: .*--audience https:.*cluster\.local/,
    ],
  ]],
  [
    "roles as several documents, none for tokens",
    {
      roles: {
        path: "r",
        text: "kind: ClusterRole\nmetadata: {name: a}\nrules: []\n---\nkind: X\n",
      },
    },
    [["pass", /./], ["fail", /may ask tokens for by r: the kubelet gets no token/]],
  ],
  ["something else than roles", { roles: { path: "r", text: "kind: Secret\n" } }, [
    ["pass", /./],
    ["skip", /not checked: r holds no Role and no ClusterRole -> pass what this prints: kubectl/],
  ]],
  ["roles and no audience", { audience: "", roles: roles("vault") }, [
    ["skip", /not checked: no provider file names an audience .* in stdin -> .*--config/],
  ]],
  ["neither roles nor an audience", { audience: "" }, []],
  ["roles that cannot be read", { roles: { path: "r", text: "a: [" } }, [
    ["pass", /./],
    ["fail", /^fail: r:\d+:\d+: not valid YAML/],
  ]],
];

for (const [name, facts, expected] of CASES) {
  Deno.test(`an audience with ${name} gives ${expected.map(([status]) => status)}`, () => {
    const checks = checkAudience({
      audience: KUBEADM,
      manifest: undefined,
      platform: "kubeadm",
      clusterDomain: "",
      roles: undefined,
      ...facts,
    });
    assertChecks(checks, expected);
  });
}
