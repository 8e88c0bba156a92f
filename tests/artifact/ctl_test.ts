import assert from "node:assert/strict";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { buildTool } from "../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";
import { bindBundle } from "../support/releases.ts";
import * as schemas from "../support/manifest_schemas.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url).pathname;
const PROVIDERS = `${FIXTURES}openshift/ecr-credential-provider.yaml`;
const CONF = `${FIXTURES}registries/openshift.conf`;
const RESOURCE = `${FIXTURES}openshift/crio-credential-provider-config.yaml`;

Deno.test("the built crio-credential-ctl", async (test) => {
  const directory = await Deno.makeTempDir();
  try {
    const ctl = await buildTool(DEFAULT_SETTINGS, directory);

    await test.step("names its version and what it is made of", async () => {
      const { code, stdout } = await runPlugin(ctl, { args: ["--version"] });
      assert.equal(code, 0);
      assert.match(stdout, /^version: +\d+\.\d+\.\d+\n[^]*js-yaml@\d/);
    });

    await test.step("makes a secret from a password on stdin", async () => {
      const args = ["generate", "secret", "--namespace", "team", "--registry", "mirror.local"];
      const { code, stdout, stderr } = await runPlugin(ctl, {
        args: [...args, "--username", "me"],
        stdin: "mypassword\n",
      });
      assert.deepEqual([code, stderr], [0, ""]);
      const { data } = schemas.readManifest(schemas.Secret, stdout);
      const { auths } = JSON.parse(atob(data[".dockerconfigjson"]));
      assert.equal(auths["mirror.local"].password, "mypassword");
    });

    const merge = ["generate", "kubelet-config", "--match-image", "docker.io"];
    for (const words of [["--merge", PROVIDERS], [`--merge=${PROVIDERS}`], ["-merge", PROVIDERS]]) {
      await test.step(`reads the file of ${words[0]?.slice(0, 8)}`, async () => {
        const { code, stdout, stderr } = await runPlugin(ctl, { args: [...merge, ...words] });
        assert.deepEqual([code, stderr], [0, ""]);
        const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, stdout);
        assert.equal(providers.length, 2);
      });
    }

    await test.step("reads two files of one command", async () => {
      const args = ["generate", "kubelet-config", "--from", RESOURCE, `--merge=${PROVIDERS}`];
      const { code, stdout } = await runPlugin(ctl, { args });
      assert.equal(code, 0);
      schemas.readManifest(schemas.CredentialProviderConfig, stdout);
    });

    await test.step("reads a file by its path from the working directory", async () => {
      await Deno.copyFile(PROVIDERS, `${directory}/providers.yaml`);
      for (const path of ["providers.yaml", "./providers.yaml"]) {
        const { code, stderr } = await runPlugin(ctl, {
          args: [...merge, "--merge", path],
          cwd: directory,
        });
        assert.deepEqual([code, stderr], [0, ""]);
      }
    });

    await test.step("says how to pass what its sandbox never reaches", async () => {
      const { code, stdout, stderr } = await runPlugin(ctl, {
        args: [...merge, "--merge", "/proc/self/cmdline"],
      });
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(
        stderr,
        /\/proc, \/dev and \/sys; pass it on stdin: --merge - < \/proc\/self\/cmdline\n$/,
      );
    });

    await test.step("ends with 1 when its reader is gone", async () => {
      const child = new Deno.Command(ctl, {
        args: ["generate", "rbac", "--all-nodes"],
        clearEnv: true,
        env: { ...PLUGIN_ENV },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      await child.stdout.cancel();
      const stderr = await new Response(child.stderr).text();
      assert.match(stderr, /its reader is gone/);
      assert.equal((await child.status).code, 1);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A command line for each set of permissions that is kept. */
const KEPT: readonly [line: readonly string[], kept: string][] = [
  [["--version"], ""],
  [["completions", "bash"], ""],
  [["explode"], ""],
  [["generate", "rbac", "--all-nodes"], "read"],
  [["policy"], "read"],
  [["generate", "install", "--help"], "read write"],
  [["bind", "--help"], "read write"],
  [["explain", "--help"], "read net"],
  [["doctor", "--help"], "read net"],
];

Deno.test("each command of the built crio-credential-ctl gives up what it does not need, for good", async (test) => {
  const directory = await Deno.makeTempDir();
  try {
    const program = await bindBundle("crio-credential-ctl", DEFAULT_SETTINGS);
    // It says at its end what it still holds, though it asks for more.
    const told = program.replace("Deno.exit(await ", "tell(await ") + `
      function tell(status) {
        const kept = [
          { name: "read", path: "/tmp" },
          { name: "write", path: "/tmp" },
          { name: "net", host: "localhost:6443" },
          { name: "run", command: "/bin/true" },
          { name: "env", variable: "PATH" },
          { name: "sys", kind: "hostname" },
          { name: "ffi", path: "/tmp" },
        ].filter((descriptor) => Deno.permissions.requestSync(descriptor).state === "granted");
        console.error("kept: " + kept.map(({ name }) => name).join(" "));
        Deno.exit(status);
      }`;
    const ctl = await buildTool(DEFAULT_SETTINGS, directory, told);
    for (const [args, kept] of KEPT) {
      await test.step(args.join(" "), async () => {
        const { stderr } = await runPlugin(ctl, { args });
        assert.deepEqual(/^kept: (.*)$/m.exec(stderr)?.[1], kept, stderr);
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Root may read everything, unless it gives that up. */
const WITHOUT_OVERRIDE: readonly [string, ...string[]] = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
  : ["env"];

Deno.test("crio-credential-ctl says that root is needed, and what it could not check without", async (test) => {
  const directory = await Deno.makeTempDir();
  try {
    const ctl = await buildTool(DEFAULT_SETTINGS, directory);
    const root = `${directory}/node`;
    const conf = `${root}/etc/containers/registries.conf`;
    await Deno.mkdir(`${root}/etc/containers`, { recursive: true });
    await Deno.writeTextFile(conf, "");
    await Deno.chmod(conf, 0);
    const [command, ...words] = WITHOUT_OVERRIDE;
    const run = (...args: string[]) => runPlugin(command, { args: [...words, ctl, ...args] });

    await test.step("doctor", async () => {
      const { stdout } = await run("doctor", "--root", root);
      assert.match(
        stdout,
        /^WARN {2}registries .*: permission denied, not looked at\n.*run this as root/m,
      );
      assert.match(
        stdout,
        /^skip {2}mirrors +not checked: the registries files could not be read completely$/m,
      );
      assert.match(
        stdout,
        /\nResult: .* \d not checked\nSome files could not be read: run this as root/,
      );
    });

    await test.step("and not for a path with a comma", async () => {
      const file = `${directory}/a,b.json`;
      await Deno.copyFile(SECRETS, file);
      const words = [...IMAGE, "--secrets-file", file, "--registries-conf", CONF];
      const { code, stderr } = await run("explain", ...words);
      assert.equal(code, 0, stderr);
    });

    await test.step("explain", async () => {
      const words = [...IMAGE, "--secrets-file", SECRETS, "--registries-conf", conf];
      const { code, stdout, stderr } = await run("explain", ...words);
      assert.match(stderr, /permission denied; run this as root, or as a user who may do that$/m);
      assert.deepEqual([code, stdout], [1, ""]);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const IMAGE = ["--image", "nginx", "--namespace", "team"];
const SECRETS = `${FIXTURES}secrets/team.json`;
const CHECKS = ["generate", "checks", "--namespace=team", "--node=worker-1"];
const SITE = `${FIXTURES}settings/site.jsonc`;
/** Stands for the tool itself, as a file to read. */
const SELF = "SELF";

/** A command line of each command that does not ask for stdin, and the statuses it may end with. */
const WITHOUT_STDIN: readonly [line: readonly string[], statuses: readonly number[]][] = [
  [[], [0]],
  [["--help"], [0]],
  [["--version"], [0]],
  [["--version-json"], [0]],
  [["completions", "bash"], [0]],
  [["generate", "rbac", "--all-nodes"], [0]],
  [["generate", "kubelet-config", "--match-image", "docker.io", "--merge", PROVIDERS], [0]],
  [["generate", "kubelet-config", "--from", RESOURCE], [0]],
  [["generate", "registries-conf", "--mirror", "docker.io=mirror.local/hub"], [0]],
  [["generate", "crio-credential-provider-config", "--match-image", "docker.io"], [0]],
  [
    ["generate", "machine-config", "--role=worker", "--platform=aws", "--match-image=docker.io"],
    [0],
  ],
  [CHECKS, [0]],
  [[...CHECKS, "--secret=a", "--audience=https://kubernetes.default.svc"], [0]],
  [["generate", "hosts-toml", "--mirror", "docker.io=mirror.local/hub"], [0]],
  // What is no executable is refused before anything is written.
  [["generate", "install", "--release", SECRETS, "--out", "/nowhere/site", "--mirror=a.io=b.io"], [
    1,
  ]],
  [["bind", SECRETS, "--out", "/nowhere/plugin"], [1]],
  [["bind", SECRETS, "--show"], [1]],
  [["bind", SECRETS], [2]],
  [["audit", SECRETS], [1]],
  [["audit", SELF], [0]],
  [["policy"], [0]],
  [["policy", "--settings", SITE], [0]],
  [["explain", ...IMAGE, "--secrets-file", SECRETS], [0]],
  [["explain", ...IMAGE], [2]],
  [["explain", "--help"], [0]],
  // What is found is this machine's business.
  [["doctor"], [0, 1]],
  [["doctor", "--json", "--root", FIXTURES], [0, 1]],
  [["doctor", "--bogus"], [2]],
];

/** A command line of each way to ask for stdin, and what is said where it is empty. */
const WITH_STDIN: readonly [line: readonly string[], error: RegExp, status?: number][] = [
  [["explain"], /stdin: is empty, expected JSON/],
  [["explain", "--image", "nginx", "--token-file", "-"], /the token in stdin: is empty/],
  [["explain", ...IMAGE, "--registries-conf", CONF, "--secrets-file", "-"], /stdin: is empty/],
  [["generate", "secret", "--registry=a.io", "--namespace=a", "--username=a"], /stdin: is empty/],
  [["generate", "kubelet-config", "--match-image=a.io", "--merge", "-"], /stdin: /],
  [["generate", "kubelet-config", "--from", "-"], /stdin: /],
  [["bind", SELF, "--out", "/nowhere/plugin", "--settings", "-"], /stdin:1:1: not valid JSON/, 2],
  [["audit", SELF, "--policy", "-"], /stdin: is not a policy; write one with/],
  [["policy", "--settings", "-"], /stdin:1:1: not valid JSON/, 2],
  [["doctor", "--roles", "-"], /stdin: is empty, expected roles/],
  [["doctor", "--kubelet-cmdline", "-"], /stdin: is empty, expected the kubelet's command line/],
];

/** How long a command may take that waits for nobody, in milliseconds: far less than for a person. */
const PATIENCE = 30_000;

Deno.test("a command of crio-credential-ctl reads stdin when it is asked to, and only then", async (test) => {
  const directory = await Deno.makeTempDir();
  const endless = () => new ReadableStream<Uint8Array<ArrayBuffer>>({});
  try {
    const ctl = await buildTool({ ...DEFAULT_SETTINGS, timeout: 1000 }, directory);
    const wordsOf = (line: readonly string[]) => line.map((word) => word === SELF ? ctl : word);
    const redirected = (line: readonly string[], redirection: string) =>
      runPlugin("/bin/sh", {
        args: ["-c", `exec "$0" "$@" ${redirection}`, ctl, ...wordsOf(line)],
        timeout: PATIENCE,
      });
    for (const [line, statuses] of WITHOUT_STDIN) {
      await test.step(`not for "${line.join(" ")}"`, async () => {
        const results = [
          await runPlugin(ctl, { args: wordsOf(line), stdin: endless(), timeout: PATIENCE }),
          await redirected(line, "<&-"),
          await redirected(line, "</dev/null"),
        ];
        for (const { code, signal } of results) {
          assert.equal(signal, null);
          assert.ok(statuses.includes(code), `ended with ${code}`);
        }
        const [first, ...others] = results.map((
          { code, stdout, stderr },
        ) => [code, stdout, stderr]);
        for (const other of others) assert.deepEqual(other, first);
      });
    }
    for (const [line, error, status = 1] of WITH_STDIN) {
      await test.step(`for "${line.join(" ")}"`, async () => {
        for (const redirection of ["<&-", "</dev/null"]) {
          const { code, signal, stdout, stderr } = await redirected(line, redirection);
          assert.match(stderr, error);
          assert.deepEqual([code, signal, stdout], [status, null, ""]);
        }
        const { code, signal, stdout, stderr } = await redirected(line, "</etc");
        assert.match(stderr, /^error: stdin: cannot be read: Is a directory \(os error 21\)$/m);
        assert.deepEqual([code, signal, stdout], [1, null, ""]);
      });
    }
    for (const line of [["--help"], ["doctor", "--help"], ["--version"], ["--version-json"]]) {
      await test.step(`and "${line.join(" ")}" says that stdout is full`, async () => {
        const { code, stderr } = await redirected(line, ">/dev/full");
        assert.equal(
          stderr,
          "error: stdout: cannot write the output: No space left on device (os error 28)\n",
        );
        assert.equal(code, 1);
      });
    }
    await test.step("and says what it waits for when the pipe does not end", async () => {
      // At once, since each says so after some seconds.
      const runs = WITH_STDIN.map(([line]) => untilItSays(ctl, wordsOf(line)));
      for (const { said, isWaiting } of await Promise.all(runs)) {
        assert.match(said, /^waiting for .* on stdin\n$/);
        assert.ok(isWaiting);
      }
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** How long a process that is to wait is watched doing so, in milliseconds. */
const WATCHED = 200;

/** Runs a command with a pipe that does not end, until it has said a line and for a moment longer. */
async function untilItSays(ctl: string, args: readonly string[]) {
  const child = new Deno.Command(ctl, {
    args: [...args],
    clearEnv: true,
    env: { ...PLUGIN_ENV },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  let said = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  let ended = false;
  const end = child.status.then(() => void (ended = true));
  while (!said.includes("\n") && !ended) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, WATCHED));
  const isWaiting = !ended;
  clearTimeout(timer);
  if (!ended) child.kill("SIGKILL");
  await Promise.all([end, reading, child.stdin.close().catch(() => {})]);
  return { said, isWaiting };
}
