import assert from "node:assert/strict";
import { runCtlWith } from "../../support/ctl.ts";

const AUDIENCE = "https://kubernetes.default.svc";
const TOKEN = "header.payload.signature";
const NAMED = [
  ...["generate", "checks", "--namespace", "team", "--service-account", "builder"],
  ...["--node", "worker-1", "--audience", AUDIENCE, "--secret", "a", "--secret", "b"],
];
const LISTED = ["generate", "checks", "--namespace", "team", "--node", "worker-1"];

/** What a program answers to a command line. */
interface Answer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
}

const VERSION = (minor: string) => ({
  stdout: `{\n  "major": "1",\n  "minor": "${minor}",\n  "gitVersion": "v1.${minor}.3"\n}`,
});
const NO: Answer = { stdout: "no\n", code: 1 };
const YES: Answer = { stdout: "yes\n" };
const notFound = (what: string): Answer => ({
  stderr: `Error from server (NotFound): ${what} not found\n`,
  code: 1,
});

const AS_NODE = "--as=system:node:worker-1 --as-group=system:nodes";
const AS_ACCOUNT = "--as=system:serviceaccount:team:builder";
const NODE_GET = `auth can-i get serviceaccounts/builder -n team ${AS_NODE}`;
const AUDIENCE_REVIEW = "create -f - -o jsonpath={.status.allowed}";
const ACCOUNT = "get serviceaccount builder -n team -o name";
const ANNOTATION = "get serviceaccount builder -n team -o " +
  "jsonpath={.metadata.annotations.crio-credential-provider/secrets}";
const GET_A = `auth can-i get secrets/a -n team ${AS_ACCOUNT}`;
const GET_B = `auth can-i get secrets/b -n team ${AS_ACCOUNT}`;
const TYPE_A = "get secret a -n team -o jsonpath={.type}";
const TYPE_B = "get secret b -n team -o jsonpath={.type}";
const CREATE_TOKEN = `create token builder -n team --audience ${AUDIENCE} --duration 10m`;
const TYPE = { stdout: "kubernetes.io/dockerconfigjson" };

/** What kubectl v1.36 answers where everything is in place. */
const READY: Readonly<Record<string, Answer>> = {
  "get --raw /version": VERSION("36"),
  [NODE_GET]: YES,
  [AUDIENCE_REVIEW]: { stdout: "true" },
  [ACCOUNT]: { stdout: "serviceaccount/builder\n" },
  [ANNOTATION]: { stdout: "a, b" },
  [GET_A]: YES,
  [GET_B]: YES,
  [TYPE_A]: TYPE,
  [TYPE_B]: TYPE,
  [CREATE_TOKEN]: { stdout: `${TOKEN}\n` },
};

const EXPLAIN = "explain --image docker.io/library/nginx --token-file - " +
  "--service-account-annotation crio-credential-provider/secrets=a,b";
const EXPLAINED: Answer = { stdout: "secrets         a, b from https://127.0.0.1:6443\n" };

/** A program that gives recorded answers, and refuses what it has none for. */
function fake(answers: Readonly<Record<string, Answer>>): string {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const cases = Object.entries(answers).map(([args, { stdout = "", stderr = "", code = 0 }]) =>
    `${quote(args)}) printf %s ${quote(stdout)}; printf %s ${quote(stderr)} >&2; exit ${code};;`
  );
  return `#!/bin/sh\ncase "$*" in "create -f "*|explain*) cat >>"$0.stdin";; *) cat >/dev/null;; esac\n` +
    `case "$*" in\n${cases.join("\n")}\nesac\necho "unexpected: $*" >&2; exit 97\n`;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was piped into the programs. */
  readonly piped: string;
}

