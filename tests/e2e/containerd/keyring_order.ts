/** The kubelet's own keyring: it tries the pairs of an answer in the order that is meant. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { choose } from "../../../src/credentials/choose.ts";
import type { ScopedCredential } from "../../../src/credentials/docker_config.ts";
import { authOf, offerCredentials } from "../../../src/delivery/response_auth.ts";
import { findKeyring } from "../parts.ts";
import { run } from "../process.ts";
import type { Case } from "../report.ts";
import { print } from "../../../scripts/support/print.ts";

const COMPONENT = fc.constantFrom("a", "app", "v1", "v2", "v3", "library", "x-y", "a__b", "n.g");
const HOST = fc.constantFrom(
  "docker.io",
  "quay.io",
  "localhost:5000",
  "m.example.com:443",
  "10.0.0.1:5000",
  "v2",
  "localhost",
);
/** Images of every shape that the kubelet may name. */
const IMAGE = fc.tuple(HOST, fc.array(COMPONENT, { minLength: 1, maxLength: 4 }))
  .map(([host, path]) => `${host}/${path.join("/")}`);
const USERS = ["a", "b", "c", "d", "e"];

interface Try {
  readonly image: string;
  readonly auth: ReturnType<typeof authOf>;
}

/** The answer for an image whose hosts each have a pair of their own. */
function answer(image: string, pairs: number): Try {
  const hosts = USERS.slice(0, pairs).map((user) => ({ host: `${user}.example.com`, path: "x" }));
  const credentials = hosts.map(({ host }, index): ScopedCredential => ({
    scope: { host, path: "" },
    credential: { auth: btoa(`${USERS[index]}:p`) },
    secret: "s",
    key: host,
  }));
  const consent = hosts.map(({ host }) => host);
  return {
    image,
    auth: authOf(offerCredentials(image, choose(hosts, credentials), consent).tries),
  };
}

/** Asks the keyring for the order of many answers. */
async function orders(tries: readonly Try[]): Promise<string[][]> {
  const stdin = tries.map((each) => `${JSON.stringify(each)}\n`).join("");
  const { code, stdout, stderr } = await run(await findKeyring(), [], { stdin });
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

export const KEYRING_ORDER: Case<unknown> = {
  name: "the kubelet's keyring and containerd's pairs",
  expected:
    "pairs are tried in the order of the hosts, the empty one last, for images of every shape",
  play: async () => {
    const shapes = fc.sample(fc.tuple(IMAGE, fc.integer({ min: 1, max: 5 })), 2_000);
    const tries = shapes.map(([image, pairs]) => answer(image, pairs));
    const found = await orders(tries);
    let most = 0;
    for (const [index, { image, auth }] of tries.entries()) {
      const meant = Object.values(auth).map(({ username }) => username);
      assert.deepEqual(found[index], meant, `${image}: ${JSON.stringify(auth)}`);
      most = Math.max(most, meant.length);
    }
    assert.equal(most, 5);
    return `${tries.length} answers, each tried as meant`;
  },
};

if (import.meta.main) print(await KEYRING_ORDER.play(undefined));
