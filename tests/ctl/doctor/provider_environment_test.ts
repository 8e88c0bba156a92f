import { checkProviderEnvironment } from "../../../src/ctl/doctor/provider_environment.ts";
import { kubeletEnvironment } from "../../../src/executable/runtime_environment.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const FULL = kubeletEnvironment();
const ca = { name: "NODE_EXTRA_CA_CERTS", value: "/etc/ca.pem" };
const unset = FULL.filter(({ name }) => !["DENO_CERT", "DENO_LOG"].includes(name));

const ENVIRONMENTS: readonly [
  name: string,
  env: readonly { name: string; value: string }[],
  form: "script" | "compiled" | undefined,
  expected: readonly Expected[],
][] = [
  ["all entries", FULL, "compiled", [["pass", /sets all variables/]]],
  ["entries of the site besides", [...FULL, { name: "TZ", value: "UTC" }], undefined, [[
    "pass",
    /all/,
  ]]],
  ["what the script form obeys", kubeletEnvironment("script"), "script", [["pass", /script form/]]],
  ["no entries for the script form", [], "script", [[
    "warn",
    /leaves \d+ variables of .* that the script form obeys: LD_PRELOAD, LD_AUDIT, /,
  ]]],
  ["a library for the script form", [...FULL, { name: "LD_PRELOAD", value: "/x.so" }], "script", [[
    "fail",
    /sets LD_PRELOAD, which the script form obeys/,
  ]]],
  [
    "a variable that has no value without effect",
    [
      ...FULL,
      { name: "NODE_CHANNEL_FD", value: "" },
    ],
    "compiled",
    [["fail", /sets NODE_CHANNEL_FD, which .* whatever its value -> remove NODE_CH/]],
  ],
  [
    "such a variable for a form that does not obey it",
    [...FULL, { name: "NODE_CHANNEL_FD", value: "" }],
    "script",
    [["pass", /./]],
  ],
  ["some missing", unset, "compiled", [
    [
      "warn",
      /leaves 2 variables of .* that the compiled form obeys: DENO_CERT, DENO_LOG -> take/,
    ],
  ]],
  ["some missing for a form that is not known", unset, undefined, [[
    "warn",
    / of .* that one of the two forms obeys/,
  ]]],
  ["a further CA", [...FULL, ca], "compiled", [[
    "fail",
    /sets NODE_EXTRA_CA_CERTS, which the compiled form obeys/,
  ]]],
  ["a further CA that is taken back", [ca, ...FULL], "compiled", [["pass", /all/]]],
  ["a further CA for a form that is not known", [...FULL, ca], undefined, [[
    "warn",
    /sets NODE_EXTRA_CA_CERTS/,
  ]]],
];

for (const [name, env, form, expected] of ENVIRONMENTS) {
  Deno.test(`env with ${name} gives ${expected[0]?.[0]}`, () => {
    assertChecks(checkProviderEnvironment(env, form), expected);
  });
}