/** Prints the script, and runs it as it is printed. */
async function check(
  kubectl: Readonly<Record<string, Answer>>,
  {
    args = NAMED,
    explain = { [EXPLAIN]: EXPLAINED },
    words = [],
    shell = "/bin/sh",
    piped: isPiped = false,
  }: {
    readonly args?: readonly string[];
    readonly explain?: Readonly<Record<string, Answer>> | undefined;
    readonly words?: readonly string[];
    readonly shell?: string;
    /** Whether the shell reads the script from stdin. */
    readonly piped?: boolean;
  } = {},
): Promise<Outcome> {
  const script = await runCtlWith(args);
  assert.equal(script.code, 0, script.stderr);
  const directory = await Deno.makeTempDir();
  try {
    const executable = { mode: 0o755 };
    const programs = { kubectl, "crio-credential-ctl": explain };
    for (const [name, answers] of Object.entries(programs)) {
      if (Object.keys(answers).length === 0) continue;
      await Deno.writeTextFile(`${directory}/${name}`, fake(answers), executable);
    }
    for (const name of ["sh", "tr", "sed", "cat"]) {
      const path = [`/usr/bin/${name}`, `/bin/${name}`].find(exists);
      assert.ok(path !== undefined);
      await Deno.symlink(path, `${directory}/${name}`);
    }
    await Deno.writeTextFile(`${directory}/checks.sh`, script.stdout);
    const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
      args: isPiped
        ? ["-c", `exec ${shell} -s -- "$@" <"$0"`, `${directory}/checks.sh`, ...words]
        : ["-c", `exec ${shell} "$0" "$@"`, `${directory}/checks.sh`, ...words],
      env: { PATH: directory },
      clearEnv: true,
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const piped = await Promise.all(
      Object.keys(programs).map((name) =>
        Deno.readTextFile(`${directory}/${name}.stdin`).catch(() => "")
      ),
    );
    const outcome = { code, stdout: text(stdout), stderr: text(stderr), piped: piped.join("") };
    assert.doesNotMatch(outcome.stdout + outcome.stderr, /signature|unexpected/);
    return outcome;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const SHELLS = ["/bin/sh", "/bin/bash"].flatMap((shell) => [
  { shell, piped: false },
  { shell, piped: true },
]);

for (const { shell, piped: isPiped } of SHELLS) {
  Deno.test({
    name: `where all is in place every check is passed, in ${shell}${isPiped ? " by a pipe" : ""}`,
    ignore: !exists(shell),
    fn: async () => {
      const { code, stdout, stderr, piped } = await check(READY, { shell, piped: isPiped });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /\n10 passed, 0 failed, 0 not checked\n$/);
      assert.equal(stdout.match(/^ {2}ok /gm)?.length, 10);
      const [review = "", token] = piped.split("\n");
      assert.equal(token, TOKEN);
      assert.deepEqual(JSON.parse(review).spec, {
        user: "system:node:worker-1",
        groups: ["system:nodes", "system:authenticated"],
        resourceAttributes: {
          namespace: "team",
          name: "builder",
          verb: "request-serviceaccounts-token-audience",
          version: "v1",
          resource: AUDIENCE,
        },
      });
    },
  });
}

const NODE_RBAC = `crio-credential-ctl generate rbac --node worker-1 --audience ${AUDIENCE} |`;
const RBAC = "crio-credential-ctl generate rbac --namespace team --service-account builder " +
  "--secret a --secret b | kubectl apply -f -";
const MISSING: readonly [
  what: string,
  command: string,
  answer: Answer,
  number: number,
  found: string,
  remedy: string,
][] = [
  ["a recent version", "get --raw /version", VERSION("32"), 1, "no, it is 1.32", "upgrade the"],
  ["an answer with a version", "get --raw /version", { stdout: "{}" }, 1, "no, it is 1.?", "up"],
  ["the node's right to the account", NODE_GET, NO, 2, "no", NODE_RBAC],
  ["the node's right to the audience", AUDIENCE_REVIEW, { stdout: "false" }, 3, "false", NODE_RBAC],
  [
    "the account",
    ACCOUNT,
    notFound('serviceaccounts "builder"'),
    4,
    "no answer",
    "kubectl create serviceaccount builder -n team",
  ],
  [
    "a secret in the annotation",
    ANNOTATION,
    { stdout: "a" },
    5,
    "a",
    "kubectl annotate serviceaccount builder -n team --overwrite crio-credential-provider/secrets=a,b",
  ],
  [
    "the order of the annotation",
    ANNOTATION,
    { stdout: "b,a" },
    5,
    "b,a",
    "kubectl annotate serviceaccount builder",
  ],
  ["the right to a secret", GET_B, NO, 8, "no", RBAC],
  [
    "a secret",
    TYPE_A,
    notFound('secrets "a"'),
    7,
    "no answer",
    "crio-credential-ctl generate secret --namespace team --name a --registry MIRROR",
  ],
  [
    "the right type of a secret",
    TYPE_B,
    { stdout: "Opaque" },
    9,
    "Opaque",
    "crio-credential-ctl generate secret --namespace team --name b --registry MIRROR",
  ],
  [
    "the right to make a token",
    CREATE_TOKEN,
    { stderr: "error: failed to create token: forbidden\n", code: 1 },
    10,
    "no answer",
    "the message above has what to do",
  ],
];

for (const [what, command, answer, number, found, remedy] of MISSING) {
  Deno.test(`where ${what} is missing, one check fails with what to apply`, async () => {
    // Without a token on stdin explain fails; the other answers it does not see.
    const failed = { [EXPLAIN]: { stderr: "error: stdin: is empty\n", code: 1 } };
    const explain = command === CREATE_TOKEN ? failed : { [EXPLAIN]: EXPLAINED };
    const { code, stdout, stderr } = await check({ ...READY, [command]: answer }, { explain });
    assert.equal(code, 1);
    assert.match(stdout, /\n9 passed, 1 failed, 0 not checked\n$/);
    const lines = stdout.split("\n");
    const at = lines.findIndex((line) => line.startsWith(`${number}. `));
    assert.ok(lines[at + 1]?.startsWith(`  FAIL  ${found}; expected: `), stdout);
    assert.ok(lines[at + 2]?.startsWith(`     -> ${remedy}`), stdout);
    assert.ok(stderr.includes(answer.stderr ?? ""));
  });
}

Deno.test("a token that opens nothing is told of by explain's own message", async () => {
  const refused = { stderr: "error: https://a: may not get secret\n", code: 1 };
  const { code, stdout, stderr } = await check(READY, { explain: { [EXPLAIN]: refused } });
  assert.equal(code, 1);
  assert.match(stdout, /^10\. .*\n {2}FAIL {2}no answer/m);
  assert.equal(stderr, refused.stderr);
});

Deno.test("what this machine cannot check is told, and is no failure", async () => {
  const nothing = {
    [EXPLAIN]: { stdout: "The plugin has nothing to do: no [[registry]] table matches.\n" },
  };
  const withoutMirror = await check(READY, { explain: nothing });
  assert.equal(withoutMirror.code, 0);
  assert.match(withoutMirror.stdout, /skip {2}this machine knows no mirror of docker\.io\/library/);
  const withoutTool = await check(READY, { explain: {} });
  assert.equal(withoutTool.code, 0);
  assert.match(withoutTool.stdout, /skip {2}crio-credential-ctl is not on the PATH/);
  assert.match(withoutTool.stdout, /\n9 passed, 0 failed, 1 not checked\n$/);
  const alpha = await check({ ...READY, "get --raw /version": VERSION("33+") });
  assert.equal(alpha.code, 0);
  assert.match(alpha.stdout, /skip {2}1\.33 does with feature gate KubeletServiceAccountToken/);
});

Deno.test("without kubectl nothing is asked", async () => {
  const { code, stdout, stderr } = await check({});
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^error: kubectl is not on the PATH; run this where the cluster/);
});

