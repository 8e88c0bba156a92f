/**
 * The kubelet's `CredentialProviderConfig` (`k8s.io/kubelet/config/v1`): reading one, the rules that
 * the kubelet checks, and our provider in it.
 */

import * as v from "valibot";
import { UserError } from "../errors.ts";
import { check } from "../text/schema.ts";
import { kubeletEnvironment } from "../executable/runtime_environment.ts";
import { SECRETS_ANNOTATION } from "../kubernetes/secrets/secret_names.ts";
import { findArgument, setArgument } from "./arguments.ts";
import { DEFAULT_AUDIENCE } from "./audience.ts";
import { parseGoDuration } from "../text/duration.ts";
import { explainUnmatchable, intersects, parseMatchImage, scopesOverlap } from "./match_images.ts";
import { isAnnotationKey } from "../kubernetes/names.ts";
import { type Manifest, parseYaml } from "./yaml.ts";

/** The name of our provider, which is that of the executable in the kubelet's plugin directory. */
export const PROVIDER_NAME = "crio-credential-provider";

const CONFIG_VERSIONS = ["v1", "v1beta1", "v1alpha1"].map((v) => `kubelet.config.k8s.io/${v}`);
const PROVIDER_VERSIONS = ["v1", "v1beta1", "v1alpha1"].map((v) =>
  `credentialprovider.kubelet.k8s.io/${v}`
);
const [CONFIG_VERSION = ""] = CONFIG_VERSIONS;
const [PROVIDER_VERSION = ""] = PROVIDER_VERSIONS;

// What is absent or null has Go's zero value, as it has for the kubelet; unknown keys are refused.
const Text = v.nullish(v.string(), "");
const Texts = v.nullish(v.array(v.string()), []);

const TokenAttributesSchema = v.strictObject({
  serviceAccountTokenAudience: Text,
  cacheType: Text,
  requireServiceAccount: v.nullish(v.boolean()),
  requiredServiceAccountAnnotationKeys: Texts,
  optionalServiceAccountAnnotationKeys: Texts,
});

const ProviderSchema = v.strictObject({
  name: Text,
  apiVersion: Text,
  matchImages: Texts,
  defaultCacheDuration: v.nullish(v.string()),
  args: Texts,
  env: v.nullish(v.array(v.strictObject({ name: Text, value: Text })), []),
  tokenAttributes: v.nullish(TokenAttributesSchema),
});

const ConfigSchema = v.strictObject({
  apiVersion: Text,
  kind: Text,
  providers: v.nullish(v.array(ProviderSchema), []),
});

/** One provider, with Go's zero values where the file says nothing. */
export type CredentialProvider = v.InferOutput<typeof ProviderSchema>;

/** The configuration as decoded, of which no rule has been checked yet. */
export type CredentialProviderConfig = v.InferOutput<typeof ConfigSchema>;

/** A rule that a file breaks. */
export interface Violation {
  /** The key concerned, such as `providers[0].name`. */
  readonly key: string;
  readonly problem: string;
}

/**
 * Decodes a configuration as strictly as the kubelet does.
 *
 * @throws {UserError} when it is not YAML, has a key that the type does not have, or a value of
 * another type.
 */
export function parseCredentialProviderConfig(
  text: string,
  path: string,
): CredentialProviderConfig {
  const value = parseYaml(text, path);
  if (value === null || value === undefined) {
    throw new UserError("content-invalid", path, "is empty");
  }
  const config = check(ConfigSchema, value, path);
  const { apiVersion, kind } = config;
  if (kind !== "CredentialProviderConfig" || !CONFIG_VERSIONS.includes(apiVersion)) {
    throw new UserError(
      "content-invalid",
      path,
      `is ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`,
      `the kubelet expects CredentialProviderConfig of ${CONFIG_VERSION}`,
    );
  }
  return config;
}

