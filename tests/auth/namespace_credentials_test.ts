import assert from "node:assert/strict";
import { readCredentials } from "../../src/auth/namespace_credentials.ts";
import type { Secret } from "../../src/kubernetes/secrets.ts";

const AUTH = btoa("myuser:mypassword");
const SOURCES = [{ host: "localhost:5000", path: "library/nginx" }];

/** A clock that moves on by so many milliseconds whenever it is read. */
function movingClock(step: number) {
  let now = 0;
  return {
    now: () => now += step,
    sleep: () => Promise.resolve(),
    random: () => 0,
    today: () => 0,
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

Deno.test("of what is broken the first few are told, and how many more there are", () => {
  const broken = Object.fromEntries(
    Array.from({ length: 150 }, (_, index) => [`${index} is no host`, { auth: AUTH }]),
  );
  const { skipped, more } = read([secret("a", "{"), secret("b", broken)]);
  assert.deepEqual([skipped.length, more], [5, 146]);
  assert.deepEqual([skipped[0]?.secret, skipped[0]?.key], ["a", undefined]);
  assert.deepEqual([skipped[1]?.secret, skipped[1]?.reason], ["b", "the key names no registry"]);
});

Deno.test("secrets that hold more than there is time for are an error", () => {
  const secrets = Array.from({ length: 10 }, (_, index) => secret(`s${index}`, {}));
  assert.throws(
    () => read(secrets, { step: 200 }),
    /^UserError: secrets: .*time limit; .*--timeout$/,
  );
  assert.deepEqual(read(secrets, { step: 50 }).credentials, []);
});
