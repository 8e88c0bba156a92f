import assert from "node:assert/strict";
import { CLOCK } from "../../../src/process/clock.ts";
import type { Explanation } from "../../../src/ctl/explain/explanation.ts";
import { createLog } from "../../../src/process/log.ts";
import { providePullCredentials } from "../../../src/plugin.ts";
import type { Settings } from "../../../src/settings/settings.ts";
import { ApiServer } from "../../support/api_server.ts";
import { AUTH, IMAGE, MIRROR, PASSWORD, request } from "../../support/cluster.ts";
import { runCtlWith } from "../../support/ctl.ts";
import { serviceAccountToken } from "../../support/service_account_token.ts";
import { type TempNode, tempNode } from "../../support/temp_node.ts";

const FIXTURES = new URL("../../../fixtures/", import.meta.url).pathname;
const SECRETS = `${FIXTURES}secrets/team.yaml`;
const WORKSTATION = [
  ...["explain", "--image", "nginx:1.27", "--namespace", "team", "--secrets-file", SECRETS],
  ...["--registries-conf", `${FIXTURES}registries/openshift.conf`],
  ...["--registries-conf-dir", `${FIXTURES}nowhere`],
  ...["--kubelet-auth-file", `${FIXTURES}secrets/global.json`],
];

/** Runs a command that must succeed and say nothing on stderr. */
async function explain(
  args: readonly string[],
  stdin?: string,
  settings?: Settings,
): Promise<string> {
  const { code, stdout, stderr } = await runCtlWith(args, stdin, settings);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

async function explainJson(...run: Parameters<typeof explain>): Promise<Explanation> {
  const [args, ...rest] = run;
  return JSON.parse(await explain([...args, "--json"], ...rest));
}

Deno.test("a pull is explained without a cluster", async () => {
  const text = await explain(WORKSTATION);
  const expected = `image           docker.io/library/nginx, by tag
namespace       team
registries      [[registry]] with prefix "docker.io/library", registries/openshift.conf:23
                mirrors: mirror.example.com:8443/hub (for pulls by tag only), backup.example.com/hub (for pulls by tag only); location: docker.io/library
secrets         broken, docker-hub, mirror, mirror-everything from secrets/team.yaml
                not read: 1 of type kubernetes.io/dockercfg, 1 of type kubernetes.io/tls
                - secret "broken": not valid JSON (line 1, column 2)
global file     secrets/global.json
                kept: backup.example.com, registry.redhat.io
pulled image    --pulled-images node: an image of a mirror that is on the node may be used by every pod of the node, and its containers restart while the API server is away
                --pulled-images service-account: an image of a mirror that is on the node may be used by the service accounts that pulled it with credentials of their namespace, and its containers cannot be restarted while the API server is away
                it takes effect from Kubernetes 1.35 on, in 1.34 with the kubelet's feature gate KubeletEnsureSecretPulledImages

pull source 1: mirror.example.com:8443/hub/nginx (mirror, for pulls by tag only)
  + secret "mirror", key "mirror.example.com:8443/hub": chosen, the most specific one that covers it
  - secret "mirror-everything", key "mirror.example.com:8443": passed over, less specific: its path is shorter
  - secret "docker-hub", key "https://index.docker.io/v1/", read as "docker.io": passed over, another host
  - secret "mirror-everything", key "mirror.example.com": passed over, another port of that host
  - secret "mirror", key "backup.example.com": passed over, another host
  - secret "mirror-everything", key "quay.io/team": passed over, another host, and broken: its "auth" is not base64

pull source 2: backup.example.com/hub/nginx (mirror, for pulls by tag only)
  - secret "docker-hub", key "https://index.docker.io/v1/", read as "docker.io": passed over, another host
  - secret "mirror", key "mirror.example.com:8443/hub": passed over, another host
  - secret "mirror-everything", key "mirror.example.com": passed over, another host
  - secret "mirror-everything", key "mirror.example.com:8443": passed over, another host
  - secret "mirror", key "backup.example.com": passed over, holds no credential, as credential helpers leave it behind
  - secret "mirror-everything", key "quay.io/team": passed over, another host, and broken: its "auth" is not base64
  + global file, key "backup.example.com": chosen, no credential of the namespace covers it

pull source 3: docker.io/library/nginx (the registry itself)
  + secret "docker-hub", key "https://index.docker.io/v1/", read as "docker.io": chosen, the only one of the namespace that covers it
  - secret "mirror", key "mirror.example.com:8443/hub": passed over, another host
  - secret "mirror-everything", key "mirror.example.com": passed over, another host
  - secret "mirror-everything", key "mirror.example.com:8443": passed over, another host
  - secret "mirror", key "backup.example.com": passed over, another host
  - secret "mirror-everything", key "quay.io/team": passed over, another host, and broken: its "auth" is not base64

auth file: /etc/crio/auth/team-7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5.json
  "backup.example.com" from the global file
  "registry.redhat.io" from the global file
  "mirror.example.com:8443/hub" from secret "mirror"
  "docker.io" from secret "docker-hub"

mirror.example.com:8443/hub/nginx is pulled with the credential of secret "mirror" (key "mirror.example.com:8443/hub").
backup.example.com/hub/nginx is pulled with the global file's entry "backup.example.com".
docker.io/library/nginx is pulled with the credential of secret "docker-hub" (key "https://index.docker.io/v1/").
`;
  assert.equal(text.replaceAll(FIXTURES, ""), expected);
});

Deno.test("both types of secrets are read where both are asked for", async () => {
  const types = "kubernetes.io/dockerconfigjson,kubernetes.io/dockercfg";
  const { secrets } = await explainJson([...WORKSTATION, "--secret-types", types]);
  assert.deepEqual(secrets?.read[1], "builder-dockercfg-x7k2p");
  assert.deepEqual(secrets?.leftOut, ["1 of type kubernetes.io/tls"]);
});

Deno.test("secrets are read from stdin", async () => {
  const args = WORKSTATION.map((word) => word === SECRETS ? "-" : word);
  const { secrets } = await explainJson(args, await Deno.readTextFile(SECRETS));
  assert.deepEqual([secrets?.from, secrets?.read.length], ["stdin", 4]);
});

const FORMATS = [["--format", "text"], ["--json"], ["--format=json"], ["--format", "mermaid"]];

for (const words of FORMATS) {
  Deno.test(`${words.join(" ")} shows user names when asked to, and passwords never`, async () => {
    const plain = await explain([...WORKSTATION, ...words]);
    const withUsers = await explain([...WORKSTATION, ...words, "--show-users"]);
    for (const user of ["team-mirror", "team-hub", "everyone"]) {
      const pattern = new RegExp(`user\\W+${user}\\b`);
      assert.match(withUsers, pattern);
      assert.doesNotMatch(plain, pattern);
    }
    const secrets = [
      await Deno.readTextFile(SECRETS),
      await Deno.readTextFile(`${FIXTURES}secrets/global.json`),
    ]
      .flatMap((text) => [...text.matchAll(/[A-Za-z0-9+/]{8,}={0,2}/g)].map(([word]) => word));
    const forbidden = [
      ...["hub", "mirror", "everyone", "old", "node", "pull", "builder"].map((name) =>
        `${name}-password`
      ),
      ...secrets.filter((word) => /password/.test(tryDecode(word))),
    ];
    assert.ok(forbidden.length >= 7 + 5);
    for (const text of [plain, withUsers]) {
      for (const secret of forbidden) assert.ok(!text.includes(secret));
    }
  });
}

function tryDecode(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}

/** A node with the documented mirror, whose namespace has a secret for it. */
async function startNode(): Promise<{ api: ApiServer; node: TempNode; token: string }> {
  const api = await ApiServer.start();
  const node = await tempNode({ apiServer: api });
  await node.writeRegistriesConf(MIRROR);
  const token = api.addServiceAccount("default");
  api.grant("default");
  api.addDockerConfig("default", "my-registry", { "http://localhost:5000": { auth: AUTH } });
  return { api, node, token };
}

Deno.test("what is explained on a node is what the plugin then does", async () => {
  const { node, token, ...cluster } = await startNode();
  await using api = cluster.api;
  await using _ = node;
  await node.writeGlobalAuthFile({
    auths: { "docker.io": { auth: btoa("node:node") }, "quay.io": { auth: btoa("node:node") } },
    credHelpers: { "localhost:5000": "helper", "ghcr.io": "helper" },
  });
  const told = await explainJson(["explain"], request(IMAGE, token), node.settings);
  assert.deepEqual(await node.authDirEntries(), []);
  await assert.rejects(Deno.stat(node.settings.authDir), Deno.errors.NotFound);
  assert.equal(api.requests.length, 1);
  assert.deepEqual([told.namespace, told.serviceAccount], ["default", "default"]);
  assert.deepEqual(told.registries?.table?.line, 1);
  assert.deepEqual(told.conclusions, [
    `localhost:5000/library/nginx is pulled with the credential of secret "my-registry" ` +
    `(key "http://localhost:5000").`,
    `docker.io/library/nginx is pulled with the global file's entry "docker.io".`,
  ]);

  const log = createLog({ level: "error", format: "text", sinks: [], now: () => new Date() });
  const deadline = CLOCK.now() + 10_000;
  const context = { settings: node.settings, log, clock: CLOCK, started: 0, deadline };
  await providePullCredentials(request(IMAGE, token), context);
  const path = told.authFile?.path ?? "";
  const { auths, credHelpers } = JSON.parse(await Deno.readTextFile(path));
  assert.deepEqual(told.authFile?.entries.map(({ key }) => key).sort(), Object.keys(auths).sort());
  assert.deepEqual(told.global?.helpersKept, Object.keys(credHelpers));
  assert.deepEqual(told.global?.helpersLeftOut, ["localhost:5000"]);
});

Deno.test("a token is read from a file, and its namespace may be said beside", async () => {
  const { node, token, ...cluster } = await startNode();
  await using _api = cluster.api;
  await using _ = node;
  await node.write(node.path("token"), `${token}\n`);
  const args = ["explain", "--image", "nginx", "--token-file", node.path("token")];
  const told = await explainJson(args, undefined, node.settings);
  assert.deepEqual(told.secrets?.read, ["my-registry"]);
  assert.match(told.secrets.from, /^https:\/\/127\.0\.0\.1:\d+ \(address from --apiserver\)$/);
  await explain([...args, "--namespace", "default"], undefined, node.settings);
  const { code, stderr } = await runCtlWith(
    [...args, "--namespace", "a"],
    undefined,
    node.settings,
  );
  assert.deepEqual([code, stderr], [
    2,
    "error: --namespace: the token belongs to namespace default\n",
  ]);
});

Deno.test("with a file of secrets the API server is not asked", async () => {
  const { node, token, ...cluster } = await startNode();
  await using api = cluster.api;
  await using _ = node;
  const args = ["explain", "--secrets-file", `${FIXTURES}kubernetes/secret.yaml`];
  const told = await explainJson(args, request(IMAGE, token), node.settings);
  assert.deepEqual(told.sources[0]?.used.kind, "secret");
  assert.equal(api.requests.length, 0);
});

Deno.test("an API server that refuses is told as the plugin would tell it", async () => {
  const { node, ...cluster } = await startNode();
  await using api = cluster.api;
  await using _ = node;
  const token = api.addServiceAccount("other");
  const { code, stdout, stderr } = await runCtlWith(
    ["explain"],
    request(IMAGE, token),
    node.settings,
  );
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /may not list secrets in namespace "other".*kubectl create role/);
  assert.ok(!stderr.includes(token) && !stderr.includes(PASSWORD));
});

