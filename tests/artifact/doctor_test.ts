import assert from "node:assert/strict";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { buildExecutable, buildTool } from "../support/executable.ts";
import { CONFIG, NodeCopy, PLUGIN, PLUGIN_DIRECTORY, readFindings } from "../support/node_copy.ts";
import { runPlugin } from "../support/plugin.ts";

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
  const expected = [
    // It may read any file.
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
