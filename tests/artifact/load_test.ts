import assert from "node:assert/strict";
import { Cluster } from "../support/cluster.ts";
import { measurePull } from "../support/measured_pull.ts";

/**
 * What a tenant's secrets may cost the node at most: the figures of docs/operate/scale.md with room for
 * a slower machine.
 */
const MOST_MEBIBYTES = 320;
const MOST_PROCESSOR = 5_000;

const KILO = 1000;

/** Entries for the host of a pull source, so that each has to be looked at; none of them covers it. */
function entries(secret: number, bytes: number): string {
  const auths: Record<string, unknown> = {};
  for (let length = 0, i = 0; length < bytes; i++) {
    const key = `localhost:5000/library/${secret}-${i}`;
    auths[key] = { auth: "dTpw" };
    length += key.length + 22;
  }
  return JSON.stringify({ auths });
}

const wildcards = (bytes: number) =>
  `{"auths":{${Array.from({ length: bytes / 10 }, (_, i) => `"a${i.toString(36)}*":{}`).join()}}}`;
const deep = (bytes: number) =>
  `{"auths":{"localhost:5000/x":{"x":${"[".repeat(bytes / 2)}${"]".repeat(bytes / 2)}}}}`;
const other = (bytes: number) => `{"auths":{"quay.io":{"auth":"${"x".repeat(bytes)}"}}}`;

const TOO_LONG =
  /the secrets of namespace "default" are larger than the \d+ characters that are read/;

const TENANTS: readonly [
  name: string,
  secrets: number,
  content: (secret: number) => string,
  error: RegExp | undefined,
][] = [
  ["1,920 secrets of 90 kB that name the mirror", 1920, (i) => entries(i, 90 * KILO), TOO_LONG],
  ["250 secrets of 90 kB that name the mirror", 250, (i) => entries(i, 90 * KILO), undefined],
  ["1,920 secrets of 90 kB for another registry", 1920, () => other(90 * KILO), TOO_LONG],
  ["30 secrets of 700 kB full of wildcards", 30, () => wildcards(700 * KILO), undefined],
  ["30 secrets of 700 kB nested deeply", 30, () => deep(700 * KILO), undefined],
];

for (const [name, secrets, content, error] of TENANTS) {
  Deno.test(`a tenant with ${name} costs the node no more than the limits say`, async () => {
    await using cluster = await Cluster.start();
    for (let i = 0; i < secrets; i++) {
      const data = { ".dockerconfigjson": content(i) };
      cluster.api.addSecret("default", { name: `s${i}`, data });
    }
    const { code, stderr, mebibytes, processor } = await measurePull(cluster);
    if (error === undefined) assert.equal(code, 0, stderr);
    else assert.match(stderr, error);
    assert.ok(mebibytes > 0 && mebibytes < MOST_MEBIBYTES, `${Math.round(mebibytes)} MiB`);
    assert.ok(processor > 0 && processor < MOST_PROCESSOR, `${processor} ms`);
    // An error names what there is too much of, and is no line of megabytes.
    assert.ok(stderr.length < 10 * KILO);
  });
}

Deno.test("32 named secrets of 1 MB cost the node no more than the limits say", async () => {
  await using cluster = await Cluster.start();
  const names = Array.from({ length: 32 }, (_, i) => `s${i}`);
  for (const [i, name] of names.entries()) {
    cluster.api.addSecret("default", {
      name,
      data: { ".dockerconfigjson": entries(i, 1000 * KILO) },
    });
  }
  cluster.api.grantNamed("default", names);
  const annotations = { "crio-credential-provider/secrets": names.join() };
  const { stderr, mebibytes, processor } = await measurePull(cluster, { annotations });
  assert.match(stderr, TOO_LONG);
  assert.ok(mebibytes > 0 && mebibytes < MOST_MEBIBYTES, `${Math.round(mebibytes)} MiB`);
  assert.ok(processor > 0 && processor < MOST_PROCESSOR, `${processor} ms`);
});
