import assert from "node:assert/strict";
import { buildCtl } from "../../scripts/build_ctl.ts";
import { placesToRead } from "../../src/ctl/doctor/places.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { buildExecutable, buildTool, formUnderTest } from "../support/executable.ts";
import { CONFIG, NodeCopy, PLUGIN, PLUGIN_DIRECTORY, readFindings } from "../support/node_copy.ts";
import { runPlugin } from "../support/plugin.ts";

/** What a shell makes of the tool's header, with the start of the runtime replaced. */
async function runHeader(
  ctl: string,
  args: readonly string[],
  change: (header: string) => string,
): Promise<string[]> {
  const header = (await Deno.readTextFile(ctl)).split("\n")[1] ?? "";
  const { stdout, stderr } = await runPlugin("/bin/sh", {
    args: ["-c", change(header), ctl, ...args],
    stdin: "of the caller",
  });
  assert.equal(stderr, "");
  return stdout.split("\n");
}

/** The permissions that the runtime is started with. */
async function permissions(ctl: string, args: readonly string[]): Promise<string[]> {
  const words = await runHeader(
    ctl,
    args,
    (header) => header.replace("exec /usr/bin/env -i", "exec printf '%s\\n'"),
  );
  assert.ok(words.includes("--no-prompt"));
  return words.filter((word) => /^--(?:allow|deny)-/.test(word) && word !== "--deny-import");
}

const READS = `--allow-read=${placesToRead(DEFAULT_SETTINGS).join(",")}`;
const NET = "--allow-net=localhost:6443";

const GRANTS: readonly [args: readonly string[], read: string, net: string][] = [
  [[], READS, NET],
  [["--json"], READS, NET],
  [["--config", "/a", "--bin-dir=/b"], `${READS},/a,/b`, NET],
  [["--kubelet-config=/a", "--kubelet-config", "/b"], `${READS},/a,/b`, NET],
  [["-auth-dir=/a", "--ca-file", "/c"], `${READS},/a,/c`, NET],
  [["--journald-socket="], READS, NET],
  [["--kubelet-cmdline", "-"], READS, NET],
  [["--kubelet-cmdline=/k"], `--allow-read=/k,${READS.slice("--allow-read=".length)}`, NET],
  [["--root", "./copy"], "--allow-read=./copy", NET],
  [["--plugin", "/p"], `--allow-read=/p,${READS.slice("--allow-read=".length)}`, NET],
  [["--root", "/mnt"], "--allow-read=/mnt", NET],
  [["--root=/mnt", "--plugin=/p", "--auth-dir=/a"], "--allow-read=/p,/mnt", NET],
  [["--apiserver", "a.io:6443"], READS, "--allow-net=a.io:6443"],
  [["--apiserver=https://a.io"], READS, "--allow-net=a.io:443"],
  [["-apiserver=https://a.io:1/k8s/c"], READS, "--allow-net=a.io:1"],
  [["--apiserver", "https://[fd00::1]/x"], READS, "--allow-net=[fd00::1]:443"],
  [["--apiserver", "[fd00::1]:6443"], READS, "--allow-net=[fd00::1]:6443"],
  [["--timeout", "5s", "/etc/shadow", "--log-level=debug"], READS, NET],
];

