import assert from "node:assert/strict";
import { parseAuthFile } from "../../src/auth/auth_file.ts";
import { attempt, type Check } from "../../src/doctor/check.ts";
import { checkGlobalAuthFile } from "../../src/doctor/global_auth_file.ts";
import type { FileFacts } from "../../src/doctor/node_files.ts";
import { assertChecks, type Expected } from "../support/checks.ts";

const PRIVATE: FileFacts = { kind: "file", mode: 0o600, user: 0, group: 0, modified: 0 };
const PASSWORD = "s3cret";
const ENTRY = { auth: btoa(`user:${PASSWORD}`) };

const FILES: readonly [
  name: string,
  content: unknown,
  mode: number,
  expected: readonly Expected[],
][] = [
  ["credentials", { auths: { "quay.io": ENTRY, "a.io/team": ENTRY } }, 0o600, [[
    "pass",
    /2 creden/,
  ]]],
  ["nothing", {}, 0o640, [["pass", /0 credentials/]]],
  ["a helper's marker", { auths: { "quay.io": {} } }, 0o600, [[
    "pass",
    /1 credential for all pulls/,
  ]]],
  ["a helper for another host", { credHelpers: { "quay.io": "pass" } }, 0o600, [["pass", /0/]]],
  ["a helper for a mirror", { credHelpers: { "mirror.local": "pass" } }, 0o600, [
    [
      "warn",
      /"credHelpers" has "mirror\.local", a host of mirrored pulls: .* -> drop the entry, unless/,
    ],
  ]],
  ["open permissions", {}, 0o644, [["warn", /has mode 0644: everyone .* -> chmod 0600 \/f/]]],
  ["a wildcard", { auths: { "*.io": ENTRY } }, 0o600, [["warn", /"\*\.io", a wildcard, by which/]]],
  ["a key that is no registry", { auths: { "a b": ENTRY } }, 0o600, [[
    "warn",
    /names no registry/,
  ]]],
  ["a broken entry", { auths: { "a.io": { auth: PASSWORD }, "b.io": PASSWORD } }, 0o600, [
    ["warn", /"a\.io", which is broken: its "auth" is not base64 of user.* -> correct/],
    ["warn", /"b\.io", which is broken: it must be an object/],
  ]],
  ["a user in a key", { auths: { "https://me:s3cret@a.io": ENTRY } }, 0o600, [
    ["warn", /"https:\/\/…@a\.io", which names no registry/],
  ]],
];

for (const [name, content, mode, expected] of FILES) {
  Deno.test(`a global auth file with ${name} gives ${expected[0]?.[0]}, and no secret`, () => {
    const file = parseAuthFile(JSON.stringify(content), "/f");
    const found = { path: "/f", file, facts: { ...PRIVATE, mode } };
    const checks = checkGlobalAuthFile(found, new Set(["docker.io", "mirror.local"]));
    assertChecks(checks, expected);
    assert.ok(!JSON.stringify(checks).includes(PASSWORD));
  });
}

Deno.test("a node without a global auth file is fine", () => {
  const found = { path: "/f", file: undefined, facts: undefined };
  assertChecks(checkGlobalAuthFile(found, new Set()), [["pass", /does not exist: no global/]]);
});

Deno.test("a global auth file that is none fails", () => {
  const checks: Check[] = [];
  attempt("global-auth-file", checks, () => parseAuthFile(`{"auths": [${PASSWORD}`, "/f"));
  assertChecks(checks, [["fail", /^fail: \/f: not valid JSON\b.* -> correct it/]]);
});
