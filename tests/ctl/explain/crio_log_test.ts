import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCrioLog, pullsOf } from "../../../src/ctl/explain/crio_log.ts";
import type { Explanation } from "../../../src/ctl/explain/explanation.ts";
import { runCtlWith } from "../../support/ctl.ts";
import { serviceAccountToken } from "../../support/service_account_token.ts";

const FIXTURES = new URL("../../../fixtures/", import.meta.url).pathname;
// Of a node with CRI-O 1.36.3: a pull without an auth file that fails, then one with it.
const DEBUG = await Deno.readTextFile(`${FIXTURES}crio/pulls-debug.log`);
const INFO = await Deno.readTextFile(`${FIXTURES}crio/pulls-info.log`);
const IMAGE = "docker.io/library/no-role";
const AUTH_FILE =
  "/etc/crio/auth/no-role-1092fb3af32ab9d68e4ad3af6f4f15455c5aace186f94cec1f6d0f368cd9c7b2.json";
const REFUSED =
  "reading manifest latest in localhost:5000/library/no-role: authentication required";

Deno.test("a log at level debug tells of each pull what was tried, answered and used", () => {
  const log = parseCrioLog(DEBUG);
  assert.equal(log.debug, true);
  const [failed, pulled, ...rest] = pullsOf(log, IMAGE);
  assert.equal(rest.length, 0);
  assert.ok(failed && pulled);
  assert.equal(failed.time, "2026-11-26T13:28:23.115880554Z");
  assert.deepEqual([failed.lookedFor, failed.authFile], [AUTH_FILE, undefined]);
  assert.deepEqual([failed.outcome, failed.overlapped], ["failed", false]);
  assert.match(failed.error ?? "", /^unable to pull image: initializing source docker:\/\/no-role/);
  const [mirror, registry, ...none] = failed.attempts;
  assert.deepEqual([mirror, none], [{
    reference: "localhost:5000/library/no-role:latest",
    repository: "localhost:5000/library/no-role",
    error: REFUSED,
    credentials: "none",
  }, []]);
  assert.deepEqual([registry?.repository, registry?.credentials], [IMAGE, "none"]);
  assert.match(registry?.error ?? "", /^pinging container registry .*: connection refused$/);
  assert.deepEqual([pulled.outcome, pulled.authFile], ["pulled", AUTH_FILE]);
  const [attempt, ...others] = pulled.attempts;
  assert.equal(others.length, 0);
  assert.ok(typeof attempt?.credentials === "object" && "file" in attempt.credentials);
  assert.match(attempt.credentials.file, /^\/etc\/crio\/auth\/in-use\/no-role-1092fb3a/);
});

Deno.test("a log at level info tells what was tried, and no end of a pull that failed", () => {
  const log = parseCrioLog(INFO);
  assert.equal(log.debug, false);
  const told = pullsOf(log, IMAGE).map(({ outcome, authFile, attempts, overlapped }) => [
    outcome,
    authFile,
    attempts.map(({ repository }) => repository),
    overlapped,
  ]);
  assert.deepEqual(told, [
    ["unknown", undefined, ["localhost:5000/library/no-role", IMAGE], false],
    ["pulled", AUTH_FILE, ["localhost:5000/library/no-role"], false],
  ]);
});

const SHAPES: readonly [name: string, shape: (line: string) => string][] = [
  ["with what journalctl puts in front", (line) => `Nov 26 13:28:23 node-1 crio[4711]: ${line}`],
  ["with Windows' line ends", (line) => `${line}\r`],
  ["with lines of others between", (line) => `${line}\nkubelet: level of trouble\n{"a":`],
  ["as JSON", (line) => {
    const [{ message, time, level, id }] = readFields(line);
    return JSON.stringify({ level, msg: message, time, ...(id !== "" && { id }) });
  }],
];

