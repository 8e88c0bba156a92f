/** `env` of our provider: the variables that would reach through the sandbox. */

import {
  isObeyed,
  kubeletEnvironment,
  RUNTIME_VARIABLES,
} from "../../executable/runtime_environment.ts";
import { type Check, count, fail, pass, warn } from "./check.ts";

const NAME = "provider-environment";

/**
 * Checks that the entries of the documented configuration are there: the kubelet puts them over its
 * own environment. The script form needs few, since its header empties the environment.
 *
 * @param form of the plugin; `undefined` when it is not known.
 */
export function checkProviderEnvironment(
  env: readonly { readonly name: string; readonly value: string }[],
  form: "script" | "compiled" | undefined,
): Check[] {
  const who = form === undefined ? "one of the two forms" : `the ${form} form`;
  // Of a name given twice the last counts.
  const given = new Map(env.map(({ name, value }) => [name, value]));
  const wanted = kubeletEnvironment(form);
  const set = wanted.filter(({ name, value }) => given.has(name) && given.get(name) !== value);
  const unset = wanted.filter(({ name }) => !given.has(name)).map(({ name }) => name);
  const advice = "take the entries of: crio-credential-ctl generate kubelet-config";
  const checks: Check[] = set.map(({ name }) =>
    (form === undefined ? warn : fail)(NAME, `"env" sets ${name}, which ${who} obeys`, advice)
  );
  for (const variable of RUNTIME_VARIABLES) {
    const forms = form === undefined ? ["script", "compiled"] as const : [form];
    if (variable.neutral !== undefined || !given.has(variable.name)) continue;
    if (!forms.some((form) => isObeyed(variable, form))) continue;
    const { name, effect } = variable;
    checks.push(
      fail(NAME, `"env" sets ${name}, which ${effect} whatever its value`, `remove ${name}`),
    );
  }
  if (unset.length > 0) {
    checks.push(warn(
      NAME,
      `"env" leaves ${count(unset.length, "variable")} of the kubelet's own environment ` +
        `that ${who} obeys: ${unset.join(", ")}`,
      advice,
    ));
  }
  if (checks.length === 0) {
    checks.push(pass(NAME, `sets all variables that ${who} obeys to what does nothing`));
  }
  return checks;
}