for (
  const [name, annotations, advised] of [
    ["without the account's annotation", [], true],
    ["with it", ["--service-account-annotation", "crio-credential-provider/secrets=a"], false],
  ] as const
) {
  Deno.test(`a refusal of --image ${name} is ${advised ? "" : "not "}told how to give it`, async () => {
    const { node, ...cluster } = await startNode();
    await using api = cluster.api;
    await using _ = node;
    const { code, stderr } = await runCtlWith(
      ["explain", "--image", IMAGE, "--token-file", "-", ...annotations],
      api.addServiceAccount("other"),
      node.settings,
    );
    assert.equal(code, 1);
    const advice = /if it names them already.*--service-account-annotation crio-cred.*=NAMES$/m;
    assert.equal(advice.test(stderr), advised, stderr);
  });
}

Deno.test("an API server that is not reached is told, and each further attempt before", async () => {
  const { node, token, ...cluster } = await startNode();
  await using _api = cluster.api;
  await using _ = node;
  const { code, stderr } = await runCtlWith(
    ["explain", "--image", IMAGE, "--token-file", "-"],
    token,
    { ...node.settings, apiserver: "https://localhost:1", timeout: 1000 },
  );
  assert.equal(code, 1);
  assert.match(stderr, /^trying again in \d+ ms: .*/m);
  assert.doesNotMatch(stderr, /if it names them already/);
  assert.ok(!stderr.includes(token));
});