/** The fields of a line, read by brute force. */
function readFields(line: string) {
  const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S+)`).exec(line)?.[1] ?? "";
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? "";
  return [{
    message: message.replaceAll('\\"', '"'),
    time: field("time").replaceAll('"', ""),
    level: field("level"),
    id: field("id"),
  }] as const;
}

for (const [name, shape] of SHAPES) {
  Deno.test(`a log ${name} is read alike`, () => {
    for (const text of [DEBUG, INFO]) {
      const shaped = text.trimEnd().split("\n").map(shape).join("\n");
      assert.deepEqual(parseCrioLog(shaped).pulls, parseCrioLog(text).pulls);
    }
  });
}

const line = (message: string, id = "") =>
  `time="2026-01-02T03:04:05Z" level=debug msg=${JSON.stringify(message)}` +
  (id === "" ? "" : ` id=${id} name=/runtime.v1.ImageService/PullImage`);

Deno.test("of pulls that go on at once each has the sources that are named like its image", () => {
  const log = parseCrioLog([
    line("Pulling image: docker.io/library/a:1", "A"),
    line("Pulling image: docker.io/library/b:1", "B"),
    line('Trying to access "m.io/hub/library/a:1"'),
    line('Trying to access "m.io/hub/library/b:1"'),
    line(
      "Found credentials for m.io/hub/library/a in credential helper containers-auth.json in file /f",
    ),
    line('Accessing "m.io/hub/library/b:1" failed: nope'),
    line('Trying to access "docker.io/library/b:1"'),
    line("Returning credentials for docker.io/library/b from DockerAuthConfig"),
    line("Pulled image: 0123", "A"),
    line("Pulled image: 4567", "B"),
  ].join("\n"));
  assert.deepEqual(
    log.pulls.map(({ attempts, overlapped, outcome }) => [overlapped, outcome, attempts]),
    [
      [true, "pulled", [{
        reference: "m.io/hub/library/a:1",
        repository: "m.io/hub/library/a",
        credentials: { file: "/f" },
      }]],
      [true, "pulled", [
        { reference: "m.io/hub/library/b:1", repository: "m.io/hub/library/b", error: "nope" },
        {
          reference: "docker.io/library/b:1",
          repository: "docker.io/library/b",
          credentials: "request",
        },
      ]],
    ],
  );
});

Deno.test("a credential helper is asked for a host, and told of at its source", () => {
  const { pulls: [pull] } = parseCrioLog([
    line("Pulling image: quay.io/a", "A"),
    line('Trying to access "quay.io/a:latest"'),
    line("Found credentials for quay.io in credential helper ecr-login"),
  ].join("\n"));
  assert.deepEqual(pull?.attempts[0]?.credentials, { helper: "ecr-login" });
});

Deno.test("whatever stands in a log, reading it ends, and long answers are cut and masked", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(...DEBUG.split("\n"), '{"msg":1}', 'msg="\\x'),
  );
  fc.assert(fc.property(fc.array(word), (lines) => {
    parseCrioLog(lines.join("\n"));
  }));
  const token = serviceAccountToken();
  const { pulls: [pull] } = parseCrioLog([
    line("Pulling image: quay.io/a", "A"),
    line('Trying to access "quay.io/a:latest"'),
    line(`Accessing "quay.io/a:latest" failed: ${token} ${"z".repeat(1000)}`),
  ].join("\n"));
  const error = pull?.attempts[0]?.error ?? "";
  assert.ok(error.length < 500 && error.length > 0);
  assert.ok(!error.includes(token) && !error.includes(token.split(".").at(-1) ?? ""));
});

const CONF = `[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "localhost:5000"
`;
const SECRETS = JSON.stringify({
  kind: "List",
  items: [{
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { name: "registry" },
    stringData: {
      ".dockerconfigjson": JSON.stringify({ auths: { "localhost:5000": { auth: btoa("a:b") } } }),
    },
  }],
});

/** Explains a pull with a log beside it. */
async function explain(
  log: string,
  { conf = CONF, secrets = SECRETS, image = `${IMAGE}:latest`, namespace = "no-role" } = {},
) {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/registries.conf`, conf);
    await Deno.writeTextFile(`${directory}/secrets.json`, secrets);
    const args = [
      ...["explain", "--image", image, "--namespace", namespace, "--crio-log", "-"],
      ...["--secrets-file", `${directory}/secrets.json`],
      ...["--registries-conf", `${directory}/registries.conf`],
      ...["--registries-conf-dir", `${directory}/none`, "--kubelet-auth-file", `${directory}/none`],
    ];
    const text = await runCtlWith(args, log);
    const json = await runCtlWith([...args, "--json"], log);
    assert.deepEqual([text.code, json.code], [0, 0], text.stderr + json.stderr);
    const { crioLog }: Explanation = JSON.parse(json.stdout);
    assert.ok(crioLog !== undefined);
    return { text: text.stdout, ...crioLog };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The log until the second pull begins. */
function firstPull(log: string): string {
  return log.slice(0, log.lastIndexOf("\n", log.lastIndexOf("Pulling image")));
}

