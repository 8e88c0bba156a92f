import assert from "node:assert/strict";
import { parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import { explainNothingToDo, explainPull } from "../../../src/ctl/explain/explanation.ts";
import { formatMermaid } from "../../../src/ctl/explain/mermaid.ts";
import { explainRegistries } from "../../../src/ctl/explain/registry_tables.ts";
import { formatText } from "../../../src/ctl/explain/text.ts";
import type { PulledImages } from "../../../src/kubelet/pulled_images.ts";
import { readText } from "../../support/secrets_read.ts";

const IMAGE = "quay.io/team/app";

async function explain(
  toml: string,
  auths: readonly object[],
  global?: object,
  { form, pulledImages = "node", names }: {
    readonly form?: "tag" | "digest" | undefined;
    readonly pulledImages?: PulledImages;
    readonly names?: readonly string[];
  } = {},
) {
  const items = auths.map((auths, index) => ({
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { name: `s${index}` },
    stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
  }));
  const list = JSON.stringify({ kind: "List", items });
  const files = {
    main: { path: "main.conf", text: `[[registry]]\nlocation = "quay.io"\n` },
    dropIns: [{ path: "10.conf", text: toml }],
  };
  const pull = { image: IMAGE, namespace: "ns", ...(form !== undefined && { form }) };
  const registries = explainRegistries(files, IMAGE);
  return explainPull(pull, registries, {
    secrets: await readText(list, {
      path: "list.json",
      namespace: "ns",
      names,
      sources: registries.pullSources.sources,
      settings: { secretsAnnotation: "a.io/secrets" },
    }),
    global: {
      path: "config.json",
      file: global && parseAuthFile(JSON.stringify(global), "config.json"),
    },
    authFile: "/etc/crio/auth/ns-0123.json",
    pulledImages,
    showUsers: false,
  });
}

const auth = (text: string) => ({ auth: btoa(`${text}:${text}`) });
const TABLE = `[[registry]]
location = "quay.io"
[[registry.mirror]]
location = "m.io"
`;
/** With a mirror that spoils the pulls that it is asked in. */
const SPOILED = `${TABLE}[[registry.mirror]]
location = "n.io/UPPER"
pull-from-mirror = "digest-only"
`;

Deno.test("everything that a pull meets stands in the text", async () => {
  const explanation = await explain(SPOILED, [{ "m.io": auth("a") }, { "m.io": auth("b") }], {
    auths: { "m.io": auth("c"), "m.io/team": auth("d"), "quay.io": {} },
    credHelpers: { "m.io": "h", "ghcr.io": "h" },
    credsStore: "s",
  });
  assert.equal(
    formatText(explanation),
    `image           quay.io/team/app
namespace       ns
registries      [[registry]] with prefix "quay.io", 10.conf:1
                mirrors: m.io, n.io/UPPER (for pulls by digest only); location: quay.io
                - passed over: prefix "quay.io", main.conf:1: replaced by the table with the same prefix in 10.conf
unusable        10.conf:6: the mirror "n.io/UPPER" makes "n.io/UPPER/team/app" of the image, which is not a valid reference: it has a path in upper case; CRI-O refuses every pull by digest
secrets         s0, s1 from list.json
global file     config.json
                kept: m.io/team, quay.io
                replaced: m.io
                credential helpers kept: ghcr.io
                credential helpers left out: m.io
                other fields kept: credsStore
pulled image    --pulled-images node: an image of a mirror that is on the node may be used by every pod of the node, and its containers restart while the API server is away
                --pulled-images service-account: an image of a mirror that is on the node may be used by the service accounts that pulled it with credentials of their namespace, and its containers cannot be restarted while the API server is away
                it takes effect from Kubernetes 1.35 on, in 1.34 with the kubelet's feature gate KubeletEnsureSecretPulledImages

pull source 1: m.io/team/app (mirror)
  + secret "s1", key "m.io": chosen, as specific as others, and the last in the order of secrets and keys
  - secret "s0", key "m.io": passed over, as specific as the chosen one, but earlier in the order of secrets and keys; they hold different credentials
  - global file, credential helper of "m.io": passed over, a credential of the namespace counts first

pull source 2: quay.io/team/app (the registry itself)
  - secret "s0", key "m.io": passed over, another host
  - secret "s1", key "m.io": passed over, another host
  - global file, key "quay.io": passed over, holds no credential, as credential helpers leave it behind

auth file: /etc/crio/auth/ns-0123.json
  "m.io" from secret "s1", in the place of the global file's entry
  "m.io/team" from the global file
  "quay.io" from the global file
  "m.io/team/app" from secret "s1"

warning: m.io/team/app has different credentials in secret "s0" (key "m.io") and secret "s1" (key "m.io"); the latter is used

No pull by digest of quay.io/team/app works: 10.conf:6: the mirror "n.io/UPPER" makes "n.io/UPPER/team/app" of the image, which is not a valid reference: it has a path in upper case. CRI-O gives up before it asks any mirror or registry.
For pulls by tag: m.io/team/app is pulled with the credential of secret "s1" (key "m.io").
For pulls by tag: quay.io/team/app is pulled without a credential: the global file's entry "quay.io" holds none.
`,
  );
});

Deno.test("without a credential and a global file it is said that no file is written", async () => {
  const text = formatText(await explain(TABLE, []));
  assert.match(text, /\nsecrets +none from list\.json\nglobal file +config\.json does not exist\n/);
  assert.match(text, /\npull source 1: m\.io\/team\/app \(mirror\)\n {2}no candidates\n/);
  assert.match(text, /\nauth file: none, since nothing would be in it\n/);
  assert.match(text, /m\.io\/team\/app gets no credential from the plugin, which writes no auth/);
});

const USED: readonly [name: string, global: object, conclusion: RegExp, edge: RegExp][] = [
  [
    "a helper",
    { credHelpers: { "quay.io": "h" } },
    /^quay\.io\/team\/app is pulled with what the global file's credential helper of quay\.io gives/,
    /\|"credHelpers"\| n\d/,
  ],
  [
    "one of several entries that mean one host",
    { auths: { "https://quay.io": auth("a"), "http://quay.io/v2/": auth("b") } },
    /one of the global file's entries "https:\/\/quay\.io", "http:\/\/quay\.io\/v2\/"; which one is/,
    /\|"https#58;\/\/quay\.io"\| n\d/,
  ],
];

for (const [name, global, conclusion, edge] of USED) {
  Deno.test(`${name} of the global file is told and drawn`, async () => {
    const explanation = await explain(TABLE, [], global);
    assert.match(explanation.conclusions[1] ?? "", conclusion);
    assert.match(formatMermaid(explanation), edge);
  });
}

const MIRROR = { "mirror.example.com:5000": auth("a") };
const DIGEST_ONLY = `[[registry]]
location = "quay.io/team"
[[registry.mirror]]
location = "mirror.example.com:5000/team"
pull-from-mirror = "digest-only"
`;
const NEVER_CONTACT_SOURCE = DIGEST_ONLY.replace('/team"\n', `/team"\nblocked = true\n`);
const WITH = `is pulled with the credential of secret "s0" (key "mirror.example.com:5000").`;
const ANONYMOUS = "quay.io/team/app is pulled without a credential.";

const CONCLUSIONS: readonly [
  name: string,
  toml: string,
  form: "tag" | "digest" | undefined,
  conclusions: string[],
][] = [
  ["a mirror for digests, by tag", DIGEST_ONLY, "tag", [
    "mirror.example.com:5000/team/app is not asked: it is for pulls by digest only, and the image is named " +
    "by tag.",
    ANONYMOUS,
  ]],
  ["a mirror for digests, by digest", DIGEST_ONLY, "digest", [
    `mirror.example.com:5000/team/app ${WITH}`,
    ANONYMOUS,
  ]],
  ["a mirror for digests, in no known way", DIGEST_ONLY, undefined, [
    `For pulls by digest: mirror.example.com:5000/team/app ${WITH}`,
    ANONYMOUS,
  ]],
  [
    "mirrors for digests by the registry's own setting",
    DIGEST_ONLY.replace(/pull-from.*\n/, "")
      .replace("[[registry.mirror]]", "mirror-by-digest-only = true\n[[registry.mirror]]"),
    "tag",
    [
      "mirror.example.com:5000/team/app is not asked: it is for pulls by digest only, and the image is named " +
      "by tag.",
      ANONYMOUS,
    ],
  ],
  ["a source that is never contacted", NEVER_CONTACT_SOURCE, "digest", [
    `mirror.example.com:5000/team/app ${WITH}`,
    'quay.io/team/app, the registry itself, is not asked: it is blocked by [[registry]] "quay.io/team", ' +
    "10.conf:1.",
  ]],
  ["credential helpers alone", `credential-helpers = ["ecr-login"]\n${DIGEST_ONLY}`, "digest", [
    'mirror.example.com:5000/team/app is pulled with what the credential helper "ecr-login" gives for ' +
    "mirror.example.com:5000: CRI-O reads no auth file.",
    'quay.io/team/app is pulled with what the credential helper "ecr-login" gives for quay.io: CRI-O reads ' +
    "no auth file.",
  ]],
  [
    "a credential helper before the auth file",
    `credential-helpers = ["pass", "containers-auth.json"]\n${DIGEST_ONLY}`,
    "digest",
    [
      'The credential helper "pass" is asked first; if it has nothing for mirror.example.com:5000: ' +
      `mirror.example.com:5000/team/app ${WITH}`,
      `The credential helper "pass" is asked first; if it has nothing for quay.io: ${ANONYMOUS}`,
    ],
  ],
  [
    "an endpoint that spoils pulls by digest, for one by tag",
    SPOILED,
    "tag",
    ["m.io", "quay.io"].map((host) =>
      `${host}/team/app gets no credential from the plugin, which writes no auth file.`
    ),
  ],
  [
    "an endpoint that spoils every pull",
    `${DIGEST_ONLY}[[registry.mirror]]\nlocation = "[::1]:5000"\n`,
    undefined,
    [
      'No pull of quay.io/team/app works: 10.conf:7: the mirror "[::1]:5000" makes "[::1]:5000/app" of the ' +
      "image, which is not a valid reference: it has an IPv6 address for a host, which CRI-O's image library does " +
      "not know. CRI-O gives up before it asks any mirror or registry.",
    ],
  ],
];

for (const [name, toml, form, conclusions] of CONCLUSIONS) {
  Deno.test(`an explanation of ${name} ends as CRI-O does`, async () => {
    const explanation = await explain(toml, [MIRROR], undefined, { form });
    assert.deepEqual(explanation.conclusions, conclusions);
  });
}

Deno.test("what is blocked and what is not asked is told and drawn as such", async () => {
  const explanation = await explain(NEVER_CONTACT_SOURCE, [MIRROR], undefined, { form: "tag" });
  const text = formatText(explanation);
  assert.match(text, /^image +quay\.io\/team\/app, by tag\n/);
  assert.match(
    text,
    /\n +mirrors: mirror\.example\.com:5000\/team \(for pulls by digest only\); location: quay\.io\/team; blocked\n.*\nblocked +quay\.io\/team\/app \(the registry itself\): by \[\[registry\]\] with prefix "quay\.io\/team", 10\.conf:1\n/,
  );
  assert.match(
    text,
    /\npull source 1: mirror\.example\.com:5000\/team\/app \(mirror, for pulls by digest only\)\n/,
  );
  const chart = formatMermaid(explanation);
  assert.match(chart, /-\.->\|"mirror 1, not asked"\|/);
  assert.match(chart, /n2 -\.->\|"blocked"\| n3\n/);
});

Deno.test("restricted mirrors, blocked sources and credential helpers stand in the JSON", async () => {
  const toml = `credential-helpers = ["ecr-login"]\n${NEVER_CONTACT_SOURCE}`;
  const { registries, sources, blockedSources, form } = await explain(toml, [MIRROR], undefined, {
    form: "tag",
  });
  assert.equal(form, "tag");
  assert.deepEqual(registries?.table?.mirrors, [
    { location: "mirror.example.com:5000/team", pulls: "digest-only" },
  ]);
  assert.deepEqual(sources.map(({ pulls, asked }) => [pulls, asked]), [["digest-only", false]]);
  assert.deepEqual(blockedSources.map(({ repository, by }) => [repository, by.line]), [
    ["quay.io/team/app", 2],
  ]);
  assert.deepEqual(registries?.credentialHelpers, {
    first: ["ecr-login"],
    fileIsRead: false,
    file: "10.conf",
  });
});

Deno.test("a global file that is a bare map, and entries under keys that are never found, are told", async () => {
  const bare = await explain(DIGEST_ONLY, [MIRROR], { "quay.io": auth("n") });
  assert.deepEqual(bare.warnings, [
    'config.json has registries outside of "auths", as a .dockercfg does: CRI-O finds none of them',
  ]);
  const slash = await explain(DIGEST_ONLY, [MIRROR], { auths: { "quay.io/": auth("n") } });
  assert.match(
    formatText(slash),
    /- global file, key "quay\.io\/": passed over, has a slash at its end, and so is never found; write it as "quay\.io"\n/,
  );
  const unpadded = await explain(DIGEST_ONLY, [MIRROR], {
    auths: { "quay.io": { auth: "dTpwdzE" } },
  });
  assert.equal(
    unpadded.conclusions.at(-1),
    `quay.io/team/app is not pulled: CRI-O fails at the global file's entry "quay.io", which has an "auth" ` +
      'in base64 without the "=" at its end, which CRI-O does not take.',
  );
});

Deno.test("a short name that is an alias is told to lead elsewhere", () => {
  const toml = `${TABLE}[aliases]\nnginx = "quay.io/mirrored/nginx"\n`;
  const files = { main: { path: "f", text: toml }, dropIns: [] };
  const note = (written?: string) => {
    const image = "docker.io/library/nginx";
    return explainNothingToDo({ image }, explainRegistries(files, image, written), "").notes;
  };
  const leads =
    '"nginx" is an alias of quay.io/mirrored/nginx (f): CRI-O pulls from there, with what ' +
    "the plugin does for docker.io/library/nginx; name the image in full";
  assert.deepEqual(note("nginx"), [leads]);
  assert.deepEqual(note(), [`if the pod names the image "nginx": ${leads}`]);
  assert.deepEqual(note("docker.io/library/nginx"), []);
});

Deno.test("what holds under a condition alone is a note", async () => {
  const explanation = await explain(TABLE, [{ "quay.io": auth("a") }, {
    "quay.io/team": auth("b"),
  }]);
  assert.match(
    formatText(explanation),
    /\nnote: several credentials of the namespace cover quay\.io\/team\/app itself \(secret "s0", "s1"\): if the pod's own/,
  );
});

Deno.test("of secrets that the service account names it is told which, in which order, and which are not read", async () => {
  const secrets = [{ "m.io": auth("a") }, { "m.io": auth("b") }, { "m.io": auth("c") }];
  const text = formatText(
    await explain(TABLE, secrets, undefined, { names: ["s0", "s1", "s0", "gone"] }),
  );
  const named = `secrets         s1, s0 from list.json
                named by the service account's annotation a.io/secrets: s1, s0, gone
                of equally specific credentials the one of the secret named later is used
                secret "s0" is named twice: the last place counts
                - secret "gone": there is no such secret in namespace "ns"
                not read: 1 not named by the service account
`;
  assert.ok(text.includes(named), text);
  assert.match(text, /\nm\.io\/team\/app is pulled with the credential of secret "s0"/);
});

Deno.test("of what is broken it is told where the pull does not look into it", async () => {
  const broken = { "no host": auth("a"), "*.no host": auth("b") };
  const text = formatText(await explain(TABLE, [broken]));
  assert.match(
    text,
    /- secret "s0", key "no host": the key is not .*; this pull does not look into it: it names none of its hosts\n/,
  );
  assert.match(text, /- secret "s0", key "\*\.no host": the key is not a registry; [^;]*\n/);
});

Deno.test("of an annotation that names no secret it is told that this is on purpose", async () => {
  const text = formatText(await explain(TABLE, [{ "m.io": auth("a") }], undefined, { names: [] }));
  assert.match(
    text,
    /\nsecrets +none from list\.json\n +the service account's annotation a\.io\/secrets names none: no secret is read, on purpose\n/,
  );
});

const PAIRS: readonly [name: string, auths: object[], pair: boolean][] = [
  ["a credential of the namespace is chosen", [{ "m.io": auth("a") }], true],
  ["none is chosen", [{ "o.io": auth("a") }], false],
];

for (const [name, auths, pair] of PAIRS) {
  Deno.test(`with --pulled-images service-account it is told what the answer carries where ${name}`, async () => {
    const explanation = await explain(TABLE, auths, undefined, { pulledImages: "service-account" });
    assert.equal(explanation.pulledImage?.emptyPair, pair);
    const text = formatText(explanation);
    assert.match(text, /\npulled image +--pulled-images service-account: .* cannot be restarted/);
    assert.match(
      text,
      pair
        ? /\n +the answer carries an empty pair: the image is recorded as the service account's\n/
        : /\n +no credential of the namespace is chosen: the answer carries no pair/,
    );
    assert.match(text, /\n +--pulled-images node: .* restart while the API server is away\n/);
    assert.equal((await explain(TABLE, auths)).pulledImage?.emptyPair, false);
  });
}

Deno.test("a credential that an annotation extends is told with the chain from key to mirror", async () => {
  const secret = (name: string, key: string, alsoFor: string) => ({
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { name, annotations: { "crio-credential-provider/also-for": alsoFor } },
    stringData: { ".dockerconfigjson": JSON.stringify({ auths: { [key]: auth(name) } }) },
  });
  const items = [secret("a", "quay.io", "m.io"), secret("b", "ghcr.io", "m.io,")];
  const files = { main: { path: "main.conf", text: TABLE }, dropIns: [] };
  const registries = explainRegistries(files, IMAGE);
  const explained = async (more: readonly object[], alsoFor: "on" | "off") =>
    explainPull({ image: IMAGE, namespace: "ns" }, registries, {
      secrets: await readText(JSON.stringify({ kind: "List", items: [...items, ...more] }), {
        sources: registries.pullSources.sources,
        settings: { alsoFor },
      }),
      global: { path: "config.json", file: undefined },
      authFile: "/etc/crio/auth/ns-0123.json",
      pulledImages: "node",
      showUsers: false,
    });
  const chain = 'secret "a", key "quay.io", also for "m.io" by annotation ' +
    "crio-credential-provider/also-for";
  const alone = formatText(await explained([], "on"));
  assert.ok(alone.includes(`  + ${chain}: chosen, the only one of the namespace`), alone);
  assert.ok(
    alone.includes('- secret "b": annotation crio-credential-provider/also-for is ignored'),
  );
  assert.match(
    alone,
    /^m\.io\/team\/app is pulled with the credential of secret "a" \(key "quay\.io", also for "m\.io" by its annotation\)\.$/m,
  );
  const keyed = {
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { name: "0" },
    stringData: { ".dockerconfigjson": JSON.stringify({ auths: { "m.io": auth("c") } }) },
  };
  const behind = formatText(await explained([keyed], "on"));
  assert.ok(
    behind.includes(
      `  - ${chain}: passed over, as specific as the chosen one, which a key names; this one an annotation`,
    ),
    behind,
  );
  assert.match(formatMermaid(await explained([keyed], "on")), /-\.->\|"by annotation"\|/);
  assert.match(formatMermaid(await explained([], "on")), /quay\.io<br\/>also for m\.io/);
  const off = formatText(await explained([], "off"));
  assert.match(
    off,
    /- secret "a": annotation crio-credential-provider\/also-for is not looked at: --also-for off/,
  );
  assert.match(off, /^m\.io\/team\/app gets? |^m\.io\/team\/app is pulled without a credential/m);
});

Deno.test("a table without mirrors, a blocked one and an empty global file are told", async () => {
  const text = formatText(
    await explain(`[[registry]]\nprefix = "quay.io/team"\nlocation = "m.io"\n`, [], {}),
  );
  assert.match(text, /^ +mirrors: none; location: m\.io$/m);
  assert.match(text, /^global file +config\.json is empty$/m);
  const blocked = formatText(
    await explain(TABLE.replace("[[registry.mirror]]", "blocked = true\n[[registry.mirror]]"), []),
  );
  assert.match(blocked, /; blocked$/m);
});

Deno.test("a mirror that is blocked, and one that is named for each form of pull, are told", async () => {
  const blocked = formatText(
    await explain(`${TABLE}[[registry]]\nlocation = "m.io"\nblocked = true\n`, []),
  );
  assert.match(blocked, /m\.io\/team\/app, a mirror, is not asked: it is blocked/);
  const mirror = (pulls: string) =>
    `[[registry.mirror]]\nlocation = "m.io"\npull-from-mirror = "${pulls}"\n`;
  const { sources } = await explain(
    `[[registry]]\nlocation = "quay.io"\n${mirror("digest-only")}${mirror("tag-only")}`,
    [{ "m.io": auth("a") }],
  );
  assert.deepEqual(sources.map(({ repository, pulls }) => [repository, pulls])[0], [
    "m.io/team/app",
    "all",
  ]);
});

Deno.test("of a single secret that the service account names no order is told", async () => {
  const explanation = await explain(TABLE, [{ "m.io": auth("a") }], undefined, { names: ["s0"] });
  const text = formatText(explanation);
  assert.match(text, /named by the service account's annotation a\.io\/secrets: s0\n/);
  assert.doesNotMatch(text, /of equally specific credentials/);
});
