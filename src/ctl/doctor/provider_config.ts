/** The kubelet's `CredentialProviderConfig`: would the kubelet start with it, and is our provider in it. */

import {
  type CredentialProvider,
  findViolations,
  parseCredentialProviderConfig,
  PROVIDER_NAME,
} from "../../manifests/credential_provider_config.ts";
import { type Check, count, fail, pass, recordFailure, warn } from "./check.ts";
import type { TextFile } from "./examined_node.ts";

/** A configuration as found on the node. */
export interface FoundProviderConfig {
  readonly path: string;
  /** How it was found, for people. */
  readonly origin: string;
  /** The file, or those of a directory in lexical order; `undefined` when there is neither. */
  readonly files: readonly TextFile[] | undefined;
}

/** What is found out about it. */
export interface ProviderConfigFindings {
  readonly checks: readonly Check[];
  /** Of all files that can be read. */
  readonly providers: readonly CredentialProvider[];
  /** The plugin of this project. */
  readonly provider: CredentialProvider | undefined;
  /** Whether all files could be read, so that what is not among the providers is nowhere. */
  readonly complete: boolean;
}

const NAME = "provider-config";
const NO_START = "the kubelet does not start with it";

/** Whether the kubelet reads a file of a configuration directory (`readCredentialProviderConfig`). */
export function isProviderFile(name: string): boolean {
  return /\.(?:json|yaml|yml)$/.test(name);
}

/** Checks the files as the kubelet does when it starts, and what our provider needs besides. */
export function checkProviderConfig(found: FoundProviderConfig): ProviderConfigFindings {
  const place = `${found.path} (${found.origin})`;
  const checks: Check[] = [];
  const { files = [] } = found;
  if (files.length === 0) {
    const problem = found.files === undefined
      ? `${place} does not exist; the kubelet does not start without it`
      : `${place}: a directory without .json, .yaml or .yml files; ${NO_START}`;
    return {
      checks: [fail(NAME, problem, GENERATE)],
      providers: [],
      provider: undefined,
      complete: true,
    };
  }
  const providers: CredentialProvider[] = [];
  const places = new Map<string, string>();
  let complete = true;
  for (const { path, text } of files) {
    const config = recordFailure(NAME, checks, () => parseCredentialProviderConfig(text, path));
    if (config === undefined) {
      complete = false;
      continue;
    }
    for (const { key, problem } of findViolations(config)) {
      // Only all files together must have an entry.
      if (key === "providers" && files.length > 1) continue;
      checks.push(fail(NAME, `${path}: "${key}" ${problem}; ${NO_START}`, `edit ${path}`));
    }
    for (const provider of config.providers) {
      const earlier = places.get(provider.name);
      if (earlier !== undefined && earlier !== path) {
        checks.push(fail(
          NAME,
          `${path}: provider ${
            JSON.stringify(provider.name)
          } is in ${earlier} as well; ${NO_START}`,
          "keep one of them",
        ));
      }
      places.set(provider.name, path);
      providers.push(provider);
    }
  }
  const provider = providers.find(({ name }) => name === PROVIDER_NAME);
  if (provider !== undefined) checks.push(...judge(provider));
  else if (complete) checks.push(missing(place, providers));
  if (checks.length === 0) {
    checks.push(
      pass(NAME, `${place}: ${count(providers.length, "provider")}, including ${PROVIDER_NAME}`),
    );
  }
  return { checks, providers, provider, complete };
}

const GENERATE = "make one with: crio-credential-ctl generate kubelet-config";

function missing(place: string, providers: readonly CredentialProvider[]): Check {
  // deno-coverage-ignore -- no test has a file without providers
  const names = providers.map(({ name }) => name).join(", ") || "no provider";
  return fail(
    NAME,
    `${place}: no provider ${PROVIDER_NAME}, but ${names}`,
    "add it with: crio-credential-ctl generate kubelet-config --merge FILE",
  );
}

function* judge({ tokenAttributes }: CredentialProvider): Generator<Check> {
  if (!tokenAttributes) {
    yield fail(
      NAME,
      `${PROVIDER_NAME} has no "tokenAttributes": it gets no service-account token and does nothing`,
      GENERATE,
    );
    return;
  }
  const { requiredServiceAccountAnnotationKeys: keys } = tokenAttributes;
  if (keys.length > 0) {
    yield warn(
      NAME,
      `the kubelet runs it only for service accounts with the annotations ${keys.join(", ")}`,
      `drop "requiredServiceAccountAnnotationKeys", unless that is what you want`,
    );
  }
}

/**
 * Whether the kubelet passes the annotation on in which service accounts name their secrets.
 *
 * @param annotation the setting `--secrets-annotation` of the plugin's runs.
 */
export function checkSecretsAnnotation(
  { tokenAttributes }: CredentialProvider,
  annotation: string,
): Check[] {
  // That these are missing is reported already.
  if (!tokenAttributes) return [];
  const { optionalServiceAccountAnnotationKeys, requiredServiceAccountAnnotationKeys } =
    tokenAttributes;
  const passed = [...optionalServiceAccountAnnotationKeys, ...requiredServiceAccountAnnotationKeys];
  if (passed.includes(annotation)) return [];
  return [warn(
    NAME,
    `the kubelet does not pass the annotation ${annotation} on: service accounts cannot name their ` +
      "secrets, and each that pulls must be allowed to list all secrets of its namespace",
    `add it to "optionalServiceAccountAnnotationKeys", as crio-credential-ctl generate ` +
      "kubelet-config does",
  )];
}