Deno.test("a pull that went as expected is told source by source", async () => {
  const { text, differences } = await explain(DEBUG);
  assert.deepEqual(differences, []);
  const block = text.slice(text.indexOf("CRI-O's log"));
  assert.equal(
    block.slice(0, block.indexOf("\n\n")),
    `CRI-O's log, stdin: the last that may be this one of 2 pulls of the image, begun 2026-11-26T13:28:48.949263052Z, as docker.io/library/no-role:latest
  auth file: ${AUTH_FILE}
  + localhost:5000/library/no-role: gave the image; credentials: from /etc/crio/auth/in-use/no-role-1092fb3af32ab9d68e4ad3af6f4f15455c5aace186f94cec1f6d0f368cd9c7b2-5a7f3e73-0354-4763-b3b6-d9c555297975.json
  - docker.io/library/no-role: not tried
  outcome: pulled
  As expected, as far as the log shows.`,
  );
});

Deno.test("a pull without its auth file is told, with the answer of each registry", async () => {
  const { text, differences, sources } = await explain(firstPull(DEBUG));
  assert.deepEqual(sources.map(({ answer, credentials }) => [answer?.slice(0, 15), credentials]), [
    ["reading manifes", "none found"],
    ["pinging contain", "none found"],
  ]);
  assert.equal(differences.length, 2);
  assert.match(differences[0] ?? "", /^CRI-O took no auth file, and \S+ is expected\. Either the/);
  assert.equal(
    differences[1],
    "CRI-O found no credentials for localhost:5000/library/no-role, where some are expected.",
  );
  assert.match(text, /^ {2}They part: CRI-O took no auth file/m);
  assert.match(text, /^ {2}outcome: failed$/m);
});

Deno.test("at level info the sources are told, and what the level leaves out", async () => {
  const { text, differences, limits } = await explain(firstPull(INFO));
  assert.match(
    text,
    /\+ localhost:5000\/library\/no-role: did not give the image; the log does not/,
  );
  assert.match(
    text,
    /outcome: the log has no end of the pull; at level info a pull that fails has/,
  );
  assert.match(limits.join(), /^the log has no lines of level debug: with log_level = "debug"/);
  assert.equal(differences.length, 1);
});

