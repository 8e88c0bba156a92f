/** The secrets of a pull that is explained: asked for and looked through as the pull does it. */

import { type Asking, askNamespace, type Reading } from "../../credentials/ask_namespace.ts";
import type { NamespaceCredentials } from "../../credentials/namespace_credentials.ts";
import { UserError } from "../../errors.ts";
import { RefusedError } from "../../kubernetes/secrets/refusals.ts";
import { compareNames, type Secret } from "../../kubernetes/secrets/secret.ts";
import { CLOCK } from "../../process/clock.ts";
import type { Settings } from "../../settings/settings.ts";
import { openSecretsFile } from "./secrets_file.ts";

/** The secrets of the namespace, where they were read, and what the pull makes of them. */
export interface SecretsRead {
  /** URL of the API server, or a file. */
  readonly from: string;
  /** In the order in which of equally specific credentials the last one counts. */
  readonly secrets: readonly Secret[];
  /** What the pull has of them: all that the choice is made from, and all that it leaves out. */
  readonly found: NamespaceCredentials;
  /** What the source also held and a pull does not read, in words. */
  readonly leftOut: readonly string[];
  /** What the service account names; `undefined`: nothing, so that all secrets are read. */
  readonly named?: NamedSecrets;
}

/** The secrets that a service account names. */
export interface NamedSecrets {
  /** The key of the annotation. */
  readonly annotation: string;
  /** In the order in which they count. */
  readonly names: readonly string[];
  /** Those that are named more than once. */
  readonly repeated: readonly string[];
  /** Those that are not read, and why. */
  readonly notRead: readonly { readonly secret: string; readonly reason: string }[];
}

/**
 * Asks the API server for the secrets.
 *
 * @param options.onRetry called for every attempt that failed and will be repeated, with the delay in
 * milliseconds.
 * @param options.isAccountKnown whether the account's annotations are those that the pull would have.
 * @throws {UserError} as in a pull; where the list is refused to an account that is not known, it says how
 * to make it known.
 */
export async function readApiSecrets(
  reading: Reading,
  settings: Settings,
  { onRetry, isAccountKnown }: Pick<Asking<unknown>, "onRetry"> & {
    readonly isAccountKnown: boolean;
  },
): Promise<SecretsRead> {
  let from = "nowhere: the API server is not asked";
  try {
    const read = await readAll(reading, settings, {
      onServer: ({ url, origin }) => from = `${url} (address from ${origin})`,
      onRetry,
    });
    return { from, leftOut: [], ...read };
  } catch (error) {
    throw isAccountKnown ? error : nameAnnotation(error, settings.secretsAnnotation);
  }
}

/**
 * Reads the secrets from what `kubectl get secrets -o json` or `-o yaml` printed, as if the API server had
 * answered with them.
 *
 * @param path the file's, for errors.
 * @throws {UserError} when the text is something else, or when a pull would fail by these secrets.
 */
export async function readFileSecrets(
  reading: Reading,
  settings: Settings,
  { text, path }: { readonly text: string; readonly path: string },
): Promise<SecretsRead> {
  const file = openSecretsFile(text, path, reading.serviceAccount.namespace);
  const heard = { onServer: ignore, onRetry: ignore };
  const read = await readAll(reading, settings, { ...heard, standIn: file });
  return { from: path, leftOut: file.leftOut(settings.secretTypes, read.named?.names), ...read };
}

/** A file asks for no other attempt, nothing is looked for to reach it, and names are reported at the end. */
const ignore = () => {};

async function readAll(
  reading: Reading,
  settings: Settings,
  asking: Pick<Asking<readonly Secret[]>, "onServer" | "onRetry" | "standIn">,
): Promise<Pick<SecretsRead, "secrets" | "found" | "named">> {
  const notRead: { secret: string; reason: string }[] = [];
  const context = { settings, clock: CLOCK, deadline: CLOCK.now() + settings.timeout };
  const { named, found, kept } = await askNamespace(reading, context, {
    ...asking,
    onNames: ignore,
    onLeftOut: (secret, reason) => notRead.push({ secret, reason }),
    keep: (secrets) => secrets,
    maxReports: Infinity,
  });
  const secrets = kept.flat();
  if (named === undefined) return { secrets: secrets.sort(compareNames), found };
  return { secrets, found, named: { annotation: settings.secretsAnnotation, ...named, notRead } };
}

/**
 * A refused list with one more advice: the command line has the account's annotations only where they
 * are given, so that the list may not be what the pull asks for.
 */
function nameAnnotation(error: unknown, annotation: string): unknown {
  if (!(error instanceof RefusedError) || error.status !== 403) return error;
  const advice = `if it names them already, repeat here what its annotation ${annotation} says: ` +
    `--service-account-annotation ${annotation}=NAMES`;
  // deno-coverage-ignore -- for the compiler: a refusal has advice
  return new UserError(error.code, error.where, error.problem, `${error.advice ?? ""}; ${advice}`);
}
