import assert from "node:assert/strict";
import fc from "fast-check";
import { mergePages, readCredentials } from "../../src/credentials/namespace_credentials.ts";
import { readSecret } from "../../src/credentials/docker_config.ts";
import { covers } from "../../src/credentials/scope.ts";
import type { Secret } from "../../src/kubernetes/secrets/secret.ts";
import { key, pullSources } from "../support/resolution_cases.ts";
import { share } from "../support/share.ts";

const AUTH = btoa("myuser:mypassword");
const SOURCES = [{ host: "localhost:5000", path: "library/nginx" }];

/** A clock that moves on by so many milliseconds whenever it is read. */
function movingClock(step: number) {
  let now = 0;
  return {
    now: () => now += step,
    sleep: () => Promise.resolve(),
    random: () => 0,
    wallClock: () => 0,
  };
}

function secret(name: string, auths: unknown): Secret {
  const text = typeof auths === "string" ? auths : JSON.stringify({ auths });
  const encoded = new TextEncoder().encode(text).toBase64();
  return { name, type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": encoded } };
}

function read(secrets: readonly Secret[], { step = 0, deadline = 1000 } = {}) {
  return readCredentials(secrets, SOURCES, { clock: movingClock(step), deadline });
}

Deno.test("credentials that cover a pull source are kept in order, others are not", () => {
  const { credentials } = read([
    secret("a", { "localhost:5000/library": { auth: AUTH }, "quay.io": { auth: AUTH } }),
    secret("b", { "localhost:5000": { auth: AUTH }, "localhost:5000/team": { auth: AUTH } }),
  ]);
  assert.deepEqual(credentials.map(({ secret, key }) => [secret, key]), [
    ["a", "localhost:5000/library"],
    ["b", "localhost:5000"],
  ]);
});

Deno.test("of what is broken the first few are reported, and how many there are in all", () => {
  const broken = Object.fromEntries(
    Array.from(
      { length: 150 },
      (_, index) => [`localhost:5000/is no path ${index}`, { auth: AUTH }],
    ),
  );
  const { skipped, skippedCount } = read([secret("a", "{"), secret("b", broken)]);
  assert.deepEqual([skipped.length, skippedCount], [5, 151]);
  assert.deepEqual([skipped[0]?.secret, skipped[0]?.key], ["a", undefined]);
  assert.equal(skipped[1]?.secret, "b");
  assert.match(skipped[1]?.reason ?? "", /^the key is not a registry; write/);
});

Deno.test("what several pages hold is joined, in the order of the secrets' names", () => {
  const named = { "localhost:5000": { auth: AUTH }, "localhost:5000/b": { auth: AUTH } };
  const pages = [
    read([secret("b", "{"), secret("d", named), ...Array(4).fill(secret("e", "{"))]),
    read([secret("a", named), secret("c", "["), secret("f", "]"), secret("g", named)]),
  ];
  const joined = mergePages(pages, "by name");
  assert.deepEqual(
    joined.credentials.map(({ secret, key }) => [secret, key]),
    [["a", "localhost:5000"], ["d", "localhost:5000"], ["g", "localhost:5000"]],
  );
  assert.equal(joined.secrets, 10);
  assert.deepEqual(joined.skipped.map(({ secret }) => secret), ["b", "e", "e", "e", "e"]);
  assert.equal(joined.skippedCount, 7);
  assert.deepEqual(mergePages([], "by name"), {
    secrets: 0,
    credentials: [],
    skipped: [],
    skippedCount: 0,
  });
});

Deno.test("secrets that hold more than there is time for are an error", () => {
  const outOfTime = /^UserError: secrets: .*time limit; .*--timeout$/;
  const named = Array.from({ length: 10 }, (_, i) => secret(`s${i}`, { "localhost:5000/a": {} }));
  assert.throws(() => read(named, { step: 200 }), outOfTime);
  assert.deepEqual(read(named, { step: 50 }).credentials, []);
  const others = Array.from({ length: 160 }, (_, i) => secret(`s${i}`, { "quay.io": {} }));
  assert.throws(() => read(others, { step: 200 }), outOfTime);
  assert.deepEqual(read(others, { step: 50 }).credentials, []);
});

Deno.test("what names no source's host is not looked into, and so not told of", () => {
  const { credentials, skipped } = read([
    secret("a", { "quay.io": { auth: "no base64!" }, "localhost:5000": { auth: AUTH } }),
    secret("b", `{"auths": {"quay.io": ]}}`),
  ]);
  assert.deepEqual([credentials.length, skipped], [1, []]);
});

Deno.test("a secret that is plainly no JSON is told of, whatever it names", () => {
  const { skipped } = read([secret("a", "{"), secret("b", ""), secret("c", "hosts: quay.io")]);
  assert.deepEqual(skipped.map(({ secret }) => secret), ["a", "b", "c"]);
});

Deno.test("secrets are looked into whatever the case of their members, and told of if they hold nothing", () => {
  const upper = JSON.stringify({
    Auths: { "localhost:5000": { Username: "myuser", Password: "mypassword" } },
  });
  const bare = JSON.stringify({ "localhost:5000": { auth: AUTH } });
  const { credentials, skipped } = read([
    secret("a", upper),
    secret("b", bare),
    secret("c", JSON.stringify({ "quay.io": { auth: AUTH } })),
    secret("d", {}),
  ]);
  assert.deepEqual(credentials.map(({ secret, credential }) => [secret, credential]), [["a", {
    auth: AUTH,
  }]]);
  assert.deepEqual(skipped.map(({ secret }) => secret), ["b"]);
  assert.match(skipped[0]?.reason ?? "", /^its registries are not in "auths"/);
});

Deno.test("a key that JSON writes by numbers is found", () => {
  const { credentials } = read([
    secret("a", `{"auths": {"\\u006cocalhost\\u003a5000": {"auth": "${AUTH}"}}}`),
    secret("b", `{"auths": {"http:\\/\\/localhost:5000\\/library": {"auth": "${AUTH}"}}}`),
  ]);
  assert.deepEqual(credentials.map(({ secret }) => secret), ["a", "b"]);
});

Deno.test("nothing that covers a source is overlooked for not being looked into", () => {
  const entry = fc.tuple(key, fc.constant({ auth: AUTH }));
  const secrets = fc.array(fc.array(entry, { maxLength: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(secrets, pullSources, (contents, sources) => {
      const all = contents.map((entries, index) =>
        secret(`secret-${index}`, Object.fromEntries(entries))
      );
      const clock = movingClock(0);
      const { credentials } = readCredentials(all, sources, { clock, deadline: 1000 });
      const expected = all.flatMap((secret) => readSecret(secret, () => {}))
        .filter(({ scope }) => sources.some((source) => covers(scope, source)));
      assert.deepEqual(credentials, expected);
    }),
    { numRuns: share(1000, 20_000) },
  );
});
