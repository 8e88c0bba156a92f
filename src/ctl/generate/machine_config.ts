/** `generate machine-config` */

import { UsageError } from "../../errors.ts";
import type { PulledImages } from "../../kubelet/pulled_images.ts";
import { OPENSHIFT_AUDIENCE } from "../../manifests/audience.ts";
import type { IgnitionVersion, Platform } from "../../manifests/choices.ts";
import {
  formatCredentialProviderConfig,
  mergeProvider,
  ownAudience,
} from "../../manifests/credential_provider_config.ts";
import {
  createKubeletDropIn,
  createMachineConfig,
  type NodeFile,
} from "../../manifests/machine_config.ts";
import { intersects, parseMatchImage } from "../../manifests/match_images.ts";
import { isLabel } from "../../kubernetes/names.ts";
import { PLATFORM_PROVIDERS } from "../../manifests/platform_providers.ts";
import { DROP_IN_PATH, type MirrorRule } from "../../manifests/registries_conf.ts";
import { formatYaml } from "../../manifests/yaml.ts";
import { type CtlContext, report } from "../context.ts";
import { checkAudience } from "./audience.ts";
import { checkMatchImages, readProviderFile, requireEntries } from "./match_image_flags.ts";
import { checkName } from "../check_name.ts";
import { explainPulledImages, settingOptions } from "./provider_settings.ts";
import { formatMirrors, parseMirrors } from "./registries_conf.ts";

/** Flags of the command. */
export interface Flags {
  readonly role: string;
  readonly platform: Platform;
  readonly matchImage?: readonly string[];
  readonly mirror?: readonly string[];
  readonly insecure?: readonly string[];
  readonly merge?: string;
  readonly audience?: string;
  readonly ignition: IgnitionVersion;
  readonly env: boolean;
  readonly secretsAnnotation?: string;
  readonly pulledImages?: PulledImages;
}

/**
 * Prints a `MachineConfig`.
 *
 * @throws {UserError} when flags contradict each other, or names or an input are not of their form.
 */
export async function generateMachineConfig(this: CtlContext, flags: Flags): Promise<void> {
  const { role, platform, merge, audience, ignition, env } = flags;
  checkName("--role", role, isLabel, "role");
  checkAudience(audience);
  const mirrors = parseMirrors(flags);
  const sources = [...new Set(mirrors.map(({ source }) => source))];
  const matchImages = flags.matchImage ?? [];
  const patterns = matchImages.length === 0 ? sources : matchImages;
  if (patterns.length === 0) {
    throw new UsageError("flag-missing", "--match-image", "is missing", "give it, or --mirror");
  }
  checkMatchImages(this, patterns);
  reportUncovered(this, mirrors, patterns);

  const { path, config: shipped } = PLATFORM_PROVIDERS[platform];
  const base = merge === undefined ? shipped : await readProviderFile(this, merge);
  const config = requireEntries(
    this,
    mergeProvider(base, {
      matchImages: patterns,
      env,
      audience: audience ?? ownAudience(base) ?? OPENSHIFT_AUDIENCE,
      ...settingOptions(this, flags),
    }),
  );
  const provider = formatYaml([formatCredentialProviderConfig(config)]);
  const files: NodeFile[] = [
    { path, text: explainPulledImages(config, this.settings) + provider },
  ];
  if (mirrors.length > 0) files.push({ path: DROP_IN_PATH, text: formatMirrors(mirrors, flags) });
  if (platform === "none") {
    files.push(createKubeletDropIn(path));
    report(
      this,
      "warning: OpenShift 4.21 starts the kubelet without credential providers on this platform; " +
        "the drop-in takes effect from 4.22 on, on bare metal, vSphere and other on-premises ones",
    );
  }
  this.process.stdout.write(formatYaml([await createMachineConfig(role, ignition, files)]));
}

/** A mirrored registry that no pattern covers is pulled from without the plugin. */
function reportUncovered(
  context: CtlContext,
  mirrors: readonly MirrorRule[],
  patterns: readonly string[],
): void {
  for (const source of new Set(mirrors.map((rule) => rule.source))) {
    if (source.startsWith("*.")) {
      report(
        context,
        `warning: ${JSON.stringify(source)} has mirrors at any depth of sub-domains, ` +
          "but in matchImages it matches one label",
      );
    }
    const covered = patterns.some((pattern) =>
      intersects(parseMatchImage(pattern), parseMatchImage(source))
    );
    if (covered) continue;
    report(
      context,
      `warning: no --match-image covers ${JSON.stringify(source)}, which has a mirror`,
    );
  }
}
