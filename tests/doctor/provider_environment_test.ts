import { checkProviderEnvironment } from "../../src/doctor/provider_environment.ts";
import { kubeletEnvironment } from "../../src/runtime_environment.ts";
import { assertChecks, type Expected } from "../support/checks.ts";

const FULL = kubeletEnvironment();
const proxy = { name: "HTTPS_PROXY", value: "http://proxy.example.com" };
const unset = FULL.filter(({ name }) => !["DENO_CERT", "NODE_DEBUG"].includes(name));

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
  ["no entries for the script form", [], "script", [["pass", /script form empties/]]],
  ["some missing", unset, "compiled", [
    [
      "warn",
      /leaves 2 variables of .* that the compiled form obeys: DENO_CERT, NODE_DEBUG -> take/,
    ],
  ]],
  ["some missing for a form that is not known", unset, undefined, [[
    "warn",
    /, if this is one, obeys/,
  ]]],
  ["a proxy", [...FULL, proxy], "compiled", [[
    "fail",
    /sets HTTPS_PROXY, which the compiled form obeys/,
  ]]],
  ["a proxy that is taken back", [proxy, ...FULL], "compiled", [["pass", /all/]]],
  ["a proxy for a form that is not known", [...FULL, proxy], undefined, [[
    "warn",
    /sets HTTPS_PROXY/,
  ]]],
];

for (const [name, env, form, expected] of ENVIRONMENTS) {
  Deno.test(`env with ${name} gives ${expected[0]?.[0]}`, () => {
    assertChecks(checkProviderEnvironment(env, form), expected);
  });
}
