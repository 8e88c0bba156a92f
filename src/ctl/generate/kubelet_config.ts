/** `generate kubelet-config` */

import { UsageError, UserError } from "../../errors.ts";
import type { PulledImages } from "../../kubelet/pulled_images.ts";
import type { Runtime } from "../../kubelet/runtime.ts";
import { findArgument } from "../../manifests/arguments.ts";
import { ASSUMED_AUDIENCE } from "../../manifests/audience.ts";
import type { Platform } from "../../manifests/choices.ts";
import {
  emptyConfig,
  formatCredentialProviderConfig,
  mergeProvider,
  type MergeResult,
  ownAudience,
  PROVIDER_NAME,
} from "../../manifests/credential_provider_config.ts";
import {
  parseCrioCredentialProviderConfig,
  renderCrioCredentialProviderConfig,
} from "../../manifests/crio_credential_provider_config.ts";
import { PLATFORM_PROVIDERS } from "../../manifests/platform_providers.ts";
import { formatComment, formatYaml } from "../../manifests/yaml.ts";
import { flagsWithoutMeaning } from "../../settings/settings.ts";
import { type CtlContext, inputName, readInput, report } from "../context.ts";
import { checkAudience, warnOfAssumedAudience } from "./audience.ts";
import { checkPluginArguments } from "./plugin_arguments.ts";
import { checkMatchImages, readProviderFile, requireEntries } from "./match_image_flags.ts";
import { explainPulledImages, settingOptions } from "./provider_settings.ts";

/** Flags of the command. */
export interface Flags {
  readonly matchImage?: readonly string[];
  readonly from?: string;
  readonly merge?: string;
  readonly platform?: Platform;
  readonly audience?: string;
  readonly arg?: readonly string[];
  readonly env: boolean;
  readonly secretsAnnotation?: string;
  readonly pulledImages?: PulledImages;
  readonly runtime?: Runtime;
}

/** What merging gave, and whether anything gave the audience in it. */
interface Merged extends MergeResult {
  readonly isAudienceKnown: boolean;
}

/** Prints a `CredentialProviderConfig`. */
export async function generateKubeletConfig(this: CtlContext, flags: Flags): Promise<void> {
  const merged = flags.from === undefined
    ? await mergeFlags(this, flags)
    : { ...await renderResource(this, flags, flags.from), isAudienceKnown: true };
  const config = requireEntries(this, merged);
  if (!merged.isAudienceKnown) warnOfAssumedAudience(this);
  this.process.stdout.write(
    formatComment(merged.isAudienceKnown ? [] : ASSUMED_AUDIENCE) +
      explainPulledImages(config, this.settings) +
      formatYaml([formatCredentialProviderConfig(config)]),
  );
}

async function mergeFlags(context: CtlContext, flags: Flags): Promise<Merged> {
  const { matchImage = [], merge, platform, audience, arg, env } = flags;
  if (platform !== undefined) {
    throw new UsageError(
      "flag-needs-flag",
      "--platform",
      "needs --from",
      "use --merge with the platform's file",
    );
  }
  checkAudience(audience);
  checkMatchImages(context, matchImage);
  const runtime = flags.runtime ?? context.settings.runtime;
  if (runtime === "containerd" && flags.pulledImages !== undefined) {
    throw new UsageError(
      "flags-conflict",
      "--pulled-images",
      "has no meaning with --runtime containerd",
      "leave it out: images that are pulled with a pair are always the service account's",
    );
  }
  if (arg !== undefined) await checkPluginArguments(arg, { ...context.settings, runtime });
  const existing = merge === undefined ? emptyConfig() : await readProviderFile(context, merge);
  const merged = mergeProvider(existing, {
    matchImages: matchImage,
    env,
    ...(audience !== undefined && { audience }),
    ...(arg !== undefined && arg.length > 0 && { args: arg }),
    ...settingOptions(context, flags),
  });
  refuseOtherRuntimes(merged, runtime, merge);
  return { ...merged, isAudienceKnown: (audience ?? ownAudience(existing)) !== undefined };
}

/** Arguments that are kept from a file, and that the plugin would refuse in every pull. */
function refuseOtherRuntimes(
  { config }: MergeResult,
  runtime: Runtime,
  merge: string | undefined,
): void {
  const args = config?.providers.find(({ name }) => name === PROVIDER_NAME)?.args ?? [];
  const other = flagsWithoutMeaning(runtime).find(({ flag }) =>
    findArgument(args, flag) !== undefined
  );
  if (other === undefined || merge === undefined) return;
  throw new UserError(
    "flags-conflict",
    inputName(merge),
    `passes --${other.flag} to the plugin, which has no meaning with --runtime ${runtime}`,
    `drop it from "args"`,
  );
}

async function renderResource(
  context: CtlContext,
  flags: Flags,
  path: string,
): Promise<MergeResult> {
  const { matchImage = [], merge, platform, audience, arg = [], env, pulledImages } = flags;
  if (
    matchImage.length > 0 || audience !== undefined || arg.length > 0 ||
    pulledImages !== undefined || flags.runtime !== undefined
  ) {
    throw new UsageError(
      "flags-conflict",
      "--from",
      "cannot be used with --match-image, --audience, --arg, --pulled-images or --runtime",
    );
  }
  if (merge !== undefined && platform !== undefined) {
    throw new UsageError(
      "flags-conflict",
      "--merge",
      "cannot be used with --platform",
      "give one provider file",
    );
  }
  if (path === "-" && merge === "-") {
    throw new UsageError("flags-conflict", "--merge", "cannot read stdin, which --from reads");
  }
  const name = inputName(path);
  const matchImages = parseCrioCredentialProviderConfig(
    await readInput(context, path, "from"),
    name,
  );
  const base = merge === undefined
    ? PLATFORM_PROVIDERS[platform ?? "none"].config
    : await readProviderFile(context, merge);
  const { secretsAnnotation } = settingOptions(context, flags);
  const rendering = renderCrioCredentialProviderConfig(matchImages, base, {
    env,
    secretsAnnotation,
  });
  for (const { type, status, reason, message } of rendering.conditions) {
    report(context, `condition ${type}: ${status}, ${reason}: ${message}`);
  }
  if (matchImages.length === 0) {
    throw new UserError(
      "content-invalid",
      name,
      `"spec.matchImages" is empty: it configures no provider`,
    );
  }
  return rendering;
}