Deno.test("a server that answers nothing fails every check that asks it", async () => {
  const down = { stderr: "The connection to the server was refused\n", code: 1 };
  const all = Object.fromEntries(Object.keys(READY).map((command) => [command, down]));
  const { code, stdout } = await check(all);
  assert.equal(code, 1);
  assert.match(stdout, /\n1 passed, 9 failed, 0 not checked\n$/);
});

const LIST = "auth can-i list secrets -n team --as=system:serviceaccount:team:default";
const LISTING = "get secrets -n team --field-selector type=kubernetes.io/dockerconfigjson -o name";

Deno.test("without --secret the account may list, and there is something to list", async () => {
  const kubeadm = "https://kubernetes.default.svc.cluster.local";
  const ready = {
    "get --raw /version": VERSION("36"),
    [NODE_GET.replace("builder", "default")]: YES,
    [AUDIENCE_REVIEW]: { stdout: "true" },
    [ACCOUNT.replace("builder", "default")]: { stdout: "serviceaccount/default\n" },
    [ANNOTATION.replace("builder", "default")]: {},
    [LIST]: YES,
    [LISTING]: { stdout: "secret/a\nsecret/b\n" },
    [`create token default -n team --audience ${kubeadm} --duration 10m`]: { stdout: TOKEN },
  };
  const explain = {
    "explain --image docker.io/library/nginx --token-file - --apiserver a:1": EXPLAINED,
  };
  const options = { args: LISTED, explain, words: ["--apiserver", "a:1"] };
  const passed = await check(ready, options);
  assert.deepEqual([passed.code, passed.stderr], [0, ""], passed.stdout);
  assert.match(passed.stdout, /\n7 passed, 0 failed, 0 not checked\n$/);
  const empty = await check({ ...ready, [LISTING]: {} }, options);
  assert.equal(empty.code, 1);
  assert.match(
    empty.stdout,
    /FAIL {2}no; expected: yes\n {5}-> crio-credential-ctl generate secret/,
  );
  const refused = await check({ ...ready, [LIST]: NO }, options);
  assert.match(
    refused.stdout,
    /FAIL {2}no; expected: yes\n {5}-> crio-credential-ctl generate rbac --namespace team --service-account default \|/,
  );
});

