/** What a run finds around it on a node: little, and many others like itself. */

import assert from "node:assert/strict";
import { assertWholeFiles } from "../support/auth_dir.ts";
import { AUTH, Cluster, IMAGE, request } from "../support/cluster.ts";
import { buildExecutable } from "../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";
import { canLack, commandWithout, type Lack } from "../support/private_root.ts";
import { tempNode } from "../support/temp_node.ts";

const EXPECTED = { auths: { "localhost:5000": { auth: AUTH } } };

/** Environments that leave out, or set to nonsense, what programs like to rely on. */
const ENVIRONMENTS: readonly [name: string, env: Readonly<Record<string, string>>][] = [
  ["no HOME", PLUGIN_ENV],
  ["a HOME that is not there", { ...PLUGIN_ENV, HOME: "/nonexistent" }],
  ["a HOME that is a file", { ...PLUGIN_ENV, HOME: "/dev/null" }],
  ["a TMPDIR that is not there", { ...PLUGIN_ENV, TMPDIR: "/nonexistent" }],
  ["a TMPDIR that is a file", { ...PLUGIN_ENV, TMPDIR: "/dev/null" }],
  ["a language of its own", { ...PLUGIN_ENV, LANG: "xx_XX.none", LC_ALL: "tr_TR" }],
];

Deno.test("a pull needs neither a home nor a place for temporary files", async (test) => {
  await using cluster = await Cluster.start();
  const plain = await cluster.pull();
  await cluster.takeAuthFile();
  for (const [name, env] of ENVIRONMENTS) {
    await test.step(name, async () => {
      assert.deepEqual(await cluster.pull({ env }), plain);
      assert.deepEqual(await cluster.authFile(), EXPECTED);
      await cluster.takeAuthFile();
      await Deno.remove(cluster.node.settings.authDir, { recursive: true });
    });
  }
});

for (const lack of ["a writable file system", "/tmp"] satisfies readonly Lack[]) {
  const possible = await canLack(lack);
  Deno.test({
    name: `a pull needs no more than its auth directory: without ${lack}${
      possible ? "" : " (left out: no mount namespaces here)"
    }`,
    ignore: !possible,
    fn: async () => {
      await using cluster = await Cluster.start();
      const root = await Deno.makeTempDir({ dir: "/var/tmp" });
      // The node's files are elsewhere than in /tmp.
      await using node = await tempNode({ apiServer: cluster.api, root });
      await Deno.copyFile(
        cluster.node.settings.registriesConf[0] ?? "",
        node.settings.registriesConf[0] ?? "",
      );
      const executable = await buildExecutable(node.settings, node.path("bin"));
      await Deno.mkdir(node.path("etc/crio"));
      const writable = lack === "/tmp" ? node.root : node.path("etc/crio");
      const [command, ...args] = commandWithout(lack, writable);
      // What is written in a namespace is gone with it.
      const show = `"$0" && cat ${node.settings.authDir}/*.json`;
      const { code, stdout, stderr } = await runPlugin(command, {
        args: [...args, "/bin/sh", "-c", show, executable],
        stdin: request(IMAGE, cluster.token),
      });
      assert.equal(code, 0, stderr);
      const [response = "", ...file] = stdout.split("\n");
      assert.equal(JSON.parse(response).kind, "CredentialProviderResponse");
      assert.deepEqual(JSON.parse(file.join("\n")), EXPECTED);
    },
  });
}

/** Pulls at the same time: as many as a node's kubelet has pods to start after it was drained. */
const AT_ONCE = 50;

Deno.test("fifty pulls at once each get their file", async () => {
  await using cluster = await Cluster.start();
  const images = Array.from({ length: AT_ONCE }, (_, index) => `docker.io/library/image-${index}`);
  const results = await Promise.all(images.map((image) => cluster.pull({ image })));
  for (const { code, stderr } of results) assert.equal(code, 0, stderr);
  for (const image of images) assert.deepEqual(await cluster.authFile("default", image), EXPECTED);
  const { authDir } = cluster.node.settings;
  assert.equal((await cluster.node.authDirEntries()).length, AT_ONCE);
  assert.deepEqual(await assertWholeFiles(authDir), []);
});