/**
 * The rules that the kubelet checks when it starts (`validateCredentialProviderConfig` of
 * `pkg/credentialprovider/plugin`). With one of them broken it does not start.
 *
 * @param options.tokens whether the feature gate `KubeletServiceAccountTokenForCredentialProviders`
 * is on. @default true
 */
export function findViolations(
  config: CredentialProviderConfig,
  options: { readonly tokens?: boolean } = {},
): Violation[] {
  if (config.providers.length === 0) {
    return [{ key: "providers", problem: "must have at least one entry" }];
  }
  const names = new Set<string>();
  return config.providers.flatMap((provider, index) => {
    const key = `providers[${index}]`;
    const repeated = names.has(provider.name);
    names.add(provider.name);
    const own = [...checkProvider(provider)];
    if (repeated) own.push(["name", `${JSON.stringify(provider.name)} is there twice`]);
    if (provider.tokenAttributes) {
      if (options.tokens === false) {
        own.push([
          "tokenAttributes",
          "needs the feature gate KubeletServiceAccountTokenForCredentialProviders",
        ]);
      }
      if (config.apiVersion !== CONFIG_VERSION) {
        own.push(["tokenAttributes", `is not a field of ${config.apiVersion}`]);
      }
    }
    return own.map(([field, problem]) => ({ key: `${key}.${field}`, problem }));
  });
}

type Rule = [field: string, problem: string];

function* checkProvider(provider: CredentialProvider): Generator<Rule> {
  const { name, apiVersion, matchImages, defaultCacheDuration, tokenAttributes } = provider;
  if (name === "") yield ["name", "is missing"];
  if (/[/ ]/.test(name)) yield ["name", `${JSON.stringify(name)} has "/" or a space`];
  if (name === "." || name === "..") yield ["name", `is ${JSON.stringify(name)}`];
  if (!PROVIDER_VERSIONS.includes(apiVersion)) {
    yield [
      "apiVersion",
      apiVersion === "" ? "is missing" : `is not one of ${PROVIDER_VERSIONS.join(", ")}`,
    ];
  }
  if (matchImages.length === 0) yield ["matchImages", "must have at least one entry"];
  for (const [index, pattern] of matchImages.entries()) {
    const problem = refusal(pattern);
    if (problem !== undefined) {
      yield [`matchImages[${index}]`, `${JSON.stringify(pattern)} ${problem}`];
    }
  }
  yield* checkCacheDuration(defaultCacheDuration);
  if (tokenAttributes) {
    if (apiVersion !== PROVIDER_VERSION) {
      yield ["tokenAttributes", `needs "apiVersion" ${PROVIDER_VERSION}`];
    }
    for (const [field, problem] of checkTokenAttributes(tokenAttributes)) {
      yield [`tokenAttributes.${field}`, problem];
    }
  }
}

function* checkCacheDuration(text: string | null | undefined): Generator<Rule> {
  const key = "defaultCacheDuration";
  if (text === null || text === undefined) return yield [key, "is missing"];
  const duration = parseGoDuration(text);
  if (duration === undefined) yield [key, `${JSON.stringify(text)} is not a duration such as 1s`];
  else if (duration < 0) yield [key, `${JSON.stringify(text)} is negative`];
}

function* checkTokenAttributes(
  attributes: v.InferOutput<typeof TokenAttributesSchema>,
): Generator<Rule> {
  const required = attributes.requiredServiceAccountAnnotationKeys;
  const optional = attributes.optionalServiceAccountAnnotationKeys;
  if (attributes.serviceAccountTokenAudience === "") {
    yield ["serviceAccountTokenAudience", "is missing"];
  }
  if (!["Token", "ServiceAccount"].includes(attributes.cacheType)) {
    yield ["cacheType", "must be Token or ServiceAccount"];
  }
  if (typeof attributes.requireServiceAccount !== "boolean") {
    yield ["requireServiceAccount", "is missing"];
  }
  if (attributes.requireServiceAccount === false && required.length > 0) {
    yield ["requiredServiceAccountAnnotationKeys", `needs "requireServiceAccount" true`];
  }
  yield* checkAnnotationKeys("requiredServiceAccountAnnotationKeys", required);
  yield* checkAnnotationKeys("optionalServiceAccountAnnotationKeys", optional);
  for (const key of new Set(required).intersection(new Set(optional))) {
    yield ["optionalServiceAccountAnnotationKeys", `${JSON.stringify(key)} is required as well`];
  }
}

