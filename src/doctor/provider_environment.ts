/** `env` of our provider: the variables that the compiled form's runtime would obey. */

import { kubeletEnvironment } from "../runtime_environment.ts";
import { type Check, count, fail, pass, warn } from "./check.ts";

const NAME = "provider-environment";

/**
 * Checks that the entries of the documented configuration are there: the kubelet puts them over its
 * own environment. The script form needs none, since its header empties the environment.
 *
 * @param form of the plugin; `undefined` when it is not known.
 */
export function checkProviderEnvironment(
  env: readonly { readonly name: string; readonly value: string }[],
  form: "script" | "compiled" | undefined,
): Check[] {
  if (form === "script") {
    return [pass(NAME, "the script form empties its environment: no entries are needed")];
  }
  const who = form === "compiled" ? "the compiled form" : "the compiled form, if this is one,";
  // Of a name given twice the last counts.
  const given = new Map(env.map(({ name, value }) => [name, value]));
  const wanted = kubeletEnvironment();
  const set = wanted.filter(({ name, value }) => given.has(name) && given.get(name) !== value);
  const unset = wanted.filter(({ name }) => !given.has(name)).map(({ name }) => name);
  const advice = "take the entries of: crio-credential-ctl generate kubelet-config";
  const checks: Check[] = set.map(({ name }) =>
    (form === "compiled" ? fail : warn)(NAME, `"env" sets ${name}, which ${who} obeys`, advice)
  );
  if (unset.length > 0) {
    checks.push(warn(
      NAME,
      `"env" leaves ${count(unset.length, "variable")} of the kubelet's own environment ` +
        `that ${who} obeys: ${unset.join(", ")}`,
      advice,
    ));
  }
  if (checks.length === 0) {
    checks.push(pass(NAME, "sets all variables that the compiled form obeys to nothing"));
  }
  return checks;
}