const PARTS: readonly [
  name: string,
  log: string,
  options: Parameters<typeof explain>[1],
  difference: RegExp,
][] = [
  [
    "another mirror is configured",
    DEBUG,
    { conf: CONF.replace("localhost:5000", "other.io") },
    /CRI-O tried localhost:5000\/library\/no-role, which is not a pull source by the registries/,
  ],
  [
    "a mirror comes before",
    DEBUG,
    {
      conf: `${CONF}[[registry.mirror]]\nlocation = "n.io"\n`.replace("localhost:5000", "first.io"),
    },
    /CRI-O tried localhost:5000\/library\/no-role, which is not a pull source/,
  ],
  [
    "the order of the mirrors is another",
    DEBUG,
    {
      conf: CONF.replace("[[registry.mirror]]", '[[registry.mirror]]\nlocation = "n.io"\n$&'),
    },
    /CRI-O tried localhost:5000\/library\/no-role where n\.io\/library\/no-role is expected/,
  ],
  [
    "the mirror is for digests",
    DEBUG,
    { conf: CONF.replace('location = "localhost', 'pull-from-mirror = "digest-only"\n$&') },
    /CRI-O tried localhost:5000\/library\/no-role, which is not asked for an image that is named/,
  ],
  [
    "the secret is gone",
    DEBUG,
    { secrets: JSON.stringify({ kind: "List", items: [] }) },
    /^CRI-O took \S+, and the plugin would write none: it is of an earlier run/,
  ],
  [
    "the plugin writes elsewhere than CRI-O looks",
    firstPull(DEBUG).replaceAll("/etc/crio/auth/", "/etc/other/"),
    {},
    /It looked for \/etc\/other\/\S+: namespaced_auth_dir and --auth-dir must agree/,
  ],
  [
    "the pod has a pull secret of its own",
    DEBUG.replaceAll(
      /Found credentials for (\S+) in credential helper containers-auth\.json in file [^"]*/g,
      "Returning credentials for $1 from DockerAuthConfig",
    ),
    {},
    /CRI-O pulled from localhost:5000\/library\/no-role with the pod's own pull secret/,
  ],
];

for (const [name, log, options, difference] of PARTS) {
  Deno.test(`where ${name} the log and the explanation part, and it is said where`, async () => {
    const { differences } = await explain(log, options);
    assert.ok(differences.some((text) => difference.test(text)), differences.join("\n"));
  });
}

Deno.test("a pull that ends early, without a file and with a helper's credentials, is told so", async () => {
  const none = JSON.stringify({ kind: "List", items: [] });
  const { text, differences, sources } = await explain(
    [
      line("Pulling image: docker.io/library/no-role:latest", "A"),
      line('Trying to access "localhost:5000/library/no-role:latest"'),
      line("Found credentials for localhost:5000 in credential helper ecr-login"),
      line("Error pulling image docker.io/library/no-role:latest: context deadline exceeded", "A"),
      // Of nobody's pull.
      line("No credentials for localhost:5000/library/no-role found"),
    ].join("\n"),
    { secrets: none },
  );
  assert.deepEqual(sources.map(({ answer, credentials }) => [answer, credentials]), [
    ["did not give the image", "from the credential helper ecr-login"],
    [undefined, undefined],
  ]);
  assert.deepEqual(differences, [
    "CRI-O found credentials for localhost:5000/library/no-role, where none are expected.",
    "CRI-O gave up before it tried docker.io/library/no-role.",
  ]);
  assert.match(text, /^ {2}- docker\.io\/library\/no-role: not tried$/m);
});

Deno.test("a pull of which the log has no source, and one with a file elsewhere, are told so", async () => {
  const elsewhere = AUTH_FILE.replace("/etc/crio/auth", "/etc/other");
  const { differences } = await explain([
    line("Pulling image: docker.io/library/no-role:latest", "A"),
    line(`Using auth file for namespace no-role: ${elsewhere}`, "A"),
    line("Pulled image: 0123", "A"),
  ].join("\n"));
  assert.deepEqual(differences, [
    `CRI-O took ${elsewhere}, and ${AUTH_FILE} is expected.`,
    "The log names no source that CRI-O tried, and localhost:5000/library/no-role is expected.",
  ]);
});

Deno.test("lines that are cut, or of another make, are passed over", () => {
  const rows = [
    'time="2026-01-02T03:04:05Z" level=info',
    '{"level": "info", "msg": ',
    '{"msg": "x", }',
    '{"level": "info"}',
    String.raw`time="2026" level=info msg="Trying to access \"a.io/b\q\""`,
  ];
  assert.deepEqual(parseCrioLog(rows.join("\n")).pulls, []);
  // Go's own escapes are read.
  const { pulls: [pull] } = parseCrioLog([
    line("Pulling image: quay.io/a", "A"),
    line('Trying to access "quay.io/a:latest"'),
    String.raw`time="2026" level=debug msg="Accessing \"quay.io/a:latest\" failed: \x1b[31m\a"`,
  ].join("\n"));
  assert.equal(pull?.attempts[0]?.error, "\x1b[31m?");
});

const NONE: readonly [name: string, log: string, options: object, limit: RegExp][] = [
  ["an empty log", "", {}, /^there is no line of CRI-O's in it: journalctl -u crio -o cat prints/],
  ["a log of other images", INFO, { image: "nginx" }, /^it has no pull of the image: CRI-O logs/],
  [
    "a log of other namespaces",
    DEBUG,
    { namespace: "team" },
    /^its pulls of the image are of other/,
  ],
];

for (const [name, log, options, limit] of NONE) {
  Deno.test(`${name} is told as such`, async () => {
    const { text, limits, pull } = await explain(log, options);
    assert.equal(pull, undefined);
    assert.match(limits.join(), limit);
    assert.match(text, /^CRI-O's log, stdin: /m);
  });
}

Deno.test("an image without mirrors is pulled from where it says", async () => {
  const log = [
    line("Pulling image: docker.io/library/no-role:latest", "A"),
    line('Trying to access "docker.io/library/no-role:latest"'),
    line("Pulled image: 0123", "A"),
  ].join("\n");
  const { differences } = await explain(log, { conf: "" });
  assert.deepEqual(differences, []);
});

Deno.test("a blocked source that CRI-O names and does not contact is no difference", async () => {
  const log = DEBUG.replaceAll("pinging container registry", "registry docker.io is blocked in");
  const { sources, differences } = await explain(firstPull(log), {
    conf: CONF.replace("[[registry.mirror]]", "blocked = true\n$&"),
  });
  assert.deepEqual(sources.map(({ expected }) => expected), ["asked", "blocked"]);
  assert.doesNotMatch(differences.join("\n"), /docker\.io/);
});

const BAD: readonly [args: readonly string[], message: RegExp][] = [
  [["--crio-log", "-"], /--crio-log: reads stdin, as the request does; pass --image/],
  [
    ["--image", "nginx", "--token-file", "-", "--crio-log", "-"],
    /--crio-log: reads stdin, as --token-file does/,
  ],
  [
    ["--image", "nginx", "--namespace", "a", "--secrets-file", "-", "--crio-log", "-"],
    /--crio-log: reads stdin, as --secrets-file does/,
  ],
];

for (const [args, message] of BAD) {
  Deno.test(`explain ${args.join(" ")} is wrong usage: stdin is one`, async () => {
    const { code, stdout, stderr } = await runCtlWith(["explain", ...args], "x");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}
