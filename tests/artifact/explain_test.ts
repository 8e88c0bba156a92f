import assert from "node:assert/strict";
import { ApiServer } from "../support/api_server.ts";
import { AUTH, IMAGE, MIRROR, request } from "../support/cluster.ts";
import { buildTool } from "../support/executable.ts";
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

  await test.step("explains a request by the API server's secrets, and writes nothing", async () => {
    const { code, stdout, stderr } = await runPlugin(ctl, {
      args: ["explain"],
      stdin: request(IMAGE, token),
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\nlocalhost:5000\/library\/nginx is pulled with .* secret "my-registry"/);
    assert.equal(api.requests.length, 1);
    assert.deepEqual(await node.authDirEntries(), []);
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

  await test.step("an API server that the build does not name is out of reach, and the way in is told", async () => {
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
        "outside the sandbox .*; bind or build it with " +
          `--apiserver 127\\.0\\.0\\.1:${other.port} to allow`,
      ),
    );
    const address = `127.0.0.1:${other.port}`;
    const args = ["explain", "--apiserver", address];
    const named = await runPlugin(built, { args, stdin });
    assert.match(named.stderr, /outside the sandbox .*; bind or build it with --apiserver /);
    const allowed = await buildTool(
      { ...copy.settings, apiserver: `https://${address}` },
      copy.path("allowed"),
    );
    const { stderr } = await runPlugin(allowed, { args, stdin });
    assert.match(stderr, /the token of service account "default\/default" was not accepted/);
  });
});
