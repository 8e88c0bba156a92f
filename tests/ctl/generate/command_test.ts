import assert from "node:assert/strict";
import { loadAll } from "js-yaml";
import { readSecret } from "../../../src/credentials/docker_config.ts";
import { formatScope } from "../../../src/credentials/scope.ts";
import { PULLED_IMAGES, PULLED_IMAGES_MEANING } from "../../../src/kubelet/pulled_images.ts";
import { parseSecretNames } from "../../../src/kubernetes/secrets/secret_names.ts";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import { findPullSources } from "../../../src/sources/registries_conf/pull_sources.ts";
import { formatRepository } from "../../../src/sources/reference.ts";
import { runCtlWith } from "../../support/ctl.ts";
import * as schemas from "../../support/manifest_schemas.ts";

const FIXTURES = new URL("../../../fixtures/", import.meta.url).pathname;
const ECR = `${FIXTURES}openshift/ecr-credential-provider.yaml`;
const RESOURCE = `${FIXTURES}openshift/crio-credential-provider-config.yaml`;
const PASSWORD = "pass:w0rd ü";

function fixture(path: string): string {
  return Deno.readTextFileSync(`${FIXTURES}${path}`);
}

/** What commands say on stderr that are given no audience, and no others. */
const ASSUMED =
  /^warning: --audience is not given: using kubeadm's default, https:\/\/kubernetes\.default\.svc\.cluster\.local; compare .*\n/;
const SILENT = new RegExp(`^$|${ASSUMED.source}$`);

/** Runs a command that must succeed, and say nothing on stderr unless that is expected. */
async function generate(line: string, stdin?: string, stderr = SILENT): Promise<string> {
  const result = await runCtlWith(["generate", ...line.split(" ")], stdin);
  assert.match(result.stderr, stderr);
  assert.equal(result.code, 0);
  return result.stdout;
}

