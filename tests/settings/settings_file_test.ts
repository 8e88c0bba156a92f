import assert from "node:assert/strict";
import { applySettingsFile, placeInSettingsFile } from "../../src/settings/settings_file.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

Deno.test("a settings file may hold comments and commas at the end; flags are its keys", () => {
  const text = `{
    // a comment
    "auth-dir": "/a", /* another */
    "registries-conf-dir": ["/b", "/c"],
    "timeout": "5s",
  }`;
  assert.deepEqual(applySettingsFile(DEFAULT_SETTINGS, text, "site.jsonc"), {
    ...DEFAULT_SETTINGS,
    authDir: "/a",
    registriesConfDir: ["/b", "/c"],
    timeout: 5000,
  });
});

const REFUSED: readonly [name: string, text: string, error: RegExp][] = [
  [
    "an unknown key",
    `{\n  "auth-dirr": "/a"\n}`,
    /^UserError: site\.jsonc:2:3: "auth-dirr" is not a setting/,
  ],
  [
    "a camel-case key",
    `{"authDir": "/a"}`,
    /^UserError: site\.jsonc:1:2: "authDir" is not a setting/,
  ],
  ["a number", `{\n "timeout": 5\n}`, /^UserError: site\.jsonc:2:13: "timeout" must be a string$/],
  [
    "an array for one value",
    `{"auth-dir": ["/a"]}`,
    /^UserError: site\.jsonc:1:14: "auth-dir" must be a string/,
  ],
  [
    "an array with a number",
    `{"registries-conf-dir": ["/a", 5]}`,
    /must be a string or an array of strings/,
  ],
  [
    "a bad value",
    `{"timeout": "5"}`,
    /^UserError: site\.jsonc:1:13: "timeout" "5" is not a duration; write/,
  ],
  [
    "a key twice",
    `{"timeout": "5s",\n"timeout": "6s"}`,
    /^UserError: site\.jsonc:2:1: "timeout" is there twice/,
  ],
  [
    "broken JSON",
    `{"timeout" "5s"}`,
    /^UserError: site\.jsonc:1:12: not valid JSON with comments: Colon/,
  ],
  ["an array", `[]`, /^UserError: site\.jsonc:1:1: must be an object/],
  ["nothing", ``, /^UserError: site\.jsonc:1:1: /],
  ["a pit", `{"a":`.repeat(100_000), /^UserError: site\.jsonc:1:1: is nested too deeply$/],
];

for (const [name, text, error] of REFUSED) {
  Deno.test(`a settings file with ${name} is refused with line and column`, () => {
    assert.throws(() => applySettingsFile(DEFAULT_SETTINGS, text, "site.jsonc"), error);
  });
}

Deno.test("what is wrong with a settings file has the code of its kind", () => {
  const codes = [
    [`{`, "json-invalid"],
    [`[]`, "content-invalid"],
    [`{"auth-dirr": "/a"}`, "flag-unknown"],
    [`{"timeout": 5}`, "flag-value-invalid"],
    [`{"timeout": "soon"}`, "flag-value-invalid"],
  ] as const;
  for (const [text, code] of codes) {
    assert.throws(() => applySettingsFile(DEFAULT_SETTINGS, text, "site.jsonc"), { code });
  }
});

Deno.test("the place of a setting is that of its value, or the file where it is not in it", () => {
  const text = `{\n  "timeout": "5s",\n  "auth-dir": "/a"\n}`;
  assert.equal(placeInSettingsFile(text, "site.jsonc", "auth-dir"), "site.jsonc:3:15");
  assert.equal(placeInSettingsFile(text, "site.jsonc", "log-level"), "site.jsonc");
});
