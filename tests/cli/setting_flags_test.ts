import assert from "node:assert/strict";
import { givenFlags, normalizeArguments, settingFlags } from "../../src/cli/setting_flags.ts";
import { DEFAULT_SETTINGS, SETTING_NAMES } from "../../src/settings/settings.ts";

Deno.test("the texts given are handed on by flag name, and none where none was given", () => {
  const given = givenFlags({
    authDir: ["/a"],
    registriesConfDir: ["/b", "/c"],
    secretTypes: [],
  });
  assert.deepEqual([...given], [["registries-conf-dir", ["/b", "/c"]], ["auth-dir", ["/a"]]]);
});

Deno.test("each setting has a flag, whose help shows what counts where it is not given", () => {
  const flags = settingFlags(DEFAULT_SETTINGS);
  assert.deepEqual(Object.keys(flags), SETTING_NAMES);
  assert.match(flags.authDir.brief, /^DIR {2}.* \[\/etc\/crio\/auth\]$/);
  assert.doesNotMatch(flags.caFile.brief, /\[/);
});

const ARGUMENTS: readonly [given: string[], normalized: string[]][] = [
  [["--auth-dir", "/a"], ["--auth-dir", "/a"]],
  [["-version"], ["--version"]],
  [["-auth-dir=/a"], ["--auth-dir=/a"]],
  [["--journald-socket="], ["--journald-socket", ""]],
  [["-journald-socket="], ["--journald-socket", ""]],
  [["-h", "-", "--", "a=b="], ["-h", "-", "--", "a=b="]],
];

for (const [given, normalized] of ARGUMENTS) {
  Deno.test(`${JSON.stringify(given)} is read as ${JSON.stringify(normalized)}`, () => {
    assert.deepEqual(normalizeArguments(given), normalized);
  });
}