const COMMAND_LINES: readonly [line: string, code: number, stdout: RegExp, stderr: RegExp][] = [
  ["--help", 0, /COMMANDS\n[^]* {2}generate/, /^$/],
  ["--version", 0, /^version: +1\.2\.3\n[^]*\nplatform: +linux/, /^$/],
  ["-version", 0, /^version: /, /^$/],
  ["--version-json", 0, /"version": "1\.2\.3"/, /^$/],
  ["", 0, /COMMANDS\n[^]* {2}generate/, /^$/],
  ["generate", 0, /\n {2}registries-conf/, /^$/],
  ["explode", 2, /^$/, /^error: unknown command explode; did you mean explain\?$/m],
  ["generate rbc", 2, /^$/, /did you mean rbac/],
  ["generate rbac --bogus", 2, /^$/, /error: unknown flag --bogus/],
  ["generate rbac --name a", 2, /^$/, /unknown flag --name; did you mean/],
  ["generate rbac", 2, /^$/, /error: generate rbac: has nothing to print; give --namespace or/],
  ["generate rbac --service-account a", 2, /^$/, /--service-account: needs --namespace/],
  ["generate rbac --node a --all-nodes", 2, /^$/, /--all-nodes: cannot be used with --node/],
  ["generate rbac --namespace a --audience b", 2, /^$/, /--audience: needs --node or/],
  ["generate rbac --all-nodes --audience *", 2, /^$/, /--audience: must name one audience/],
  [`generate rbac --namespace a --from ${ECR}`, 2, /^$/, /--from: needs --node or/],
  [
    `generate rbac --all-nodes --audience a --from ${ECR}`,
    2,
    /^$/,
    /--from: cannot be used with --audience; give one of them/,
  ],
  [
    `generate rbac --all-nodes --from ${RESOURCE}`,
    1,
    /^$/,
    /crio-credential-provider-config\.yaml: "metadata" is not a key/,
  ],
  ["generate rbac --all-nodes", 0, /^# The audience [^]*\napiVersion: /, ASSUMED],
  ["generate rbac --all-nodes --audience a.io", 0, /^apiVersion: [^]*\n {6}- a\.io\n/, /^$/],
  ["generate rbac --namespace a", 0, /^apiVersion: /, /^$/],
  [
    "generate kubelet-config --match-image a.io",
    0,
    /^# The audience https:[^]*\n# +kubectl create token default -o jsonpath='.*'\n(?:#.*\n)*apiVersion: [^]*\.cluster\.local\n/,
    ASSUMED,
  ],
  [
    "generate kubelet-config --match-image a.io --audience b",
    0,
    /^(?!# The audience)[^]*apiVersion: [^]* b\n/,
    /^$/,
  ],
  [
    `generate kubelet-config --match-image a.io --merge ${ECR}`,
    0,
    /^(?!# The audience)[^]*apiVersion: [^]*Audience: https:\/\/kubernetes\.default\.svc\n/,
    /^$/,
  ],
  [
    "generate kubelet-config --match-image a.io --arg=--log-levl=debug",
    2,
    /^$/,
    /--arg: "--log-levl=debug": unknown flag --log-levl; did you mean --log-level/,
  ],
  [
    "generate kubelet-config --match-image a.io --arg=--log-level=loud",
    2,
    /^$/,
    /--arg: --log-level: must be one of error, warn, info, debug, not "loud"/,
  ],
  [
    "generate kubelet-config --match-image a.io --arg=--log-level --arg=debug --audience b",
    0,
    /args:\n +- --log-level\n +- debug\n/,
    /^$/,
  ],
  ["generate kubelet-config --match-image a.io --arg=debug", 2, /^$/, /--arg: "debug": .*debug/],
  ["generate kubelet-config --match-image a.io --arg=--timeout", 2, /^$/, /--arg: "--timeout": /],
  ["generate kubelet-config --match-image a.io --arg=--version", 2, /^$/, /unknown flag --version/],
  [
    "generate kubelet-config --match-image a.io --arg=--help",
    2,
    /^$/,
    /--arg: "--help": with it the plugin answers no request/,
  ],
  [
    "generate kubelet-config --match-image index.docker.io --audience b",
    0,
    /index\.docker\.io/,
    /^warning: --match-image: "index\.docker\.io" matches nothing: the kubelet names such images docker\.io\/…; write docker\.io\n$/,
  ],
  [
    "generate kubelet-config --match-image [::1]:5000",
    2,
    /^$/,
    /--match-image: "\[::1\]:5000" is an IPv6 address, which no image name can have/,
  ],
  ["generate rbac --namespace A", 2, /^$/, /--namespace: "A" cannot be the name of a namespace/],
  ["generate rbac --namespace a --service-account b_c", 2, /^$/, /"b_c" cannot be the name/],
  ["generate rbac --node a/b", 2, /^$/, /--node: "a\/b" cannot be the name of a node/],
  ["generate rbac --secret a", 2, /^$/, /--secret: needs --namespace/],
  [
    "generate rbac --namespace a --secret B",
    2,
    /^$/,
    /--secret: "B" cannot be the name of a secret/,
  ],
  ["generate rbac --namespace a --secret ../b", 2, /^$/, /--secret: "\.\.\/b" cannot be the name/],
  [
    `generate rbac --namespace a ${
      Array.from({ length: 33 }, (_, i) => `--secret s${i}`).join(" ")
    }`,
    2,
    /^$/,
    /--secret: names 33 secrets, and at most 32 are read/,
  ],
  ["generate rbac --namespace a --secrets-annotation b/c", 2, /^$/, /needs --secret/],
  [
    "generate rbac --namespace a --secret b --secrets-annotation c/d/e",
    2,
    /^$/,
    /--secrets-annotation: "c\/d\/e" is not an annotation key; write it like example\.com\/secrets/,
  ],
  [
    "generate kubelet-config --match-image a.io --secrets-annotation a/b/c",
    2,
    /^$/,
    /--secrets-annotation/,
  ],
  [
    "generate kubelet-config --match-image a.io --pulled-images pod",
    2,
    /^$/,
    /Expected "pod" to be one of \(node\|service-account\)/,
  ],
  [
    `generate kubelet-config --from ${RESOURCE} --pulled-images node`,
    2,
    /^$/,
    /--from: cannot be used with --match-image, --audience, --arg, --pulled-images or --runtime/,
  ],
  ["generate secret", 2, /^$/, /error: --registry: its value is missing; --help lists the flags$/m],
  [
    "generate registries-conf --mirror docker.io",
    2,
    /^$/,
    /--mirror: "docker\.io" is not SOURCE=LOCATION; write it like docker\.io=mirror\.local\/hub/,
  ],
  ["generate registries-conf", 2, /^$/, /--mirror: is missing/],
  ["generate registries-conf --mirror https://a.io=b.io", 2, /^$/, /leave out the URL scheme/],
  ["generate registries-conf --mirror a.io=b.io=c.io", 2, /^$/, /is not SOURCE=LOCATION/],
  ["generate registries-conf --mirror a.io=nohost/x", 2, /^$/, /"nohost\/x" is not a registry/],
  ["generate registries-conf --mirror a.io=*.b.io", 2, /^$/, /"\*\.b\.io" is not a registry/],
  ["generate registries-conf --mirror *.a.io/x=b.io", 2, /^$/, /"\*\.a\.io\/x" is not a registry/],
  ["generate registries-conf --mirror *.a.io:5000=b.io", 2, /^$/, /is not a registry/],
  ["generate registries-conf --mirror a.io/X=b.io", 2, /^$/, /"a\.io\/X" has upper case in its/],
  [
    "generate registries-conf --mirror index.docker.io/team=m.example.com",
    2,
    /^$/,
    /--mirror: "index\.docker\.io\/team" never applies: such images are named docker\.io\/…; write docker\.io\/team\n/,
  ],
  [
    "generate registries-conf --mirror docker.io=[::1]:5000",
    2,
    /^$/,
    /--mirror: "\[::1\]:5000" is an IPv6 address, which the image library does not accept; use a host name/,
  ],
  [
    "generate registries-conf --mirror docker.io=MIRROR/hub",
    2,
    /^$/,
    /--mirror: "MIRROR\/hub" is not a host to the image library: .*; write the full name/,
  ],
  [
    "generate registries-conf --mirror a.io=b.io --insecure c.io",
    2,
    /^$/,
    /--insecure: "c\.io" is not a mirror that --mirror gives/,
  ],
  ["generate kubelet-config", 2, /^$/, /--match-image: is missing; name the registries/],
  ["generate kubelet-config --match-image https://a.io", 2, /^$/, /URL scheme: leave it out/],
  ["generate kubelet-config --match-image a.io:x", 2, /^$/, /--match-image: "a\.io:x" has "x" as/],
  ["generate kubelet-config --match-image a.io --platform aws", 2, /^$/, /--platform: needs/],
  ["generate kubelet-config --match-image a.io --audience=", 2, /^$/, /--audience: is empty/],
  [
    `generate kubelet-config --match-image a.io --from ${RESOURCE}`,
    2,
    /^$/,
    /--from: cannot be used/,
  ],
  [
    `generate kubelet-config --from ${RESOURCE} --merge ${ECR} --platform aws`,
    2,
    /^$/,
    /--merge: cannot be used with --platform/,
  ],
  [
    "generate kubelet-config --from - --merge -",
    2,
    /^$/,
    /--merge: cannot read stdin, which --from reads/,
  ],
  ["generate kubelet-config --from -", 2, /^$/, /stdin: is a terminal/],
  ["generate kubelet-config --from /nowhere/x", 1, /^$/, /\/nowhere\/x: does not exist; .*--from/],
  [
    `generate kubelet-config --from ${ECR}`,
    1,
    /^$/,
    /ecr-credential-provider\.yaml: "metadata" is/,
  ],
  [
    `generate kubelet-config --match-image a.io --merge ${RESOURCE}`,
    1,
    /^$/,
    /crio-credential-provider-config\.yaml: "metadata" is not a key/,
  ],
  [
    `generate kubelet-config --match-image x.us.amazonaws.com --platform=ibm`,
    2,
    /^$/,
    /Expected "ibm" to be one of \(aws\|gcp\|azure\|none\)/,
  ],
  ["generate machine-config --platform aws", 2, /^$/, /error: --role: its value is missing/],
  ["generate machine-config --role worker", 2, /^$/, /error: --platform: its value is missing/],
  ["generate machine-config --role worker --platform aws", 2, /^$/, /--match-image: is missing/],
  ["generate machine-config --role Worker --platform aws", 2, /^$/, /name of a role/],
  [
    "generate machine-config --role worker --platform aws --match-image a.io --ignition 2.2",
    2,
    /^$/,
    /Expected "2\.2" to be one of \(3\.4\|3\.5\)/,
  ],
  ["generate crio-credential-provider-config", 2, /^$/, /--match-image: is missing/],
  ["generate crio-credential-provider-config --match-image *", 2, /^$/, /"\*" is refused/],
  [
    "generate crio-credential-provider-config --match-image a.io --match-image a.io",
    2,
    /^$/,
    /twice/,
  ],
  ["generate crio-credential-provider-config --match-image re*.io", 2, /^$/, /whole labels/],
];

for (const [line, code, stdout, stderr] of COMMAND_LINES) {
  Deno.test(`crio-credential-ctl ${line.replaceAll(FIXTURES, "")} ends with ${code}`, async () => {
    const result = await runCtlWith(line === "" ? [] : line.split(" "));
    assert.match(result.stdout, stdout);
    assert.match(result.stderr, stderr);
    assert.equal(result.code, code);
  });
}

const SUBCOMMANDS = [
  "kubelet-config",
  "rbac",
  "secret",
  "registries-conf",
  "machine-config",
  "crio-credential-provider-config",
];

for (const command of SUBCOMMANDS) {
  Deno.test(`the help of generate ${command} shows an example that works`, async () => {
    const help = await runCtlWith(["generate", command, "--help"]);
    assert.equal(help.code, 0);
    const stdout = help.stdout.replaceAll(/ \\\n +/g, " ");
    const examples = [...stdout.matchAll(/^ {2}crio-credential-ctl (generate .*)\n {4}\w/gm)];
    assert.ok(examples.length > 0, help.stdout);
    const resource = fixture("openshift/crio-credential-provider-config.yaml");
    const providers = fixture("openshift/ecr-credential-provider.yaml");
    for (const [, line = ""] of examples) {
      const words = line
        .replace("cluster.yaml", "-")
        .replace("providers.yaml", "-")
        .replace(" < password", "")
        .split(" ");
      const stdin = line.includes("cluster.yaml") ? resource : providers;
      const result = await runCtlWith(words, command === "secret" ? PASSWORD : stdin);
      assert.equal(result.code, 0, `${line}\n${result.stderr}`);
      assert.notEqual(result.stdout, "");
    }
  });
}

Deno.test("the RBAC of a namespace and all nodes is what the end-to-end run has proved", async () => {
  const documents = loadAll(await generate("rbac --namespace default --all-nodes"));
  assert.deepEqual(documents, [
    ...loadAll(fixture("kubernetes/node-rbac.yaml")),
    ...loadAll(fixture("kubernetes/namespace-rbac.yaml")),
  ]);
  const kinds = [
    schemas.ClusterRole,
    schemas.ClusterRoleBinding,
    schemas.Role,
    schemas.RoleBinding,
  ];
  kinds.forEach((schema, index) => {
    schemas.readManifest(schema, JSON.stringify(documents[index]));
  });
});

Deno.test("the RBAC of the nodes names the audience of a provider file", async () => {
  const [role] = loadAll(await generate(`rbac --all-nodes --from ${ECR}`, undefined, /^$/));
  assert.deepEqual([role], loadAll(fixture("openshift/node-rbac.yaml")).slice(0, 1));
});

/** Audiences that are none, or all of them, or that write lines of their own. */
const NO_AUDIENCES = ["", "*", "a\nb", "a\tb", "a\u001b[31m", "a\u007f", "a\u0085b"];

for (
  const line of [
    "rbac --all-nodes",
    "checks --namespace team --node worker-1",
    "kubelet-config --match-image a.io",
    "machine-config --role worker --platform none --match-image a.io",
  ]
) {
  Deno.test(`generate ${line} takes no audience that is not one`, async () => {
    for (const audience of NO_AUDIENCES) {
      const words = ["generate", ...line.split(" "), "--audience", audience];
      const { code, stdout, stderr } = await runCtlWith(words);
      assert.deepEqual([code, stdout], [2, ""], JSON.stringify(audience));
      assert.match(stderr, /^error: --audience: (?:is empty, and )?must name one audience; .*\n$/);
    }
  });
}

Deno.test("the RBAC of the nodes opens no more than one audience, whatever a provider file has", async () => {
  const file = await generate("kubelet-config --match-image a.io --audience b.example");
  // Without one the file names none.
  for (const audience of NO_AUDIENCES.slice(1)) {
    const text = file.replace("b.example", JSON.stringify(audience));
    const words = ["generate", "rbac", "--all-nodes", "--from", "-"];
    const { code, stdout, stderr } = await runCtlWith(words, text);
    assert.deepEqual([code, stdout], [1, ""], JSON.stringify(audience));
    assert.match(
      stderr,
      /^error: stdin: "serviceAccountTokenAudience" .* must name one audience; /,
    );
  }
});

Deno.test("of a secret that is named twice the last place counts, in rbac and in checks", async () => {
  const secrets = "--secret a --secret b --secret a";
  const named = /crio-credential-provider\/secrets=b,a\n/;
  await generate(`rbac --namespace team ${secrets}`, undefined, named);
  const script = await generate(`checks --namespace team --node worker-1 ${secrets}`);
  assert.match(script, /secrets=b,a\b/);
});

Deno.test("nodes are bound one by one, each to its own user", async () => {
  const [role, ...bindings] = loadAll(
    await generate(
      "rbac --node worker-0 --node w1.example.com --node worker-0 --audience a.example",
    ),
  );
  const { rules } = schemas.readManifest(schemas.ClusterRole, JSON.stringify(role));
  assert.deepEqual(rules[1], {
    apiGroups: [""],
    resources: ["a.example"],
    verbs: ["request-serviceaccounts-token-audience"],
  });
  const read = bindings.map((each) =>
    schemas.readManifest(schemas.ClusterRoleBinding, JSON.stringify(each))
  );
  assert.deepEqual(
    read.map(({ metadata, subjects }) => [metadata.name, ...subjects.map(({ name }) => name)]),
    [
      ["crio-credential-provider-node:worker-0", "system:node:worker-0"],
      ["crio-credential-provider-node:w1.example.com", "system:node:w1.example.com"],
    ],
  );
});

Deno.test("service accounts of a namespace share one binding", async () => {
  const line = "rbac --namespace team --service-account a --service-account b --service-account a";
  const [, binding] = loadAll(await generate(line));
  const { subjects } = schemas.readManifest(schemas.RoleBinding, JSON.stringify(binding));
  assert.deepEqual(subjects, [
    { kind: "ServiceAccount", name: "a", namespace: "team" },
    { kind: "ServiceAccount", name: "b", namespace: "team" },
  ]);
});

Deno.test("secrets that are named are opened by name, for each service account by a Role of its own", async () => {
  const text = await generate(
    "rbac --namespace team --service-account a --service-account b " +
      "--secret pull-secret --secret docker-hub --secret pull-secret",
    undefined,
    /^(?:let the account name them: kubectl annotate serviceaccount [ab] -n team --overwrite crio-credential-provider\/secrets=docker-hub,pull-secret\n){2}$/,
  );
  const documents = loadAll(text).map((document) => JSON.stringify(document));
  assert.equal(documents.length, 4);
  for (const [index, account] of ["a", "b"].entries()) {
    const metadata = { name: `crio-credential-provider-${account}`, namespace: "team" };
    const role = schemas.readManifest(schemas.Role, documents[2 * index] ?? "");
    assert.deepEqual([role.metadata, role.rules], [metadata, [{
      apiGroups: [""],
      resources: ["secrets"],
      resourceNames: ["docker-hub", "pull-secret"],
      verbs: ["get"],
    }]]);
    const binding = schemas.readManifest(schemas.RoleBinding, documents[2 * index + 1] ?? "");
    assert.deepEqual([binding.metadata, binding.roleRef.name, binding.subjects], [
      metadata,
      metadata.name,
      [{ kind: "ServiceAccount", name: account, namespace: "team" }],
    ]);
  }
});

Deno.test("the command for the annotation writes what the plugin reads, under the key given", async () => {
  const result = await runCtlWith(
    ["generate", "rbac", "--namespace", "team", "--secret", "b", "--secret", "a"]
      .concat(["--secrets-annotation", "example.com/pull"]),
  );
  const [, value = ""] = /example\.com\/pull=(\S+)\n$/.exec(result.stderr) ?? [];
  const account = { namespace: "team", name: "default" };
  assert.deepEqual(parseSecretNames(value, "", account).names, ["b", "a"]);
});

/** Our provider in what a command prints. */
async function provider(line: string, stdin?: string) {
  const text = await generate(line, stdin);
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  const ours = providers.find(({ name }) => name === "crio-credential-provider");
  assert.ok(ours);
  return {
    text,
    args: ours.args,
    keys: ours.tokenAttributes?.optionalServiceAccountAnnotationKeys,
  };
}

const KEY = "crio-credential-provider/secrets";
const OURS = "kubelet-config --match-image docker.io";
const PROVIDERS: readonly [line: string, args: string[] | undefined, keys: string[] | undefined][] =
  [
    [OURS, undefined, [KEY]],
    [`kubelet-config --from ${RESOURCE}`, undefined, [KEY]],
    [`kubelet-config --from ${RESOURCE} --secrets-annotation=`, undefined, undefined],
    [`${OURS} --merge ${ECR}`, undefined, [KEY]],
    [`${OURS} --secrets-annotation=`, undefined, undefined],
    [`${OURS} --secrets-annotation a.io/b`, ["--secrets-annotation=a.io/b"], ["a.io/b"]],
    [`${OURS} --arg=--secrets-annotation=a.io/b`, ["--secrets-annotation=a.io/b"], ["a.io/b"]],
    [`${OURS} --pulled-images service-account`, ["--pulled-images=service-account"], [KEY]],
    [
      `${OURS} --arg=--timeout=20s --pulled-images node`,
      ["--timeout=20s", "--pulled-images=node"],
      [KEY],
    ],
  ];

for (const [line, args, keys] of PROVIDERS) {
  Deno.test(`generate ${line.replaceAll(FIXTURES, "")} has arguments and annotation in keeping`, async () => {
    const stderr = line.includes("--from") ? /^condition [^]*$/ : SILENT;
    const result = await runCtlWith(["generate", ...line.split(" ")]);
    assert.match(result.stderr, stderr);
    const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, result.stdout);
    const ours = providers.find(({ name }) => name === "crio-credential-provider");
    assert.deepEqual(
      [ours?.args, ours?.tokenAttributes?.optionalServiceAccountAnnotationKeys],
      [args, keys],
    );
  });
}

Deno.test("merging keeps what the file's own provider is told, but for what is given anew", async () => {
  const before = (await provider(
    `${OURS} --arg=--pulled-images --arg=service-account --secrets-annotation a.io/b`,
  )).text;
  const kept = await provider(`${OURS} --merge -`, before);
  assert.deepEqual(kept.args, [
    "--pulled-images",
    "service-account",
    "--secrets-annotation=a.io/b",
  ]);
  assert.deepEqual(kept.keys, ["a.io/b"]);
  const anew = await provider(`${OURS} --merge - --pulled-images node`, before);
  assert.deepEqual(anew.args, ["--secrets-annotation=a.io/b", "--pulled-images=node"]);
});

for (const mode of PULLED_IMAGES) {
  Deno.test(`a comment says what --pulled-images ${mode} means, what the other would, and from when on`, async () => {
    const { text } = await provider(`${OURS} --pulled-images ${mode}`);
    const comment = text.slice(0, text.indexOf("apiVersion")).replaceAll(/\n?# ?/g, " ");
    assert.ok(
      comment.includes(`--pulled-images ${mode} (set here): ${PULLED_IMAGES_MEANING[mode]}.`),
    );
    for (const each of PULLED_IMAGES) assert.ok(comment.includes(PULLED_IMAGES_MEANING[each]));
    assert.match(
      comment,
      /from Kubernetes 1\.35 on, in 1\.34 with .* KubeletEnsureSecretPulledImages/,
    );
    assert.ok(text.split("\n").every((line) => line.length <= 100));
  });
}

for (const end of ["", "\n", "\r\n"]) {
  Deno.test(`the secret opens its registry, its password ending in ${JSON.stringify(end)}`, async () => {
    const line =
      "secret --namespace team --registry https://mirror.local:5000/v2/team/ --username me";
    const text = await generate(line, `${PASSWORD}${end}`);
    assert.ok(!text.includes("w0rd"));
    const { metadata, type, data } = schemas.readManifest(schemas.Secret, text);
    assert.deepEqual(metadata, { name: "registry-mirror.local-5000-team", namespace: "team" });
    const bytes = Uint8Array.fromBase64(data[".dockerconfigjson"]);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
      auths: {
        "mirror.local:5000/team": {
          username: "me",
          password: PASSWORD,
          auth: new TextEncoder().encode(`me:${PASSWORD}`).toBase64(),
        },
      },
    });
    // The plugin reads it, too.
    const [credential, ...rest] = readSecret({ name: metadata.name, type, data }, () => {
      assert.fail("nothing in the secret is broken");
    });
    assert.deepEqual(credential?.scope, { host: "mirror.local:5000", path: "team" });
    assert.equal(rest.length, 0);
  });
}

Deno.test("the secret is for further registries, too, by an annotation that the plugin reads", async () => {
  const line = "secret --namespace team --registry docker.io --username me " +
    "--also-for https://mirror.local:5000/v2/hub/ --also-for quay.io";
  const text = await generate(line, PASSWORD);
  const { metadata, type, data } = schemas.readManifest(schemas.Secret, text);
  const alsoFor = metadata.annotations?.["crio-credential-provider/also-for"];
  assert.equal(alsoFor, "mirror.local:5000/hub, quay.io");
  assert.ok(alsoFor !== undefined);
  const found = readSecret({ name: metadata.name, type, data, alsoFor }, () => {
    assert.fail("nothing in the secret is broken");
  });
  assert.deepEqual(found.map(({ scope }) => formatScope(scope)), [
    "docker.io",
    "mirror.local:5000/hub",
    "quay.io",
  ]);
});

Deno.test("the secret is the documentation's, but for its key's spelling", async () => {
  const line =
    "secret --namespace default --registry localhost:5000 --username myuser --name my-registry";
  const { metadata, data } = schemas.readManifest(
    schemas.Secret,
    await generate(line, "mypassword\n"),
  );
  const example = loadAll(fixture("kubernetes/secret.yaml"));
  assert.deepEqual(
    [metadata, JSON.parse(atob(data[".dockerconfigjson"]))],
    example.map((document) => {
      assert.ok(typeof document === "object" && document !== null);
      assert.ok("metadata" in document && "stringData" in document);
      const text = JSON.stringify(document.stringData);
      const config = text.replaceAll("\\n", "").replace("http://localhost", "localhost");
      return [document.metadata, JSON.parse(JSON.parse(config)[".dockerconfigjson"])];
    }).flat(),
  );
});

const BAD_SECRETS: readonly [flags: string, stdin: string | undefined, code: number, RegExp][] = [
  ["", undefined, 2, /stdin: is a terminal; the password is read from a pipe or a file/],
  ["", "", 1, /stdin: is empty, expected the password/],
  ["", "\n", 1, /stdin: is empty/],
  ["", "one\ntwo\n", 1, /stdin: has a control character/],
  ["--namespace Team", "hidden", 2, /--namespace: "Team"/],
  ["--name A", "hidden", 2, /--name: "A" cannot be the name of a secret/],
  ["--username a:b", "hidden", 2, /--username: is empty, or has a colon/],
  ["--registry *.local", "hidden", 2, /--registry: is not a registry with port and path/],
  ["--also-for *.local", "hidden", 2, /--also-for: is not a registry with port and path/],
  [
    Array.from({ length: 33 }, (_, index) => `--also-for r${index}.io`).join(" "),
    "hidden",
    2,
    /--also-for: names 33 registries, and at most 32 are read/,
  ],
  ["--also-for a.io,b.io", "hidden", 2, /--also-for: is not a registry with port and path/],
  ["--also-for a.io/x=b", "hidden", 2, /--also-for: is not a registry with port and path/],
  ["--registry user:hidden@mirror.local", "hidden", 2, /--registry: is not a registry with port/],
];

for (const [flags, stdin, code, message] of BAD_SECRETS) {
  Deno.test(`a secret with ${flags.slice(0, 60) || JSON.stringify(stdin)} is refused, and its password not told`, async () => {
    const given = new Map([
      ["--namespace", "team"],
      ["--registry", "mirror.local"],
      ["--username", "me"],
    ]);
    const [flag, value, ...more] = flags.split(" ");
    if (flag !== undefined && value !== undefined) given.set(flag, value);
    const result = await runCtlWith(
      ["generate", "secret", ...[...given].flat(), ...more],
      stdin,
    );
    assert.match(result.stderr, message);
    assert.equal(result.code, code);
    assert.equal(result.stdout, "");
    assert.doesNotMatch(result.stderr, /hidden|two/);
  });
}

/** Where an image is pulled from with a drop-in over the documentation's main file. */
function pullSources(dropIn: string, image: string): string[] {
  const main = { path: "registries.conf", text: fixture("registries/mirror.conf") };
  const dropIns = [{ path: "50.conf", text: dropIn }];
  return findPullSources(mergeRegistries({ main, dropIns }), image).sources.map(formatRepository);
}

Deno.test("the drop-in is read as registries.conf, mirrors in order", async () => {
  const text = await generate(
    "registries-conf --mirror docker.io=mirror.local/hub/ --mirror quay.io/team=10.0.0.1:5000 " +
      "--mirror docker.io=backup.local --mirror *.example.com=m.local --mirror docker.io=backup.local " +
      "--insecure 10.0.0.1:5000",
  );
  assert.deepEqual(pullSources(text, "docker.io/library/nginx"), [
    "mirror.local/hub/library/nginx",
    "backup.local/library/nginx",
    "docker.io/library/nginx",
  ]);
  assert.deepEqual(pullSources(text, "quay.io/team/app"), [
    "10.0.0.1:5000/app",
    "quay.io/team/app",
  ]);
  assert.deepEqual(pullSources(text, "quay.io/other/app"), []);
  assert.deepEqual(pullSources(text, "a.b.example.com/app"), [
    "m.local/app",
    "a.b.example.com/app",
  ]);
  assert.equal(text.match(/insecure = true/g)?.length, 1);
  assert.equal(text.match(/location = "backup\.local"/g)?.length, 1);
  assert.match(text, /location = "10\.0\.0\.1:5000"\ninsecure = true/);
});

Deno.test("the kubelet's configuration is the end-to-end run's, and takes arguments", async () => {
  const text = await generate(
    "kubelet-config --match-image docker.io --arg=--log-level=debug --audience a.example",
  );
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  const example = schemas.readManifest(
    schemas.CredentialProviderConfig,
    fixture("kubernetes/credential-provider-config.yaml"),
  ).providers;
  assert.equal(example.length, 1);
  assert.deepEqual(
    providers,
    example.map((provider) => ({
      ...provider,
      args: ["--log-level=debug"],
      tokenAttributes: { ...provider.tokenAttributes, serviceAccountTokenAudience: "a.example" },
    })),
  );
});

Deno.test("a pattern that means less than it seems is used with a warning", async () => {
  await generate(
    "kubelet-config --match-image *",
    undefined,
    /^warning: "\*" matches hosts of one/,
  );
});

Deno.test("overlaps are reported on stderr, and what is left goes to stdout", async () => {
  const stdin = fixture("openshift/ecr-credential-provider.yaml");
  const text = await generate(
    "kubelet-config --merge - --match-image quay.io --match-image 1.dkr.ecr.x.amazonaws.com " +
      "--match-image *.amazonaws.com",
    stdin,
    new RegExp(
      String
        .raw`^warning: "\*\.amazonaws\.com" overlaps "\*\.dkr\.ecr\.\*\.amazonaws\.com" of ecr-credential-provider: left out.*\nwarning: "1\.dkr.* of ecr-credential-provider: the kubelet runs both.*\n$`,
    ),
  );
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  assert.deepEqual(providers.map(({ matchImages }) => matchImages.at(-1)), [
    "*.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
    "1.dkr.ecr.x.amazonaws.com",
  ]);
  const none = await runCtlWith(
    ["generate", "kubelet-config", "--merge", ECR, "--match-image", "*.amazonaws.com"],
  );
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(none.stderr, /^error: matchImages: no entry is left/m);
});

Deno.test("a provider file that the kubelet would refuse is not merged into", async () => {
  const stdin = fixture("openshift/ecr-credential-provider.yaml").replace("name: ecr", "name: e/c");
  const result = await runCtlWith(
    ["generate", "kubelet-config", "--match-image", "quay.io", "--merge", "-"],
    stdin,
  );
  assert.deepEqual([result.code, result.stdout], [1, ""]);
  assert.match(
    result.stderr,
    /^error: stdin: "providers\[0\]\.name" "e\/c-credential-provider" has/,
  );
});

Deno.test("OpenShift's resource is rendered with the platform's provider and its conditions", async () => {
  const text = await generate(
    `kubelet-config --from ${RESOURCE} --platform aws --no-env`,
    undefined,
    /^condition Validated: True, Succeeded: .*\ncondition MachineConfigRendered: True, .*\n$/,
  );
  const { providers } = schemas.readManifest(
    schemas.CredentialProviderConfig,
    fixture("openshift/ecr-credential-provider.yaml"),
  );
  // The operator knows nothing of variables.
  assert.deepEqual(
    schemas.readManifest(schemas.CredentialProviderConfig, text).providers,
    providers.map(({ env: _, ...provider }) => provider),
  );
  const stdin = fixture("openshift/crio-credential-provider-config.yaml").replace(
    "- docker.io",
    "- eu.gcr.io",
  );
  const none = await runCtlWith(
    ["generate", "kubelet-config", "--from", "-", "--platform", "gcp"],
    stdin,
  );
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(
    none.stderr,
    /^condition Validated: False, ConfigurationPartiallyApplied: .*eu\.gcr/m,
  );
  const bare = await runCtlWith(
    ["generate", "kubelet-config", "--from", "-"],
    stdin.replace(/spec:[^]*/, "spec: {}\n"),
  );
  assert.deepEqual([bare.code, bare.stdout], [1, ""]);
  assert.match(bare.stderr, /^error: stdin: "spec\.matchImages" is empty/m);
});

Deno.test("a resource that is written is read back", async () => {
  const resource = await generate(
    "crio-credential-provider-config --match-image quay.io --match-image *.example.com --api-version v1",
  );
  schemas.readManifest(schemas.CrioCredentialProviderConfig, resource);
  const text = await generate("kubelet-config --from -", resource, /Succeeded/);
  const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, text);
  assert.deepEqual(providers[0]?.matchImages, ["*.example.com", "quay.io"]);
});

