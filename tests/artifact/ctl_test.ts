import assert from "node:assert/strict";
import { buildCtl } from "../../scripts/build_ctl.ts";
import { startedWith } from "../support/ctl.ts";
import { PLUGIN_ENV, runPlugin } from "../support/plugin.ts";
import * as schemas from "../support/manifest_schemas.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url).pathname;
const PROVIDERS = `${FIXTURES}openshift/ecr-credential-provider.yaml`;
const RESOURCE = `${FIXTURES}openshift/crio-credential-provider-config.yaml`;

Deno.test("the built crio-credential-ctl", async (test) => {
  const directory = await Deno.makeTempDir();
  try {
    const ctl = await buildCtl({ out: directory });

    await test.step("names its version and what it is made of", async () => {
      const { code, stdout } = await runPlugin(ctl, { args: ["--version"] });
      assert.equal(code, 0);
      assert.match(stdout, /^version: +\d+\.\d+\.\d+\n[^]*js-yaml@\d/);
    });

    await test.step("makes a secret from a password on stdin, without any permission", async () => {
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
      await test.step(`reads the file of ${words[0]?.slice(0, 8)}, and no other`, async () => {
        const { code, stdout, stderr } = await runPlugin(ctl, { args: [...merge, ...words] });
        assert.deepEqual([code, stderr], [0, ""]);
        const { providers } = schemas.readManifest(schemas.CredentialProviderConfig, stdout);
        assert.equal(providers.length, 2);
        const started = await startedWith(ctl, [...merge, ...words]);
        assert.deepEqual(started.filter((word) => word.startsWith("--allow")), [
          `--allow-read=${PROVIDERS}`,
        ]);
      });
    }

    await test.step("reads two files of one command", async () => {
      const args = ["generate", "kubelet-config", "--from", RESOURCE, `--merge=${PROVIDERS}`];
      const { code, stdout } = await runPlugin(ctl, { args });
      assert.equal(code, 0);
      schemas.readManifest(schemas.CredentialProviderConfig, stdout);
    });

    await test.step("grants nothing to another command with the same words", async () => {
      const words = await startedWith(ctl, ["explode", "--merge", PROVIDERS, "--from=x"]);
      assert.ok(words.includes("--no-prompt"));
      assert.deepEqual(words.filter((word) => word.startsWith("--allow")), []);
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
