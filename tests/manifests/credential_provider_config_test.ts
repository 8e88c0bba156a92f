import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import { OPENSHIFT_AUDIENCE } from "../../src/manifests/audience.ts";
import {
  type CredentialProviderConfig,
  emptyConfig,
  findViolations,
  formatCredentialProviderConfig,
  mergeProvider,
  parseCredentialProviderConfig,
} from "../../src/manifests/credential_provider_config.ts";
import { formatYaml } from "../../src/manifests/yaml.ts";
import { kubeletEnvironment } from "../../src/executable/runtime_environment.ts";
import * as schemas from "../support/manifest_schemas.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url);

function fixture(path: string): string {
  return Deno.readTextFileSync(new URL(path, FIXTURES));
}

const HEAD = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n";
const PROVIDER = {
  name: "acme",
  apiVersion: "credentialprovider.kubelet.k8s.io/v1",
  matchImages: ["registry.example.com"],
  defaultCacheDuration: "12h",
};
const TOKENS = {
  serviceAccountTokenAudience: "https://kubernetes.default.svc",
  cacheType: "Token",
  requireServiceAccount: true,
};

/** A configuration in JSON, which YAML contains. */
function config(...providers: unknown[]): string {
  return `${HEAD}providers: ${JSON.stringify(providers)}\n`;
}

