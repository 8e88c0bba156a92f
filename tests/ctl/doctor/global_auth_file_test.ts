import assert from "node:assert/strict";
import { parseAuthFile } from "../../../src/delivery/auth_file/auth_file.ts";
import { type Check, recordFailure } from "../../../src/ctl/doctor/check.ts";
import { checkGlobalAuthFile } from "../../../src/ctl/doctor/global_auth_file.ts";
import type { FileFacts } from "../../../src/ctl/doctor/examined_node.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

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
  ["a helper's marker", { auths: { "quay.io": {} }, credsStore: "desktop" }, 0o600, [[
    "warn",
    /"quay\.io", which holds no credential, as credential helpers leave it behind -> write its "auth"/,
  ]]],
  ["auth without padding", { auths: { "docker.io": { auth: "dTpwdzE" } } }, 0o600, [[
    "fail",
    /"docker\.io", which has an "auth" in base64 without the "=" at its end.*: pulls that would use it fail -> write/,
  ]]],
  ["auth without padding for another host", { auths: { "quay.io": { auth: "dTpwdzE" } } }, 0o600, [[
    "warn",
    /"quay\.io", which has an "auth" in base64 without/,
  ]]],
  [
    "user name and password alone",
    { auths: { "docker.io": { username: "u", password: PASSWORD } } },
    0o600,
    [[
      "warn",
      /"docker\.io", which has "username" and "password" without "auth", and CRI-O reads "auth" alone/,
    ]],
  ],
  ["an identity token alone", { auths: { "docker.io": { identitytoken: PASSWORD } } }, 0o600, [[
    "warn",
    /which has an "identitytoken" without "auth"/,
  ]]],
  [
    "keys that are never found",
    { auths: { "quay.io/": ENTRY, "index.docker.io/v1/": ENTRY } },
    0o600,
    [
      [
        "warn",
        /"quay\.io\/", which has a slash at its end, and so is never found -> write it as "quay\.io"/,
      ],
      [
        "warn",
        /"index\.docker\.io\/v1\/", which has the registry API's path .* -> write it as "docker\.io"/,
      ],
    ],
  ],
  [
    "keys that are found",
    {
      auths: {
        "https://index.docker.io/v1/": ENTRY,
        "registry-1.docker.io": ENTRY,
        "a.io:5/b/c": ENTRY,
      },
    },
    0o600,
    [["pass", /3 credentials/]],
  ],
  ["a key of a host without dot", { auths: { nohost: ENTRY } }, 0o600, [[
    "warn",
    /names no registry/,
  ]]],
  ["a bare map", { "quay.io": ENTRY }, 0o600, [[
    "warn",
    /\/f has registries outside of "auths", as a \.dockercfg does: CRI-O finds none of them -> put them into/,
  ]]],
  ["fields in another case", { Auths: { "quay.io": { Auth: ENTRY.auth } } }, 0o600, [[
    "pass",
    /1 cred/,
  ]]],
  ["a value of a wrong type", { auths: { "quay.io": ENTRY, "b.io": PASSWORD } }, 0o600, [[
    "fail",
    /"b\.io" in "auths" must be an object: CRI-O's image library refuses the whole file for it, and the plugin/,
  ]]],
  ["a helper for another host", { credHelpers: { "quay.io": "pass" } }, 0o600, [["pass", /0/]]],
  ["a helper for a mirror", { credHelpers: { "mirror.local": "pass" } }, 0o600, [
    [
      "warn",
      /"credHelpers" has "mirror\.local", a host of mirrored pulls: .* -> drop the entry, unless/,
    ],
  ]],
  ["open permissions", {}, 0o644, [["warn", /has mode 0644: everyone .* -> chmod 0600 \/f/]]],
  ["a wildcard", { auths: { "*.io": ENTRY } }, 0o600, [[
    "warn",
    /"\*\.io", which is a wildcard, by which/,
  ]]],
  ["a key that is no registry", { auths: { "a b": ENTRY } }, 0o600, [[
    "warn",
    /names no registry/,
  ]]],
  [
    "broken entries",
    { auths: { "a.io": { auth: `!${PASSWORD}` }, "b.io": { auth: btoa(PASSWORD) } } },
    0o600,
    [
      ["warn", /"a\.io", which has an "auth" that is not base64: pulls that would use it fail/],
      ["warn", /"b\.io", which has an "auth" that is not base64 of user:password -> write/],
    ],
  ],
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
  recordFailure("global-auth-file", checks, () => parseAuthFile(`{"auths": [${PASSWORD}`, "/f"));
  assertChecks(checks, [["fail", /^fail: \/f: not valid JSON\b.* -> edit \/f/]]);
});
