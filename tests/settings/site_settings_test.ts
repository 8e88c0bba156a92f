import assert from "node:assert/strict";
import { siteSettings } from "../../src/settings/site_settings.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

const FILE = {
  path: "site.jsonc",
  text: `{\n  // Of this site.\n  "timeout": "20s",\n  "apiserver-hosts": "*.co.uk:6443"\n}`,
};

Deno.test("flags win over the file, and the file over the defaults", async () => {
  const given = new Map([["apiserver-hosts", ["*.example.com:6443"]]]);
  assert.deepEqual(await siteSettings(FILE, given), {
    ...DEFAULT_SETTINGS,
    timeout: 20_000,
    apiserverHosts: ["*.example.com:6443"],
  });
  assert.deepEqual(await siteSettings(undefined, new Map()), DEFAULT_SETTINGS);
});

Deno.test("hosts of anybody are refused where they were given: in the file, or by the flag", async () => {
  const problem =
    /"\*\.co\.uk:6443" would be hosts of anybody: co\.uk is on the public suffix list;/;
  const code = "flag-value-invalid";
  await assert.rejects(siteSettings(FILE, new Map([["timeout", ["5s"]]])), {
    code,
    where: "site.jsonc:4:22",
    message: new RegExp(`^site\\.jsonc:4:22: "apiserver-hosts" ${problem.source}`),
  });
  const given = new Map([["apiserver-hosts", ["*.github.io:1"]]]);
  await assert.rejects(siteSettings(FILE, given), { code, where: "--apiserver-hosts" });
});
