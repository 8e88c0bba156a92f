import assert from "node:assert/strict";
import { equalCredentials } from "../../../src/credentials/docker_config.ts";
import { gives, lookUp } from "../../../src/delivery/auth_file/lookup.ts";
import { parseRepository } from "../../../src/sources/reference.ts";

const AUTH = btoa("u:p");

function entries(keys: readonly string[], helpers: readonly string[] = []) {
  return {
    auths: new Map(keys.map((key) => [key, { auth: AUTH }])),
    credHelpers: new Map(helpers.map((host) => [host, "helper"])),
  };
}

const FOUND: readonly [name: string, repository: string, keys: string[], found: string[]][] = [
  ["the repository's own key first", "a.io/b/c", ["a.io", "a.io/b", "a.io/b/c"], ["a.io/b/c"]],
  ["then each parent's", "a.io/b/c", ["a.io", "a.io/b"], ["a.io/b"]],
  ["then the host's", "a.io/b/c", ["a.io", "https://a.io"], ["a.io"]],
  ["no key that ends within a path component", "a.io/b/c", ["a.io/b/", "a.io/b/c/d"], []],
  ["keys with a scheme, cut at the first slash", "a.io/b", ["http://a.io/v2/x"], [
    "http://a.io/v2/x",
  ]],
  ["no key with a path and without a scheme", "docker.io/b/c", ["index.docker.io/v1/"], []],
  ["no key with a slash at its end", "a.io/b", ["a.io/"], []],
  ["no wildcard", "a.x.io/b", ["*.x.io", "*"], []],
  ["no other port", "a.io:5000/b", ["a.io", "a.io:5001", "https://a.io"], []],
  ["every name of Docker Hub that means the host", "docker.io/b/c", [
    "https://index.docker.io/v1/",
    "registry-1.docker.io",
    "index.docker.io",
  ], ["https://index.docker.io/v1/", "registry-1.docker.io", "index.docker.io"]],
  ["an exact name of Docker Hub alone", "docker.io/b/c", ["docker.io", "index.docker.io"], [
    "docker.io",
  ]],
];

for (const [name, reference, keys, found] of FOUND) {
  Deno.test(`a look-up finds ${name}`, () => {
    const repository = parseRepository(reference);
    assert.ok(repository);
    const expected = found.length === 0 ? { kind: "none" } : { kind: "keys", keys: found };
    assert.deepEqual(lookUp(entries(keys), repository), expected);
    // A helper of the host is all that counts; one of another host or of a path is not looked at.
    const helped = entries(keys, [repository.host]);
    assert.deepEqual(lookUp(helped, repository), { kind: "helper" });
    const other = entries(keys, ["z.io", `${repository.host}/b`]);
    assert.deepEqual(lookUp(other, repository), expected);
  });
}

Deno.test("a look-up gives a credential only if each key that may be used holds it", () => {
  const auths = new Map<string, unknown>([
    ["same", { auth: AUTH, email: "e" }],
    ["null", { auth: AUTH, identitytoken: null }],
    ["token", { auth: AUTH, identitytoken: "t" }],
    ["other", { auth: btoa("u:q") }],
    ["marker", {}],
    ["plain", { username: "u", password: "p" }],
    ["text", "odd"],
  ]);
  const given = (...keys: string[]) =>
    gives({ auths, credHelpers: new Map() }, { kind: "keys", keys }, { auth: AUTH });
  assert.ok(given("same") && given("null") && given("same", "null"));
  for (const key of ["token", "other", "marker", "plain", "text", "none"]) {
    assert.ok(!given(key) && !given("same", key), key);
  }
  const nothing = { auths, credHelpers: new Map() };
  assert.ok(!gives(nothing, { kind: "none" }, { auth: AUTH }));
  assert.ok(!gives(nothing, { kind: "helper" }, { auth: AUTH }));
});

Deno.test("an empty identity token is none", () => {
  assert.ok(equalCredentials({ auth: AUTH, identitytoken: "" }, { auth: AUTH }));
  assert.ok(!equalCredentials({ auth: AUTH }, undefined));
});