Deno.test("the MachineConfig carries the platform's provider file and the mirrors", async () => {
  const line = "machine-config --role worker --platform aws --mirror docker.io=localhost:5000 " +
    "--insecure localhost:5000";
  const text = await generate(line);
  const config = schemas.readManifest(schemas.MachineConfig, text);
  assert.equal(config.metadata.name, "99-worker-crio-credential-provider");
  assert.deepEqual(config.metadata.labels, {
    "machineconfiguration.openshift.io/role": "worker",
  });
  assert.equal(config.spec.config.ignition.version, "3.4.0");
  const files = await schemas.readNodeFiles(config);
  assert.deepEqual([...files.keys()], [
    "/etc/kubernetes/credential-providers/ecr-credential-provider.yaml",
    "/etc/containers/registries.conf.d/50-crio-credential-provider.conf",
  ]);
  const [providers = "", dropIn = ""] = files.values();
  assert.deepEqual(
    schemas.readManifest(schemas.CredentialProviderConfig, providers),
    schemas.readManifest(
      schemas.CredentialProviderConfig,
      fixture("openshift/ecr-credential-provider.yaml"),
    ),
  );
  const byDropIn = mergeRegistries({
    main: undefined,
    dropIns: [{ path: "50.conf", text: dropIn }],
  });
  const byFixture = mergeRegistries({
    main: { path: "50.conf", text: fixture("registries/mirror.conf") },
    dropIns: [],
  });
  assert.deepEqual(byDropIn.registries, byFixture.registries);
  assert.equal(await generate(line), text);
});