const NOTHING_TO_DO: readonly [name: string, toml: string | undefined, why: RegExp][] = [
  [
    "without registries configuration",
    undefined,
    /: no mirror and no rewriting: there is no registries configuration\.$/,
  ],
  [
    "without a table",
    `[[registry]]\nlocation = "quay.io"`,
    /: no mirror and no rewriting: no \[\[registry\]\] table matches docker\.io\/library\/nginx\.$/,
  ],
  [
    "without a mirror",
    `[[registry]]\nlocation = "docker.io"`,
    /: no mirror and no rewriting: by \[\[registry\]\] "docker\.io", \S+\.conf:1\.$/,
  ],
  [
    "when the registry is blocked",
    `[[registry]]\nlocation = "docker.io"\nblocked = true`,
    /: the registry is blocked: by \[\[registry\]\] "docker\.io", \S+\.conf:1\.$/,
  ],
  [
    "when no pull source can be used",
    `[[registry]]\nprefix = "docker.io"\nlocation = "a.io/UPPER"`,
    /: no pull source is a valid reference: by \[\[registry\]\] "docker\.io", \S+\.conf:1\.$/,
  ],
];

for (const [name, toml, why] of NOTHING_TO_DO) {
  Deno.test(`${name} there is nothing to do, and the API server is not asked`, async () => {
    await using node = await tempNode();
    if (toml !== undefined) await node.writeRegistriesConf(toml);
    const stdin = request(IMAGE, serviceAccountToken());
    const { conclusions, sources, secrets } = await explainJson(["explain"], stdin, node.settings);
    assert.deepEqual([sources.length, secrets], [0, undefined]);
    assert.match(conclusions.at(-1) ?? "", why);
    const text = await explain(["explain"], stdin, node.settings);
    assert.match(text, /^image +docker\.io\/library\/nginx\nnamespace +default, service account/);
    assert.match(text.trimEnd(), why);
  });
}

