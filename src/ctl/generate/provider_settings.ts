/** Settings of the plugin that decide what the kubelet's provider configuration says. */

import { UsageError } from "../../errors.ts";
import {
  PULLED_IMAGES,
  PULLED_IMAGES_MEANING,
  PULLED_IMAGES_SINCE,
  type PulledImages,
} from "../../kubelet/pulled_images.ts";
import type { Runtime } from "../../kubelet/runtime.ts";
import { findArgument } from "../../manifests/arguments.ts";
import {
  type CredentialProviderConfig,
  PROVIDER_NAME,
  type ProviderOptions,
} from "../../manifests/credential_provider_config.ts";
import { isAnnotationKey } from "../../kubernetes/names.ts";
import type { Settings } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import { wrapLine } from "../../text/wrap.ts";

/** Flags of the commands that print a provider. */
interface Flags {
  readonly secretsAnnotation?: string;
  readonly pulledImages?: PulledImages;
  readonly runtime?: Runtime;
}

/**
 * What the flags say about our provider: a setting that is given goes into its arguments.
 *
 * @throws {UsageError} when the annotation is none.
 */
export function settingOptions(
  { settings: built }: CtlContext,
  { secretsAnnotation, pulledImages, runtime }: Flags,
): Required<Pick<ProviderOptions, "settings" | "secretsAnnotation">> {
  const settings = new Map<string, string>();
  if (runtime !== undefined) settings.set("runtime", runtime);
  if (pulledImages !== undefined) settings.set("pulled-images", pulledImages);
  if (secretsAnnotation !== undefined && secretsAnnotation !== "") {
    checkAnnotationKey(secretsAnnotation);
    settings.set("secrets-annotation", secretsAnnotation);
  }
  return { settings, secretsAnnotation: secretsAnnotation ?? built.secretsAnnotation };
}

/** @throws {UsageError} when the text is not an annotation key. */
export function checkAnnotationKey(text: string): void {
  if (isAnnotationKey(text)) return;
  throw new UsageError(
    "flag-value-invalid",
    "--secrets-annotation",
    `${JSON.stringify(text)} is not an annotation key`,
    "write it like example.com/secrets",
  );
}

/** A comment of YAML that says who may use images on the node, and what the other setting would do. */
export function explainPulledImages(
  { providers }: CredentialProviderConfig,
  built: Settings,
): string {
  // deno-coverage-ignore -- for the compiler: the provider is there
  const args = providers.find(({ name }) => name === PROVIDER_NAME)?.args ?? [];
  const texts = (findArgument(args, "runtime") ?? built.runtime) === "containerd"
    ? [`With containerd: ${PULLED_IMAGES_MEANING["service-account"]}; ${PULLED_IMAGES_SINCE}.`]
    : explainModes(args, built);
  return texts.flatMap((text) => wrapLine(text, 98, 0)).map((line) => `# ${line}\n`).join("");
}

function explainModes(args: readonly string[], built: Settings): string[] {
  const given = findArgument(args, "pulled-images");
  const mode = PULLED_IMAGES.find((each) => each === given) ?? built.pulledImages;
  return [
    ...PULLED_IMAGES.map((each) =>
      `--pulled-images ${each}${each === mode ? " (set here)" : ""}: ${
        PULLED_IMAGES_MEANING[each]
      }.`
    ),
    `The setting: ${PULLED_IMAGES_SINCE}.`,
  ];
}
