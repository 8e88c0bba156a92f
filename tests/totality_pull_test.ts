/** A whole pull is total: whatever its inputs hold, it ends, and leaves a whole file or none. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../src/errors.ts";
import { formatResponse } from "../src/kubelet/credential_provider.ts";
import { createLog } from "../src/process/log.ts";
import { providePullCredentials } from "../src/plugin.ts";
import { ApiServer } from "./support/api_server.ts";
import { hostileText } from "./support/hostile_text.ts";
import { share } from "./support/share.ts";
import { tempNode } from "./support/temp_node.ts";
import { report } from "./support/summary.ts";

const IMAGE = "docker.io/library/nginx";
const AUTH_FILE = JSON.stringify({ auths: { "quay.io": { auth: btoa("user:password") } } });
const MIRROR = `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\n` +
  `location = "mirror.example.com"\n`;
const SECRETS = Deno.readTextFileSync(
  new URL("../fixtures/secrets/dockerconfigjson-list.json", import.meta.url),
);
/** A secret whose content is put in. */
const SECRET = (content: string) =>
  JSON.stringify({
    kind: "SecretList",
    items: [{
      metadata: { name: "a" },
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": new TextEncoder().encode(content).toBase64() },
    }],
  });
const CONTENT = JSON.stringify({ auths: { "mirror.example.com": { auth: btoa("user:secret") } } });

/** What comes from elsewhere, and what it should look like. */
const INPUTS = {
  image: [IMAGE],
  registriesConf: [MIRROR],
  dropIn: [MIRROR],
  global: [AUTH_FILE],
  answer: [SECRETS, SECRET(CONTENT)],
  secret: [CONTENT],
} as const;

/** One or two inputs of a pull that are not as they should be. */
const input = fc.constantFrom(
  "image",
  "registriesConf",
  "dropIn",
  "global",
  "answer",
  "secret",
).chain((name) => hostileText(INPUTS[name]).map((text) => [name, text] as const));
const inputs = fc.oneof({ weight: 4, arbitrary: fc.tuple(input) }, {
  weight: 1,
  arbitrary: fc.tuple(input, input),
}).map((pairs): Readonly<Record<string, string>> => Object.fromEntries(pairs));

Deno.test("a pull with any input ends in a response and a whole file, or in an error for the user", async () => {
  await using api = await ApiServer.start();
  const token = api.addServiceAccount("default");
  api.grant("default");
  await using node = await tempNode({ apiServer: api });
  const { settings } = node;
  let written = 0;
  await fc.assert(
    fc.asyncProperty(inputs, async (given) => {
      await node.writeRegistriesConf(given["registriesConf"] ?? MIRROR);
      await node.writeDropIn("10.conf", given["dropIn"] ?? "");
      await node.writeGlobalAuthFile(given["global"] ?? AUTH_FILE);
      const body = given["answer"] ?? SECRET(given["secret"] ?? CONTENT);
      api.respond = () => new Response(body, { headers: { "Content-Type": "application/json" } });
      const request = JSON.stringify({
        apiVersion: "credentialprovider.kubelet.k8s.io/v1",
        kind: "CredentialProviderRequest",
        image: given["image"] ?? IMAGE,
        serviceAccountToken: token,
      });

      const lines: string[] = [];
      const log = createLog({
        level: "debug",
        format: "text",
        sinks: [(_, line) => lines.push(line)],
        now: () => new Date(),
      });
      // Waiting takes no time here: only what is done counts.
      let slept = 0;
      const clock = {
        now: () => performance.now() + slept,
        sleep: (milliseconds: number) => {
          slept += milliseconds;
          return Promise.resolve();
        },
        random: () => 0.5,
        wallClock: () => Date.now(),
      };
      const start = performance.now();
      try {
        const deadline = clock.now() + settings.timeout;
        const { response } = await providePullCredentials(request, {
          settings,
          log,
          clock,
          started: deadline - settings.timeout,
          deadline,
        });
        assert.equal(response, formatResponse());
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        lines.push(error.message);
      }
      assert.ok(performance.now() - start < settings.timeout);
      for (const line of lines) assert.ok(!line.includes(token) && !line.includes("user:secret"));

      for (const name of await node.authDirEntries()) {
        const path = `${settings.authDir}/${name}`;
        assert.match(name, /^default-[0-9a-f]{64}\.json$/);
        assert.ok("auths" in JSON.parse(await Deno.readTextFile(path)));
        assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
        await Deno.remove(path);
        written++;
      }
    }),
    { numRuns: share(150, 3_000) },
  );
  report({ suite: "pulls with any input", cases: share(150, 3_000) });
  assert.ok(written > 0);
});
