import assert from "node:assert/strict";
import { hostAndPort } from "../../src/kubernetes/api_server_url.ts";
import { ApiServer } from "../support/api_server.ts";
import { AUTH, IMAGE, MIRROR, request } from "../support/cluster.ts";
import { startedWith } from "../support/ctl.ts";
import { buildTool, formUnderTest } from "../support/executable.ts";
import { runPlugin } from "../support/plugin.ts";
import { tempNode } from "../support/temp_node.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url).pathname;
const CONF = `${FIXTURES}registries/openshift.conf`;
const SECRETS = `${FIXTURES}secrets/team.json`;
const LOG = `${FIXTURES}crio/pulls-info.log`;
const WORKSTATION = ["explain", "--image", "nginx", "--namespace", "team"];

Deno.test("explain in its sandbox", async (test) => {
  await using api = await ApiServer.start();
  await using node = await tempNode({ apiServer: api });
  const { settings } = node;
  await node.writeRegistriesConf(MIRROR);
  api.grant("default");
  const token = api.addServiceAccount("default");
  api.addDockerConfig("default", "my-registry", { "http://localhost:5000": { auth: AUTH } });
  const ctl = await buildTool(settings, node.path("bin"));
  const isScript = await formUnderTest() === "script";

  /** Asserts what the script form's runtime is started with; the compiled form has one sandbox. */
  const assertGranted = async (
    args: readonly string[],
    expected: Readonly<Record<string, readonly string[]>>,
  ) => {
    if (!isScript) return;
    const words = (await startedWith(ctl, args)).filter((word) => word.startsWith("--allow"));
    const granted = words.map((word) => {
      const [kind = "", targets = ""] = word.replace("--allow-", "").split("=", 2);
      return [kind, targets.split(",").sort()];
    });
    assert.deepEqual(Object.fromEntries(granted), expected);
  };
  const ofNode = [
    ...settings.registriesConf,
    ...settings.registriesConfDir,
    ...settings.containerdHostsDir,
    settings.kubeletAuthFile,
  ];
  const host = hostAndPort(settings.apiserver);

  await test.step("explains a request by the API server's secrets, and writes nothing", async () => {
    const { code, stdout, stderr } = await runPlugin(ctl, {
      args: ["explain"],
      stdin: request(IMAGE, token),
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\nlocalhost:5000\/library\/nginx is pulled with .* secret "my-registry"/);
    assert.equal(api.requests.length, 1);
    assert.deepEqual(await node.authDirEntries(), []);
    await assertGranted(["explain"], { read: [...ofNode, settings.caFile].sort(), net: [host] });
  });

  await test.step("reads the files that flags name, in each spelling, and asks nobody", async () => {
    const flags = [
      ["--secrets-file", SECRETS, "--registries-conf", CONF],
      ["--secrets-file", SECRETS, "--registries-conf", CONF, "--crio-log", LOG],
      [`--secrets-file=${SECRETS}`, `--registries-conf=${CONF}`],
      ["-secrets-file", SECRETS, `-registries-conf=${CONF}`],
    ];
    for (const words of flags) {
      const args = [...WORKSTATION, ...words];
      const { code, stdout, stderr } = await runPlugin(ctl, { args });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(
        stdout,
        /\nFor pulls by tag: mirror\.example\.com:8443\/hub\/nginx is pulled with .*"mirror"/,
      );
      const log = words.includes(LOG) ? [LOG] : [];
      await assertGranted(args, { read: [...ofNode, SECRETS, CONF, ...log].sort() });
    }
    assert.equal(api.requests.length, 1);
  });

  await test.step("explains a pull by containerd with a tool that was built for CRI-O", async () => {
    await node.writeHostsToml("docker.io", `[host."http://localhost:5000"]\n`);
    const args = [...WORKSTATION, "--runtime", "containerd", "--secrets-file", SECRETS];
    const { code, stdout, stderr } = await runPlugin(ctl, { args });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      /\nhost 1: http:\/\/localhost:5000\/v2\/library\/nginx \(mirror, line 1\)/,
    );
  });

  await test.step("with a file of secrets, flags about the API server grant nothing", async () => {
    const words = ["--secrets-file", SECRETS, "--apiserver", "a.io:1", "--kubeconfig", "/k"];
    await assertGranted(["explain", ...words], { read: [...ofNode, SECRETS].sort() });
  });

  const SERVERS = [
    ["api.example.com:6443", "api.example.com:6443"],
    ["https://api.example.com:6443/", "api.example.com:6443"],
    ["https://api.example.com/prefix", "api.example.com:443"],
    ["https://[2001:db8::1]", "[2001:db8::1]:443"],
    ["[2001:db8::1]:6443", "[2001:db8::1]:6443"],
  ] as const;
  for (const [address, target] of SERVERS) {
    await test.step(`--apiserver ${address} allows to connect to ${target}`, async () => {
      const words = ["--apiserver", address, "--ca-file=/ca", "--kubeconfig", "/k"];
      await assertGranted(["explain", ...words, "--token-file=t"], {
        read: [...ofNode, settings.caFile, "/ca", "/k", "t"].sort(),
        net: [target, host].sort(),
      });
    });
  }

  await test.step("an API server that no word names is out of reach, and the way in is told", async () => {
    await using other = await ApiServer.start({ ca: api.ca });
    await using copy = await tempNode({ settings: { apiserver: "", caFile: settings.caFile } });
    await copy.writeRegistriesConf(MIRROR);
    await copy.writeApiserverEnv("127.0.0.1", other.port);
    const built = await buildTool(copy.settings, copy.path("bin"));
    const stdin = request(IMAGE, token);
    const refused = await runPlugin(built, { args: ["explain"], stdin });
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(
      refused.stderr,
      new RegExp(
        `outside the sandbox .*; ${isScript ? "pass" : "bind or build it with"} ` +
          `--apiserver 127\\.0\\.0\\.1:${other.port} to allow`,
      ),
    );
    const address = `127.0.0.1:${other.port}`;
    const args = ["explain", "--apiserver", address];
    const allowed = isScript ? built : await buildTool(
      { ...copy.settings, apiserver: `https://${address}` },
      copy.path("allowed"),
    );
    const { stderr } = await runPlugin(allowed, { args, stdin });
    assert.match(stderr, /the token of service account "default\/default" was not accepted/);
  });

  await test.step("a file that no word names is out of reach", async () => {
    // The compiled form reads what it is told to.
    if (!isScript) return;
    // The library takes this spelling, the header does not.
    const args = [...WORKSTATION, "--secretsFile", SECRETS];
    const { code, stdout, stderr } = await runPlugin(ctl, { args });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /cannot read: outside the sandbox .*; pass --secrets-file \S+ to allow/);
  });
});
