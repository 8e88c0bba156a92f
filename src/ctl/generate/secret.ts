/** `generate secret` */

import { MAX_ALSO_FOR } from "../../credentials/also_for.ts";
import { formatScope, isWildcard, parseScope } from "../../credentials/scope.ts";
import { UsageError, UserError } from "../../errors.ts";
import { isLabel, isSubdomain } from "../../kubernetes/names.ts";
import { createRegistrySecret } from "../../manifests/secret.ts";
import { formatYaml } from "../../manifests/yaml.ts";
import { type CtlContext, readPipe } from "../context.ts";
import { checkName } from "../check_name.ts";

/** Flags of the command. */
export interface Flags {
  readonly namespace: string;
  readonly registry: string;
  readonly username: string;
  readonly name?: string;
  readonly alsoFor?: readonly string[];
}

/**
 * Prints a registry secret. The password goes nowhere but into it.
 *
 * @throws {UserError} when a flag or the password is not of its form.
 */
export async function generateSecret(this: CtlContext, flags: Flags): Promise<void> {
  const { namespace, registry, username } = flags;
  checkName("--namespace", namespace, isLabel, "namespace");
  // RFC 7617: the first colon ends the name.
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (username === "" || /[:\u0000-\u001f\u007f]/.test(username)) {
    throw new UsageError(
      "flag-value-invalid",
      "--username",
      "is empty, or has a colon or a control character",
    );
  }
  const key = checkRegistry(registry, "--registry");
  const alsoFor = [...new Set((flags.alsoFor ?? []).map((it) => checkRegistry(it, "--also-for")))];
  if (alsoFor.length > MAX_ALSO_FOR) {
    throw new UsageError(
      "flag-value-invalid",
      "--also-for",
      `names ${alsoFor.length} registries, and at most ${MAX_ALSO_FOR} are read`,
    );
  }
  const name = flags.name ?? defaultName(key);
  checkName("--name", name, isSubdomain, "secret");
  const password = (await readPipe(this, "the password")).replace(/\r?\n$/, "");
  if (password === "") {
    throw new UserError("input-empty", "stdin", "is empty, expected the password");
  }
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(password)) {
    throw new UserError(
      "content-invalid",
      "stdin",
      "has a control character, expected the password alone",
    );
  }
  const secret = createRegistrySecret({
    namespace,
    name,
    registry: key,
    username,
    password,
    alsoFor,
  });
  this.process.stdout.write(formatYaml([secret]));
}

/** The registry as a key that every client of registries reads alike. */
function checkRegistry(registry: string, flag: string): string {
  const scope = parseScope(registry);
  // A comma and an equals sign separate the parts of the annotation.
  if (scope === undefined || isWildcard(scope) || /[,=]/.test(scope.path)) {
    throw new UsageError(
      "flag-value-invalid",
      flag,
      "is not a registry with port and path",
      "write it like mirror.local:5000/team",
    );
  }
  return formatScope(scope);
}

/** `mirror.local:5000/team` -> `registry-mirror.local-5000-team` */
function defaultName(registry: string): string {
  return `registry-${registry.toLowerCase().replaceAll(/[^a-z0-9.]+/g, "-")}`;
}