const UNREADABLE: readonly [text: string, message: RegExp][] = [
  ["", /^f: is empty$/],
  ["null", /^f: is empty$/],
  ["5", /^f: it must be an object$/],
  ["a: b: c", /^f:1:5: not valid YAML: /],
  [`${HEAD}kind: X\n`, /^f:3:1: not valid YAML: a key is there twice$/],
  [
    "kind: CredentialProviderConfig\n",
    /^f: is "CredentialProviderConfig" of ""; the kubelet expects/,
  ],
  ["apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n", /^f: is "KubeletConf/],
  ["apiVersion: kubelet.config.k8s.io/v2\nkind: CredentialProviderConfig\n", /^f: is "Cred/],
  [`${HEAD}provider: []\n`, /^f: "provider" is not a key of this kind of file$/],
  [config({ ...PROVIDER, image: "x" }), /^f: "providers\[0\]\.image" is not a key/],
  [
    config({ ...PROVIDER, matchImages: "docker.io" }),
    /"providers\[0\]\.matchImages" must be an ar/,
  ],
  [config({ ...PROVIDER, args: [1] }), /"providers\[0\]\.args\[0\]" must be a string/],
  [config({ ...PROVIDER, defaultCacheDuration: 10 }), /defaultCacheDuration" must be a string/],
  [config({ ...PROVIDER, env: [{ key: "A" }] }), /"providers\[0\]\.env\[0\]\.key" is not a key/],
  [
    config({ ...PROVIDER, tokenAttributes: { ...TOKENS, requireServiceAccount: "no" } }),
    /requireServiceAccount" must be a boolean/,
  ],
];

for (const [text, message] of UNREADABLE) {
  Deno.test(`a provider file ${JSON.stringify(text.slice(-60))} is refused with the place`, () => {
    assert.throws(() => parseCredentialProviderConfig(text, "f"), (thrown) => {
      assert.ok(thrown instanceof UserError);
      assert.match(thrown.message, message);
      return true;
    });
  });
}

Deno.test("YAML is read in version 1.1, as the kubelet reads it", () => {
  const text = `${HEAD}providers: [{name: a, tokenAttributes: {requireServiceAccount: no}}]`;
  const { providers } = parseCredentialProviderConfig(text, "f");
  assert.equal(providers[0]?.tokenAttributes?.requireServiceAccount, false);
});

const RULES: readonly [title: string, provider: unknown, violations: string[]][] = [
  ["nothing wrong", PROVIDER, []],
  ["tokens", { ...PROVIDER, tokenAttributes: TOKENS }, []],
  ["zero cache", { ...PROVIDER, defaultCacheDuration: "0" }, []],
  ["no name", { ...PROVIDER, name: null }, ["name is missing"]],
  ["a slash", { ...PROVIDER, name: "a/b" }, [`name "a/b" has "/" or a space`]],
  ["a space", { ...PROVIDER, name: "a b" }, [`name "a b" has "/" or a space`]],
  ["a dot", { ...PROVIDER, name: "." }, [`name is "."`]],
  ["two dots", { ...PROVIDER, name: ".." }, [`name is ".."`]],
  ["no version", { ...PROVIDER, apiVersion: "" }, ["apiVersion is missing"]],
  [
    "a foreign version",
    { ...PROVIDER, apiVersion: "v1" },
    [
      "apiVersion is not one of credentialprovider.kubelet.k8s.io/v1, " +
      "credentialprovider.kubelet.k8s.io/v1beta1, credentialprovider.kubelet.k8s.io/v1alpha1",
    ],
  ],
  ["no images", { ...PROVIDER, matchImages: [] }, ["matchImages must have at least one entry"]],
  [
    "a pattern that is no address",
    { ...PROVIDER, matchImages: ["docker.io", "docker.io:x"] },
    [`matchImages[1] "docker.io:x" has "x" as port`],
  ],
  ["no cache duration", { ...PROVIDER, defaultCacheDuration: null }, [
    "defaultCacheDuration is missing",
  ]],
  ["a negative duration", { ...PROVIDER, defaultCacheDuration: "-1s" }, [
    `defaultCacheDuration "-1s" is negative`,
  ]],
  ["no duration", { ...PROVIDER, defaultCacheDuration: "1 s" }, [
    `defaultCacheDuration "1 s" is not a duration such as 1s`,
  ]],
  [
    "no audience",
    { ...PROVIDER, tokenAttributes: { ...TOKENS, serviceAccountTokenAudience: "" } },
    [
      "tokenAttributes.serviceAccountTokenAudience is missing",
    ],
  ],
  ["no cache type", { ...PROVIDER, tokenAttributes: { ...TOKENS, cacheType: "" } }, [
    "tokenAttributes.cacheType must be Token or ServiceAccount",
  ]],
  ["a foreign cache type", { ...PROVIDER, tokenAttributes: { ...TOKENS, cacheType: "Image" } }, [
    "tokenAttributes.cacheType must be Token or ServiceAccount",
  ]],
  [
    "no word on service accounts",
    { ...PROVIDER, tokenAttributes: { ...TOKENS, requireServiceAccount: null } },
    ["tokenAttributes.requireServiceAccount is missing"],
  ],
  [
    "required keys without required accounts",
    {
      ...PROVIDER,
      tokenAttributes: {
        ...TOKENS,
        requireServiceAccount: false,
        requiredServiceAccountAnnotationKeys: ["example.com/a"],
      },
    },
    [`tokenAttributes.requiredServiceAccountAnnotationKeys needs "requireServiceAccount" true`],
  ],
  [
    "keys that are none",
    {
      ...PROVIDER,
      tokenAttributes: {
        ...TOKENS,
        requiredServiceAccountAnnotationKeys: ["a b", "Example.com/A_b", "a/b/c"],
        optionalServiceAccountAnnotationKeys: ["", "c", "c"],
      },
    },
    [
      `tokenAttributes.requiredServiceAccountAnnotationKeys[0] "a b" is not an annotation key`,
      `tokenAttributes.requiredServiceAccountAnnotationKeys[2] "a/b/c" is not an annotation key`,
      `tokenAttributes.optionalServiceAccountAnnotationKeys[0] "" is not an annotation key`,
      `tokenAttributes.optionalServiceAccountAnnotationKeys[2] "c" is there twice`,
    ],
  ],
  [
    "a key that is required and optional",
    {
      ...PROVIDER,
      tokenAttributes: {
        ...TOKENS,
        requiredServiceAccountAnnotationKeys: ["a"],
        optionalServiceAccountAnnotationKeys: ["a"],
      },
    },
    [`tokenAttributes.optionalServiceAccountAnnotationKeys "a" is required as well`],
  ],
  [
    "tokens with an old API",
    {
      ...PROVIDER,
      apiVersion: "credentialprovider.kubelet.k8s.io/v1beta1",
      tokenAttributes: TOKENS,
    },
    [`tokenAttributes needs "apiVersion" credentialprovider.kubelet.k8s.io/v1`],
  ],
];

function violations(text: string, options?: { tokens?: boolean }): string[] {
  return findViolations(parseCredentialProviderConfig(text, "f"), options)
    .map(({ key, problem }) => `${key} ${problem}`);
}

for (const [title, provider, expected] of RULES) {
  Deno.test(`the kubelet's rules on a provider with ${title}`, () => {
    assert.deepEqual(
      violations(config(provider)),
      expected.map((rule) => `providers[0].${rule}`),
    );
  });
}

Deno.test("the kubelet's rules on the file as a whole", () => {
  assert.deepEqual(violations(config()), ["providers must have at least one entry"]);
  assert.deepEqual(violations(config(PROVIDER, { ...PROVIDER, name: "b" }, PROVIDER)), [
    `providers[2].name "acme" is there twice`,
  ]);
  const tokens = config({ ...PROVIDER, tokenAttributes: TOKENS });
  assert.deepEqual(violations(tokens, { tokens: false }), [
    "providers[0].tokenAttributes needs the feature gate " +
    "KubeletServiceAccountTokenForCredentialProviders",
  ]);
  assert.deepEqual(violations(tokens.replace("k8s.io/v1\n", "k8s.io/v1beta1\n")), [
    "providers[0].tokenAttributes is not a field of kubelet.config.k8s.io/v1beta1",
  ]);
});

/** The manifest, read by the second reader. */
function written(merged: CredentialProviderConfig | undefined) {
  assert.ok(merged);
  assert.deepEqual(findViolations(merged), []);
  const text = formatYaml([formatCredentialProviderConfig(merged)]);
  // What is written reads as what was meant.
  assert.deepEqual(
    parseCredentialProviderConfig(text, "f").providers.length,
    merged.providers.length,
  );
  return schemas.readManifest(schemas.CredentialProviderConfig, text);
}

Deno.test("it is the configuration that the README documents and the end-to-end run uses", () => {
  const path = "kubernetes/credential-provider-config.yaml";
  assert.deepEqual(
    written(mergeProvider(emptyConfig(), { matchImages: ["docker.io"] }).config),
    schemas.readManifest(schemas.CredentialProviderConfig, fixture(path)),
  );
});

Deno.test("the variables that the compiled form would obey are set to what takes their effect", () => {
  const { providers } = written(
    mergeProvider(emptyConfig(), { matchImages: ["docker.io"] }).config,
  );
  const env = Object.fromEntries(providers[0]?.env?.map(({ name, value }) => [name, value]) ?? []);
  assert.deepEqual(
    env,
    Object.fromEntries(kubeletEnvironment().map(({ name, value }) => [name, value])),
  );
  assert.equal(env["NODE_EXTRA_CA_CERTS"], "");
  assert.equal(env["DENO_CERT"], "/dev/null");
});

function existing(...providers: unknown[]): CredentialProviderConfig {
  return parseCredentialProviderConfig(config(...providers), "f");
}

Deno.test("merged into a file, our provider comes last and the others stay as they are", () => {
  const ecr = fixture("openshift/ecr-credential-provider.yaml");
  const before = schemas.readManifest(schemas.CredentialProviderConfig, ecr).providers.slice(0, 1);
  const { config: merged, skipped, shared } = mergeProvider(existing(...before), {
    matchImages: ["docker.io"],
    audience: OPENSHIFT_AUDIENCE,
  });
  assert.deepEqual(
    written(merged),
    schemas.readManifest(schemas.CredentialProviderConfig, ecr),
  );
  assert.deepEqual([skipped, shared], [[], []]);
});

Deno.test("every field of another provider survives a merge", () => {
  const other = {
    ...PROVIDER,
    args: ["get-credentials", "--v=3"],
    env: [{ name: "REGION", value: "on" }],
    tokenAttributes: {
      ...TOKENS,
      requiredServiceAccountAnnotationKeys: ["a"],
      optionalServiceAccountAnnotationKeys: ["b"],
    },
  };
  const { config: merged } = mergeProvider(existing(other), { matchImages: ["docker.io"] });
  assert.deepEqual(written(merged).providers[0], other);
});

Deno.test("an existing provider of our name keeps place, arguments, audience and variables of its own", () => {
  const ours = {
    ...PROVIDER,
    name: "crio-credential-provider",
    matchImages: ["quay.io", "registry.example.com"],
    args: ["--log-level=debug"],
    env: [{ name: "NODE_EXTRA_CA_CERTS", value: "/ca.pem" }, { name: "TZ", value: "UTC" }],
    tokenAttributes: { ...TOKENS, serviceAccountTokenAudience: "vault" },
  };
  const before = existing(ours, { ...PROVIDER, matchImages: ["a.example.com"] });
  const { providers } = written(
    mergeProvider(before, { matchImages: ["docker.io", "docker.io"] }).config,
  );
  assert.deepEqual(providers.map(({ name }) => name), ["crio-credential-provider", "acme"]);
  const [provider] = providers;
  assert.deepEqual(provider?.matchImages, ["docker.io"]);
  assert.deepEqual(provider?.args, ["--log-level=debug"]);
  assert.equal(provider?.tokenAttributes?.cacheType, "Token");
  assert.equal(provider?.tokenAttributes?.serviceAccountTokenAudience, "vault");
  const env = provider?.env ?? [];
  assert.deepEqual(env[0], { name: "TZ", value: "UTC" });
  assert.deepEqual(env.filter(({ name }) => name === "NODE_EXTRA_CA_CERTS"), [
    { name: "NODE_EXTRA_CA_CERTS", value: "" },
  ]);
  const { config: rewritten } = mergeProvider(before, {
    matchImages: ["docker.io"],
    args: ["--timeout=20s"],
    audience: "other",
  });
  const [other] = written(rewritten).providers;
  assert.deepEqual(other?.args, ["--timeout=20s"]);
  assert.equal(other?.tokenAttributes?.serviceAccountTokenAudience, "other");
});

Deno.test("entries that overlap another provider's are left out, and told apart from shared ones", () => {
  const ecr = { ...PROVIDER, name: "ecr", matchImages: ["*.dkr.ecr.*.amazonaws.com", "gcr.io"] };
  const { config: merged, skipped, shared } = mergeProvider(existing(ecr), {
    matchImages: ["gcr.io/team", "quay.io", "1.dkr.ecr.us-east-1.amazonaws.com"],
  });
  assert.deepEqual(written(merged).providers[1]?.matchImages, [
    "quay.io",
    "1.dkr.ecr.us-east-1.amazonaws.com",
  ]);
  assert.deepEqual(skipped, [{ pattern: "gcr.io/team", other: "gcr.io", provider: "ecr" }]);
  assert.deepEqual(shared, [{
    pattern: "1.dkr.ecr.us-east-1.amazonaws.com",
    other: "*.dkr.ecr.*.amazonaws.com",
    provider: "ecr",
  }]);
});

Deno.test("with every entry left out there is no configuration", () => {
  const { config: merged, skipped } = mergeProvider(existing(PROVIDER), {
    matchImages: ["registry.example.com/team"],
  });
  assert.equal(merged, undefined);
  assert.equal(skipped.length, 1);
});