Deno.test("the sandbox of doctor in the script form", async (test) => {
  const directory = await Deno.makeTempDir();
  try {
    const ctl = await buildCtl({ out: directory });
    for (const [args, read, net] of GRANTS) {
      await test.step(`for "${args.join(" ")}" is what it looks at, and no write`, async () => {
        assert.deepEqual(await permissions(ctl, ["doctor", ...args]), [read, net]);
      });
    }

    await test.step("is not that of another command", async () => {
      for (const command of ["generate", "completions", "--version"]) {
        assert.deepEqual(await permissions(ctl, [command, "--root", "/mnt"]), []);
      }
    });

    await test.step("leaves stdin as it is", async () => {
      const stdin = (header: string) => header.replace("exec /usr/bin/env -i", "exec cat #");
      assert.deepEqual(await runHeader(ctl, ["doctor"], stdin), ["of the caller"]);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the built crio-credential-ctl examines a copy of a node in its sandbox", async () => {
  await using node = await NodeCopy.create();
  // The plugin itself, so that what it was built with is found where the build puts it.
  const built = { ...DEFAULT_SETTINGS, apiserver: node.api.url };
  await buildExecutable(built, node.root + PLUGIN_DIRECTORY);
  const ctl = await buildTool(built, `${node.root}/opt`);
  const result = await runPlugin(ctl, { args: ["doctor", "--json", "--root", node.root] });
  const findings = readFindings(result);
  for (const finding of findings) assert.match(finding, /^pass /);
  assert.deepEqual(findings, await node.findings());
  assert.deepEqual(node.api.requests.map(({ path, authorized }) => [path, authorized]), [
    ["/version", false],
    ["/version", false],
  ]);
  const cwd = node.root.slice(0, node.root.lastIndexOf("/"));
  const relative = node.root.slice(cwd.length + 1);
  for (const root of [relative, `./${relative}/`, `../${cwd.split("/").at(-1)}/${relative}`]) {
    const args = ["doctor", "--json", "--root", root, "--plugin", `${relative}${PLUGIN}`];
    assert.deepEqual(readFindings(await runPlugin(ctl, { args, cwd })).length, findings.length);
  }
  const people = await runPlugin(ctl, { args: ["doctor", "--root", node.root] });
  assert.equal(people.code, 0);
  assert.match(
    people.stdout,
    /^ok {4}provider-config .*\n[^]*\nResult: this node is ready, 0 fail/,
  );
});

Deno.test("the built crio-credential-ctl examines the node that its settings name", async () => {
  await using node = await NodeCopy.create();
  const below = (path: string) => node.root + path;
  const settings: Settings = {
    ...DEFAULT_SETTINGS,
    apiserver: node.api.url,
    registriesConf: [below("/etc/containers/registries.conf")],
    registriesConfDir: [below("/etc/containers/registries.conf.d")],
    authDir: below("/etc/crio/auth"),
    kubeletAuthFile: below("/var/lib/kubelet/config.json"),
    apiserverEnvFile: below("/etc/kubernetes/apiserver-url.env"),
    kubeconfig: [below("/etc/kubernetes/kubelet.conf")],
    caFile: below("/etc/kubernetes/pki/ca.crt"),
    journaldSocket: below("/run/journal"),
  };
  using _socket = Deno.listen({ transport: "unix", path: await socketPath(node) });
  await buildExecutable(settings, below(PLUGIN_DIRECTORY));
  const ctl = await buildTool(settings, below("/opt"));
  const place = ["--config", below(CONFIG), `--bin-dir=${below(PLUGIN_DIRECTORY)}`];
  const run = async (...args: string[]) =>
    readFindings(await runPlugin(ctl, { args: ["doctor", "--json", ...place, ...args] }))
      // CRI-O and the kubelet are those of the machine that runs the tests.
      .filter((finding) => !/ (?:audience|crio-[a-z-]+|pause-image|feature-gate):/.test(finding));
  const findings = await run();
  for (const finding of findings) assert.match(finding, /^pass /);
  for (const name of ["sandbox", "journald", "api-server", "provider-config", "mirrors"]) {
    assert.ok(findings.some((finding) => finding.startsWith(`pass ${name}: `)), name);
  }

  // Arguments of the provider that lead out of the plugin's sandbox, and the tool's.
  const elsewhere = below("/elsewhere.conf");
  await Deno.copyFile(below("/etc/containers/registries.conf"), elsewhere);
  const text = await Deno.readTextFile(below(CONFIG));
  const args = `    args: [--registries-conf=${elsewhere}, --apiserver=127.0.0.1:10250]\n    env:`;
  await node.write(CONFIG, text.replace("    env:", args));
  const outside = (await run()).filter((finding) => !finding.startsWith("pass "));
  const plugin = `fail sandbox: ${below(PLUGIN)} may not`;
  const notLookedAt = "outside of this tool's own sandbox, not looked at";
  const expected = await formUnderTest() === "script"
    ? [
      "skip match-images: not checked: ",
      `warn registries: ${elsewhere}: ${notLookedAt} -> pass --registries-conf ${elsewhere} to`,
      "skip mirrors: not checked: ",
      "skip short-names: not checked: ",
      `warn api-server: 127.0.0.1:10250: ${notLookedAt} -> pass --apiserver 127.0.0.1:10250 to`,
      `${plugin} read ${elsewhere}`,
      `${plugin} connect to 127.0.0.1:10250`,
    ]
    : [
      // The compiled tool may read any file.
      `warn api-server: 127.0.0.1:10250: ${notLookedAt} -> bind or build it with --apiserver 127.0.0.1:10250`,
      `${plugin} read ${elsewhere}`,
      `${plugin} connect to 127.0.0.1:10250`,
    ];
  assert.equal(outside.length, expected.length, outside.join("\n"));
  for (const [index, beginning] of expected.entries()) {
    assert.equal(outside[index]?.slice(0, beginning.length), beginning);
  }
});

async function socketPath(node: NodeCopy): Promise<string> {
  await Deno.mkdir(`${node.root}/run`);
  return `${node.root}/run/journal`;
}
