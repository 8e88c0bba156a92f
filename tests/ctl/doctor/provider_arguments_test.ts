import assert from "node:assert/strict";
import { checkProviderArguments } from "../../../src/ctl/doctor/provider_arguments.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../../src/settings/settings.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const ARGUMENTS: readonly [
  args: readonly string[],
  settings: Partial<Settings>,
  expected: readonly Expected[],
][] = [
  [[], {}, []],
  [["--auth-dir", "/a"], { authDir: "/a" }, [["pass", /--auth-dir \/a/]]],
  [["--auth-dir=/a", "-log-level=debug"], { authDir: "/a", logLevel: "debug" }, [["pass", /a/]]],
  [["--authDir=/a"], { authDir: "/a" }, [["pass", /a/]]],
  [["--journald-socket="], { journaldSocket: "" }, [["pass", /=/]]],
  [
    ["--registries-conf-dir=/a", "--registries-conf-dir", "/b"],
    { registriesConfDir: ["/a", "/b"] },
    [["pass", /a/]],
  ],
  [["--auth-dir=a"], {}, [[
    "fail",
    /refuses it on each pull: --auth-dir: "a" is not an abs.* -> change "args"/,
  ]]],
  [["--auth-dir=/a", "--auth-dir=/b"], {}, [["fail", /--auth-dir: must be given once/]]],
  [["--auth-dir"], {}, [["fail", /--auth-dir: has no value/]]],
  [["--auth-dirs=/a"], {}, [["fail", /--auth-dirs=\/a: is not a setting/]]],
  [["--version"], {}, [[
    "fail",
    /--version: is not a setting: the plugin would answer no request/,
  ]]],
  [["audit"], {}, [["fail", /audit: is not a setting/]]],
];

for (const [args, changed, expected] of ARGUMENTS) {
  Deno.test(`args ${JSON.stringify(args)} of the provider are read as the plugin reads them`, () => {
    const { checks, settings } = checkProviderArguments(args, DEFAULT_SETTINGS);
    assertChecks(checks, expected);
    assert.deepEqual(settings, { ...DEFAULT_SETTINGS, ...changed });
  });
}