Deno.test("without --secret an account that names its secrets is not told to list them", async () => {
  const kubeadm = "https://kubernetes.default.svc.cluster.local";
  const answers = {
    "get --raw /version": VERSION("36"),
    [NODE_GET.replace("builder", "default")]: YES,
    [AUDIENCE_REVIEW]: { stdout: "true" },
    [ACCOUNT.replace("builder", "default")]: { stdout: "serviceaccount/default\n" },
    [ANNOTATION.replace("builder", "default")]: { stdout: "a, b" },
    [LIST]: NO,
    [LISTING]: { stdout: "secret/a\nsecret/b\n" },
    [`create token default -n team --audience ${kubeadm} --duration 10m`]: { stdout: TOKEN },
  };
  const { code, stdout } = await check(answers, { args: LISTED });
  assert.match(
    stdout,
    /\n {2}skip {2}the account names its secrets, .* generate checks --secret NAME/,
  );
  assert.match(stdout, /\n6 passed, 0 failed, 1 not checked\n$/);
  assert.equal(code, 0);
});

Deno.test("nothing in an audience is taken for the shell's", async () => {
  const audience = 'a\'; $(touch x) `id` "EOF" \\ *';
  const args = [...LISTED, "--audience", audience];
  const { stdout } = await runCtlWith(args);
  const directory = await Deno.makeTempDir();
  try {
    const words = `#!/bin/sh\nprintf '%s\\n' "$@" >>"$0.log"\n`;
    await Deno.writeTextFile(`${directory}/kubectl`, words, { mode: 0o755 });
    await Deno.writeTextFile(`${directory}/crio-credential-ctl`, "#!/bin/sh\ncat\n", {
      mode: 0o755,
    });
    await Deno.writeTextFile(`${directory}/checks.sh`, stdout);
    await new Deno.Command("/bin/sh", {
      args: ["checks.sh"],
      cwd: directory,
      env: { PATH: `${directory}:/usr/bin:/bin` },
      stdout: "null",
      stderr: "null",
    }).output();
    const log = await Deno.readTextFile(`${directory}/kubectl.log`);
    assert.ok(log.split("\n").includes(audience), log);
    const entries = await Array.fromAsync(Deno.readDir(directory));
    assert.deepEqual(entries.map(({ name }) => name).sort(), [
      "checks.sh",
      "crio-credential-ctl",
      "kubectl",
      "kubectl.log",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const BAD: readonly [args: readonly string[], message: RegExp][] = [
  [["--namespace", "Team"], /--namespace: "Team" cannot be the name of a namespace/],
  [["--service-account", "a b"], /--service-account: "a b" cannot be/],
  [["--node", "$(id)"], /--node: "\$\(id\)" cannot be the name of a node/],
  [["--secret", "a'"], /--secret: "a'" cannot be the name of a secret/],
  [["--audience", "*"], /--audience: must name one audience/],
  [["--audience", "a\nb"], /--audience: must name one audience/],
  [["--image", "UPPER"], /--image: "UPPER"/],
];

Deno.test("checks of more secrets than a pull reads are not printed", async () => {
  const secrets = Array.from({ length: 33 }, (_, index) => ["--secret", `s${index}`]).flat();
  const { code, stderr } = await runCtlWith([...LISTED, ...secrets]);
  assert.equal(code, 2);
  assert.match(stderr, /--secret: names 33 secrets, and at most 32 are read/);
});

for (const [args, message] of BAD) {
  Deno.test(`checks with ${args.join(" ")} are not printed`, async () => {
    const given = new Map([["--namespace", "team"], ["--node", "worker-1"]]);
    const [flag = "", value = ""] = args;
    given.set(flag, value);
    const { code, stdout, stderr } = await runCtlWith([
      ...["generate", "checks"],
      ...[...given].flat(),
    ]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}