const PLATFORM_FILES: readonly [platform: string, file: string, provider: string | undefined][] = [
  ["aws", "ecr", "*.dkr.ecr.*.amazonaws.com"],
  ["gcp", "gcr", "gcr.io"],
  ["azure", "acr", "*.azurecr.io"],
  ["none", "generic", undefined],
];

for (const [platform, file, first] of PLATFORM_FILES) {
  Deno.test(`on ${platform} the provider file is ${file}'s`, async () => {
    const text = await generate(
      `machine-config --role infra --platform ${platform} --match-image docker.io --ignition 3.5`,
      undefined,
      platform === "none" ? /^warning: OpenShift 4\.21 starts the kubelet without/ : /^$/,
    );
    const config = schemas.readManifest(schemas.MachineConfig, text);
    assert.equal(config.spec.config.ignition.version, "3.5.0");
    assert.equal(config.metadata.name, "99-infra-crio-credential-provider");
    assert.equal(config.metadata.labels["machineconfiguration.openshift.io/role"], "infra");
    const files = await schemas.readNodeFiles(config);
    const path = `/etc/kubernetes/credential-providers/${file}-credential-provider.yaml`;
    const { providers } = schemas.readManifest(
      schemas.CredentialProviderConfig,
      files.get(path) ?? "",
    );
    assert.deepEqual(
      providers.map(({ name, matchImages }) => [name, matchImages[0]]),
      [
        ...(first === undefined ? [] : [[`${file}-credential-provider`, first]]),
        ["crio-credential-provider", "docker.io"],
      ],
    );
    const unit = files.get(
      "/etc/systemd/system/kubelet.service.d/40-kubelet-crio-image-credential-provider.conf",
    );
    assert.equal(unit === undefined, platform !== "none");
    if (unit !== undefined) {
      assert.match(
        unit,
        /^\[Service\]\nEnvironment="KUBELET_CRIO_IMAGE_CREDENTIAL_PROVIDER_FLAGS=/,
      );
      assert.ok(unit.endsWith(` --image-credential-provider-config=${path}"\n`));
    }
  });
}

Deno.test("a mirrored registry that the kubelet would not run the plugin for is reported", async () => {
  await generate(
    "machine-config --role worker --platform aws --match-image quay.io --mirror docker.io=a.local",
    undefined,
    /^warning: no --match-image covers "docker\.io", which has a mirror\n$/,
  );
  await generate(
    "machine-config --role worker --platform aws --mirror *.example.com=a.local",
    undefined,
    /^warning: "\*\.example\.com" has mirrors at any depth of sub-domains, .* one label\n$/,
  );
});
