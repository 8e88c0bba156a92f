/** Secrets as an explanation reads them. */

import { readCredentials } from "../../src/credentials/namespace_credentials.ts";
import { readFileSecrets, type SecretsRead } from "../../src/ctl/explain/read_secrets.ts";
import type { Secret } from "../../src/kubernetes/secrets/secret.ts";
import { CLOCK } from "../../src/process/clock.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import type { Repository } from "../../src/sources/reference.ts";

/** Secrets with what a pull has of them. */
export function lookedThrough(
  secrets: readonly Secret[],
  sources: readonly Repository[],
): Pick<SecretsRead, "secrets" | "found"> {
  const deadline = CLOCK.now() + 60_000;
  const found = readCredentials(secrets, sources, { clock: CLOCK, deadline, maxReports: Infinity });
  return { secrets, found };
}

/** Reads a file of secrets. */
export async function readText(
  text: string,
  { path = "secrets", namespace = "team", names, sources = [], settings = {} }: {
    readonly path?: string;
    readonly namespace?: string;
    /** Those that the service account names. @default all */
    readonly names?: readonly string[] | undefined;
    readonly sources?: readonly Repository[];
    readonly settings?: Partial<Settings>;
  } = {},
): Promise<SecretsRead> {
  const all = { ...DEFAULT_SETTINGS, ...settings };
  const annotations = new Map(
    names === undefined ? [] : [[all.secretsAnnotation, names.join(", ")]],
  );
  const serviceAccount = { namespace, name: undefined };
  const reading = { token: "", serviceAccount, annotations, sources };
  return await readFileSecrets(reading, all, { text, path });
}