function* checkAnnotationKeys(field: string, keys: readonly string[]): Generator<Rule> {
  for (const [index, key] of keys.entries()) {
    const place = `${field}[${index}]`;
    if (!isAnnotationKey(key)) yield [place, `${JSON.stringify(key)} is not an annotation key`];
    if (keys.indexOf(key) !== index) yield [place, `${JSON.stringify(key)} is there twice`];
  }
}

/** Why the kubelet would refuse an entry. */
function refusal(pattern: string): string | undefined {
  try {
    parseMatchImage(pattern);
    return undefined;
  } catch (error) {
    // deno-coverage-ignore -- an error of another kind would be a bug
    if (!(error instanceof UserError)) throw error;
    return error.problem;
  }
}

/** What can be chosen about our provider. */
export interface ProviderOptions {
  readonly matchImages: readonly string[];
  /** Audience of the tokens. @default that of an existing provider, else {@link DEFAULT_AUDIENCE} */
  readonly audience?: string;
  /** Arguments of the plugin. @default those of an existing provider, else none */
  readonly args?: readonly string[];
  /** Settings by flag, which replace what the arguments say about them. @default none */
  readonly settings?: ReadonlyMap<string, string>;
  /**
   * Annotation of service accounts that the kubelet passes on, unless the arguments name another;
   * empty: none. @default {@link SECRETS_ANNOTATION}
   */
  readonly secretsAnnotation?: string;
  /** Whether {@link kubeletEnvironment} is set, which the compiled form needs. @default true */
  readonly env?: boolean;
}

/**
 * Our provider. `defaultCacheDuration` has no effect on it, since each of its answers says that it
 * must not be cached; the kubelet demands one nevertheless.
 */
function createProvider(options: ProviderOptions): CredentialProvider {
  // deno-coverage-ignore -- for the compiler: no caller leaves them out
  let args = options.args ?? [];
  for (const [flag, value] of options.settings ?? []) args = setArgument(args, flag, value);
  const given = options.secretsAnnotation ?? SECRETS_ANNOTATION;
  const annotation = given === "" ? "" : findArgument(args, "secrets-annotation") ?? given;
  return {
    name: PROVIDER_NAME,
    apiVersion: PROVIDER_VERSION,
    matchImages: [...options.matchImages],
    defaultCacheDuration: "1s",
    args: [...args],
    env: options.env === false ? [] : kubeletEnvironment(),
    tokenAttributes: {
      serviceAccountTokenAudience: options.audience ?? DEFAULT_AUDIENCE,
      cacheType: "Token",
      requireServiceAccount: false,
      requiredServiceAccountAnnotationKeys: [],
      optionalServiceAccountAnnotationKeys: annotation === "" ? [] : [annotation],
    },
  };
}

/** A configuration without a provider, which is where merging begins on a node that has none. */
export function emptyConfig(): CredentialProviderConfig {
  return { apiVersion: CONFIG_VERSION, kind: "CredentialProviderConfig", providers: [] };
}

/** Two entries of which one covers the other. */
export interface Overlap {
  /** The entry for our provider. */
  readonly pattern: string;
  /** The entry that was there before, and its provider. */
  readonly other: string;
  readonly provider: string;
}

/** What merging gave. */
export interface MergeResult {
  /** `undefined` when no entry is left for our provider. */
  readonly config: CredentialProviderConfig | undefined;
  /** Entries left out, as the Machine Config Operator does it, with the first that they overlap. */
  readonly skipped: readonly Overlap[];
  /** Entries kept for which the kubelet runs the other provider as well. */
  readonly shared: readonly Overlap[];
}