Deno.test("a static pod's pull has nothing to do", async () => {
  const text = await explain(["explain"], request(IMAGE, ""));
  assert.match(
    text,
    /\n\nThe plugin has nothing to do: the request carries no service-account tok/,
  );
});

Deno.test("control characters of names and keys are escaped in every format", async () => {
  await using node = await tempNode();
  await node.writeRegistriesConf(MIRROR);
  const hostile = "a\u001b[31m\u202e\u0085b";
  const auths = { [`localhost:5000/${hostile}`]: { auth: AUTH }, [hostile]: { auth: AUTH } };
  const manifest = {
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { name: hostile },
    stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
  };
  const args = ["explain", "--image", IMAGE, "--namespace", "team", "--secrets-file", "-"];
  for (const words of FORMATS) {
    const text = await explain([...args, ...words], JSON.stringify(manifest), node.settings);
    assert.match(text, /a(?:\\|#92;)+u001b\[31m(?:\\|#92;)+u202e(?:\\|#92;)+u0085b/);
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
});

const IMAGE_FLAGS = "explain --image nginx";
const REFUSED: readonly [line: string, stdin: string | undefined, code: number, stderr: RegExp][] =
  [
    ["explain", undefined, 2, /stdin: is a terminal; the kubelet's request \(or pass --image\)/],
    ["explain", "{}", 1, /CredentialProviderRequest on stdin: "apiVersion" is missing/],
    ["explain", request(IMAGE, "x"), 1, /service-account token: is not a JWT in compact form/],
    ["explain --namespace a", "{}", 2, /--namespace: needs --image/],
    ["explain --token-file a", "{}", 2, /--token-file: needs --image/],
    [
      "explain --secrets-file -",
      "{}",
      2,
      /--secrets-file: cannot read stdin, from which the request is read; pass/,
    ],
    [
      IMAGE_FLAGS,
      undefined,
      2,
      /--image: needs --token-file, or --namespace and --secrets-file/,
    ],
    [
      `${IMAGE_FLAGS} --namespace a`,
      undefined,
      2,
      /--namespace: needs --secrets-file; pass --tok/,
    ],
    [
      `${IMAGE_FLAGS} --namespace A --secrets-file a`,
      undefined,
      2,
      /"A" cannot be the name of a nam/,
    ],
    [
      `${IMAGE_FLAGS} --token-file - --secrets-file -`,
      "",
      2,
      /--secrets-file: cannot read stdin, which --tok/,
    ],
    [
      `${IMAGE_FLAGS} --token-file /nowhere/t`,
      undefined,
      1,
      /\/nowhere\/t: does not exist; it was n/,
    ],
    [
      "explain --image https://a.io/b",
      undefined,
      2,
      /--image: "https:\/\/a\.io\/b" begins with a URL scheme: leave out/,
    ],
    [
      `${IMAGE_FLAGS} --json --format mermaid`,
      undefined,
      2,
      /--json: cannot be used with --format mer/,
    ],
    [
      `${IMAGE_FLAGS} --format svg`,
      undefined,
      2,
      /Expected "svg" to be one of \(text\|json\|mermaid\)/,
    ],
    [
      `${IMAGE_FLAGS} --registries-conf a,b`,
      undefined,
      2,
      /--registries-conf: "\/(?:.*\/)?a,b" has a comma/,
    ],
    [
      "explain nginx",
      undefined,
      2,
      /^error: unexpected argument "nginx"; did you mean --image nginx\?$/m,
    ],
    [
      "explain --image Nginx",
      undefined,
      2,
      /--image: "Nginx" has upper case in its path.*: nginx$/m,
    ],
    ["explain --image nginx:1:2", undefined, 2, /--image: "nginx:1:2" has two tags/],
    [
      `${IMAGE_FLAGS} --token-file -`,
      "",
      1,
      /the token in stdin: is empty, expected a service acc/,
    ],
    [`${IMAGE_FLAGS} --token-file -`, "Bearer hidden", 1, /begins with "Bearer"; leave that word/],
    [
      `${IMAGE_FLAGS} --secrets nowhere`,
      undefined,
      2,
      /unknown flag --secrets; did you mean .*--secrets-file/,
    ],
  ];

for (const [line, stdin, code, stderr] of REFUSED) {
  Deno.test(`\`${line}\` is refused with status ${code}: ${stderr.source}`, async () => {
    const result = await runCtlWith(line.split(" "), stdin);
    assert.match(result.stderr, stderr);
    assert.deepEqual([result.code, result.stdout], [code, ""]);
  });
}

Deno.test("relative paths begin at the working directory", async () => {
  await using node = await tempNode();
  await node.writeRegistriesConf(MIRROR);
  await node.write(node.path("secrets.json"), { kind: "List", items: [] });
  const up = "../".repeat(Deno.cwd().split("/").length - 1);
  const relative = (path: string) => `${up}.${path}`;
  const args = ["explain", "--image", IMAGE, "--namespace", "team"];
  const [conf = ""] = node.settings.registriesConf;
  const text = await explain([
    ...args,
    `--secrets-file=${relative(node.path("secrets.json"))}`,
    `--registries-conf=${relative(conf)}`,
    `--registries-conf-dir=${relative(node.path("none"))}`,
    `--kubelet-auth-file=${relative(node.settings.kubeletAuthFile)}`,
  ]);
  assert.ok(text.includes(`${conf}:`), text);
  assert.ok(text.includes(`${node.settings.kubeletAuthFile} does not exist`), text);
});

Deno.test("a broken registries configuration is told with its place", async () => {
  await using node = await tempNode();
  await node.writeDropIn("10.conf", `[[registry]]\nprefix = "a.io"\n`);
  const result = await runCtlWith(
    ["explain"],
    request(IMAGE, serviceAccountToken()),
    node.settings,
  );
  assert.deepEqual([result.code, result.stdout], [1, ""]);
  assert.match(result.stderr, /10\.conf: "registry\[0\]\.location" is missing/);
});

Deno.test("the help shows the defaults of the build", async () => {
  await using node = await tempNode();
  const { code, stdout } = await runCtlWith(["explain", "--help-all"], undefined, node.settings);
  assert.equal(code, 0);
  assert.ok(stdout.includes(`[${node.settings.kubeletAuthFile}]`));
  const short = await runCtlWith(["explain", "--help"], undefined, node.settings);
  assert.ok(!short.stdout.includes("--kubelet-auth-file"));
  assert.match(
    short.stdout,
    /\nThe plugin's settings are flags here, too: --help-all lists them\.\n$/,
  );
});

const ANNOTATION = "crio-credential-provider/secrets";

Deno.test("on a workstation an annotation says which secrets the service account names", async () => {
  const { secrets, conclusions } = await explainJson([
    ...WORKSTATION,
    ...["--service-account-annotation", "other.example.com/x=y"],
    ...["--service-account-annotation", `${ANNOTATION}=mirror, gone, builder-dockercfg-x7k2p`],
  ]);
  assert.deepEqual(secrets?.read, ["mirror"]);
  assert.deepEqual(secrets?.named, {
    annotation: ANNOTATION,
    names: ["mirror", "gone", "builder-dockercfg-x7k2p"],
    repeated: [],
    notRead: [
      { secret: "gone", reason: 'there is no such secret in namespace "team"' },
      {
        secret: "builder-dockercfg-x7k2p",
        reason: "its type is not one of those that are read (--secret-types): " +
          "kubernetes.io/dockerconfigjson",
      },
    ],
  });
  assert.match(conclusions[2] ?? "", /^docker\.io\/library\/nginx is pulled without a credential/);
});

Deno.test("an annotation that is not the plugin's, and one without names, are told apart", async () => {
  const read = async (annotation: string, ...more: string[]) => {
    const words = [...WORKSTATION, "--service-account-annotation", annotation, ...more];
    return (await explainJson(words)).secrets?.read.length;
  };
  assert.equal(await read("other.example.com/x=mirror"), 4);
  assert.equal(await read("other.io/x=mirror", "--secrets-annotation", "other.io/x"), 1);
  assert.equal(await read(`${ANNOTATION}=`), 0);
});

Deno.test("named secrets are got from the API server as the plugin gets them", async () => {
  await using api = await ApiServer.start();
  await using node = await tempNode({ apiServer: api });
  await node.writeRegistriesConf(MIRROR);
  const token = api.addServiceAccount("default");
  api.addDockerConfig("default", "my-registry", { "localhost:5000": { auth: AUTH } });
  api.grantNamed("default", ["my-registry", "gone"]);
  const ask = (value: string) =>
    explainJson(
      ["explain"],
      request(IMAGE, token, { [ANNOTATION]: value }),
      node.settings,
    );
  const { secrets } = await ask("gone, my-registry");
  assert.deepEqual([secrets?.read, secrets?.named?.notRead.length], [["my-registry"], 1]);
  const asked = api.requests.length;
  assert.deepEqual((await ask(" ")).secrets?.named?.names, []);
  assert.equal(api.requests.length, asked);
  const refused = await runCtlWith(
    ["explain"],
    request(IMAGE, token, { [ANNOTATION]: "other" }),
    node.settings,
  );
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /may not get secret "other" of namespace "default"/);
});

const BAD_ANNOTATIONS: readonly [words: string[], code: number, error: RegExp][] = [
  [["x"], 2, /--service-account-annotation: "x" is not KEY=VALUE; write it like crio-cred/],
  [["=x"], 2, /"=x" is not KEY=VALUE/],
  [["a b=x"], 2, /"a b=x" is not KEY=VALUE/],
  [[`${ANNOTATION}=../x`], 1, /annotation "crio-credential-provider\/secrets" .*: entry 1 is not/],
];

for (const [words, code, error] of BAD_ANNOTATIONS) {
  Deno.test(`explain refuses the annotation ${words.join()}`, async () => {
    const result = await runCtlWith([...WORKSTATION, "--service-account-annotation", ...words]);
    assert.deepEqual([result.code, result.stdout], [code, ""]);
    assert.match(result.stderr, error);
  });
}

Deno.test("a request on stdin has its own annotations", async () => {
  const words = ["explain", "--service-account-annotation", `${ANNOTATION}=x`];
  const result = await runCtlWith(words, request(IMAGE, "x"));
  assert.equal(result.code, 2);
  assert.match(result.stderr, /--service-account-annotation: needs --image; a request on/);
});
