import assert from "node:assert/strict";
import { Cluster, type Pull, request } from "../support/cluster.ts";

Deno.test("neither token nor password is ever told, whatever happens", async (test) => {
  await using cluster = await Cluster.start();
  const { api, node } = cluster;
  const secret = "s3cret-password";
  const auth = btoa(`user:${secret}`);
  api.addDockerConfig("default", "my-registry", {
    "localhost:5000": { auth, username: "user", password: secret, identitytoken: secret },
    "localhost:5000/library": { auth: `${auth}!`, password: secret },
    "docker.io": { password: { secret } },
  });
  api.addSecret("default", {
    name: "broken",
    data: { ".dockerconfigjson": `{"auths": ${secret}` },
  });
  const situations: [name: string, prepare: () => void | Promise<void>][] = [
    ["a pull", () => {}],
    ["a global file of junk", () => node.writeGlobalAuthFile(`{"auths": "${secret}`)],
    ["an answer of junk", () => {
      api.respond = () => Response.json({ kind: secret, token: cluster.token });
    }],
    ["a refusal", () => {
      api.respond = undefined;
      api.revokeToken(cluster.token);
    }],
  ];
  for (const [name, prepare] of situations) {
    await test.step(name, async () => {
      await prepare();
      for (const format of ["text", "json"]) {
        const args = ["--log-level", "debug", "--log-format", format];
        const { stdout, stderr } = await cluster.pull({ args });
        const told = stdout + stderr;
        for (const hidden of [secret, auth, cluster.token, ...cluster.token.split(".")]) {
          assert.ok(!told.includes(hidden));
        }
      }
    });
  }
});

const HOSTILE_REQUESTS: readonly [name: string, pull: Pull][] = [
  ["an image with control characters", { stdin: request("docker.io/a\nerror: forged", "") }],
  ["an image that is a path", { image: "../../../etc/passwd" }],
  ["an image of 10 MB", { image: "a".repeat(10_000_000) }],
  ["an image named like a part of JavaScript", { image: "docker.io/__proto__/constructor" }],
  ["a token of 10 MB", { token: `e.${"e".repeat(10_000_000)}.e` }],
];

Deno.test("hostile requests write nothing but the one file, and forge no line", async (test) => {
  await using cluster = await Cluster.start();
  for (const [name, pull] of HOSTILE_REQUESTS) {
    await test.step(name, async () => {
      const { stderr, code } = await cluster.pull(pull);
      assert.ok(code === 0 || code === 1);
      assert.ok(stderr.length < 10_000);
      for (const line of stderr.trimEnd().split("\n")) assert.match(line, /^(?:error|warn|info): /);
      for (const entry of await cluster.node.authDirEntries()) {
        assert.match(entry, /^default-.*\.json$/);
      }
    });
  }
});