/**
 * Puts our provider into a configuration. The others stay as they are and in order; an existing one
 * of the plugin's name is replaced where it is, but keeps its arguments and its audience if none are given,
 * and the variables that it sets besides the plugin's.
 *
 * @param existing a configuration without violations.
 */
export function mergeProvider(
  existing: CredentialProviderConfig,
  options: ProviderOptions,
): MergeResult {
  const others = existing.providers.filter(({ name }) => name !== PROVIDER_NAME);
  const skipped: Overlap[] = [], shared: Overlap[] = [], kept: string[] = [];
  for (const pattern of new Set(options.matchImages)) {
    const overlap = findOverlap(pattern, others, scopesOverlap);
    if (overlap !== undefined) {
      skipped.push(overlap);
      continue;
    }
    kept.push(pattern);
    const both = findOverlap(
      pattern,
      others,
      (a, b) => intersects(parseMatchImage(a), parseMatchImage(b)),
    );
    if (both !== undefined) shared.push(both);
  }
  if (kept.length === 0) return { config: undefined, skipped, shared };

  const old = existing.providers.find(({ name }) => name === PROVIDER_NAME);
  const audience = options.audience ?? ownAudience(existing);
  const fresh = createProvider({
    args: old?.args ?? [],
    ...options,
    ...(audience !== undefined && { audience }),
    matchImages: kept,
  });
  const own = new Set(fresh.env.map(({ name }) => name));
  const provider = {
    ...fresh,
    env: [...(old?.env ?? []).filter(({ name }) => !own.has(name)), ...fresh.env],
  };
  const providers = old === undefined
    ? [...existing.providers, provider]
    : existing.providers.map((each) => each === old ? provider : each);
  return { config: { ...emptyConfig(), providers }, skipped, shared };
}

/** The audience of our provider in a configuration; `undefined` when there is none. */
export function ownAudience({ providers }: CredentialProviderConfig): string | undefined {
  const own = providers.find(({ name }) => name === PROVIDER_NAME);
  return own?.tokenAttributes?.serviceAccountTokenAudience || undefined;
}

function findOverlap(
  pattern: string,
  providers: readonly CredentialProvider[],
  overlap: (a: string, b: string) => boolean,
): Overlap | undefined {
  for (const { name, matchImages } of providers) {
    const other = matchImages.find((each) => overlap(pattern, each));
    if (other !== undefined) return { pattern, other, provider: name };
  }
  return undefined;
}

/** The configuration as a manifest, without what is empty anyway. */
export function formatCredentialProviderConfig(config: CredentialProviderConfig): Manifest {
  return { ...config, providers: config.providers.map(formatProvider) };
}

function formatProvider(provider: CredentialProvider): Manifest {
  const { name, apiVersion, matchImages, defaultCacheDuration, args, env, tokenAttributes } =
    provider;
  return {
    name,
    apiVersion,
    matchImages,
    defaultCacheDuration,
    ...(args.length > 0 && { args }),
    ...(env.length > 0 && { env }),
    ...(tokenAttributes && { tokenAttributes: formatTokenAttributes(tokenAttributes) }),
  };
}

function formatTokenAttributes(attributes: v.InferOutput<typeof TokenAttributesSchema>): Manifest {
  const { requiredServiceAccountAnnotationKeys, optionalServiceAccountAnnotationKeys, ...rest } =
    attributes;
  return {
    ...rest,
    ...(requiredServiceAccountAnnotationKeys.length > 0 &&
      { requiredServiceAccountAnnotationKeys }),
    ...(optionalServiceAccountAnnotationKeys.length > 0 &&
      { optionalServiceAccountAnnotationKeys }),
  };
}

/** Says why an entry makes no sense for our provider; `undefined` when it does. */
export function explainMatchImage(pattern: string): string | undefined {
  return refusal(pattern) ?? explainUnmatchable(pattern);
}
