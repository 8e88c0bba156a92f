/** `generate install`: all the files of a site, in one directory. */

import { UsageError, UserError } from "../../errors.ts";
import { bindExecutable } from "../../executable/bind.ts";
import { placeFile, readExecutableFile, readOrExplain } from "../../executable/executable_file.ts";
import { sha256 } from "../../executable/program.ts";
import { OPENSHIFT_AUDIENCE } from "../../manifests/audience.ts";
import type { Runtime } from "../../kubelet/runtime.ts";
import type { Platform } from "../../manifests/choices.ts";
import { PROVIDER_NAME } from "../../manifests/credential_provider_config.ts";
import { quoteWord } from "../../manifests/checks.ts";
import { PLUGIN_DIRECTORY, PROVIDER_FILE } from "../../manifests/platform_providers.ts";
import { DROP_IN_PATH } from "../../manifests/registries_conf.ts";
import { fileError } from "../../process/files.ts";
import { formatLines } from "../../process/printed.ts";
import { formatPolicy, policyOf, wideLines } from "../../settings/sandbox.ts";
import type { Settings } from "../../settings/settings.ts";
import type { CtlContext } from "../context.ts";
import { readSiteSettings, type SiteFlags } from "../site_settings.ts";
import { formatHostsToml } from "./hosts_toml.ts";
import { generateKubeletConfig } from "./kubelet_config.ts";
import { generateMachineConfig } from "./machine_config.ts";
import { generateRbac } from "./rbac.ts";
import { generateRegistriesConf, parseMirrors, requireOfMirrors } from "./registries_conf.ts";

/** Flags of the command. */
export interface Flags extends SiteFlags {
  readonly release: string;
  readonly out: string;
  readonly mirror?: readonly string[];
  readonly insecure?: readonly string[];
  readonly plainHttp?: readonly string[];
  readonly fallback?: boolean;
  readonly matchImage?: readonly string[];
  readonly merge?: string;
  readonly audience?: string;
  readonly namespace?: string;
  readonly serviceAccount?: readonly string[];
  readonly secret?: readonly string[];
  readonly role?: string;
  readonly platform?: Platform;
}

/** A text of the directory. */
interface SiteFile {
  readonly name: string;
  readonly text: string;
  /** Where it belongs on a node, or what is done with it. */
  readonly purpose: string;
}

/**
 * Writes the directory, whole or not at all.
 *
 * @param version of this tool.
 * @throws {UserError} when the release is none of this version, or the directory cannot be written.
 */
export async function generateInstall(
  context: CtlContext,
  flags: Flags,
  version: string,
): Promise<void> {
  if (flags.out === "") {
    throw new UsageError("flag-value-invalid", "--out", "is empty, expected a path");
  }
  const out = flags.out.replace(/(?<=.)\/+$/, "");
  const settings = await readSiteSettings(context, flags);
  refuseOtherRuntimes(flags, settings.runtime);
  // What the generators call "as the plugin is built" is as it is bound here.
  const site: CtlContext = { ...context, settings };
  const files = [...await nodeFiles(site, flags), ...await clusterFiles(site, flags)];
  const { bytes, mode } = readExecutableFile(flags.release);
  const bound = await readOrExplain(
    flags.release,
    () => bindExecutable(bytes, settings, version),
  );
  if (bound.after.name !== PROVIDER_NAME) {
    throw new UserError(
      "content-invalid",
      flags.release,
      `is ${bound.after.name}, expected ${PROVIDER_NAME}`,
    );
  }
  const hash = await sha256(bound.bytes);
  const { compiled: { machine } } = bound.after;
  files.push({
    name: "policy.json",
    text: formatPolicy(settings),
    purpose: "what the plugin may touch, for review",
  });
  const about = { version, machine, hash, settings };
  files.push({ name: "README.md", text: formatReadme(about, files, flags), purpose: "" });
  writeDirectory(out, (path) => {
    placeFile(`${path}/${PROVIDER_NAME}`, [bound.bytes], mode);
    for (const { name, text } of files) {
      const slash = name.lastIndexOf("/");
      if (slash !== -1) Deno.mkdirSync(`${path}/${name.slice(0, slash)}`, { recursive: true });
      placeFile(`${path}/${name}`, [new TextEncoder().encode(text)], 0o644);
    }
  });
  const names = [PROVIDER_NAME, ...files.map(({ name }) => name)];
  context.process.stdout.write(formatLines([`${out}: ${names.join(", ")}`]));
}

/** @throws {UsageError} when a flag has no meaning on nodes with that runtime. */
function refuseOtherRuntimes(flags: Flags, runtime: Runtime): void {
  if (runtime === "crio") {
    for (
      const [flag, isGiven] of [
        ["--plain-http", (flags.plainHttp ?? []).length > 0],
        ["--fallback", flags.fallback === true],
      ] as const
    ) {
      if (!isGiven) continue;
      throw new UsageError(
        "flags-conflict",
        flag,
        "has no meaning with --runtime crio",
        "leave it out, or add --runtime containerd",
      );
    }
    return;
  }
  for (const flag of ["platform", "role"] as const) {
    if (flags[flag] === undefined) continue;
    throw new UsageError(
      "flags-conflict",
      `--${flag}`,
      "is for OpenShift, whose nodes run CRI-O, and cannot be used with --runtime containerd",
      "leave out --platform and --role, or --runtime containerd",
    );
  }
  if ((flags.insecure ?? []).length > 0) {
    throw new UsageError(
      "flags-conflict",
      "--insecure",
      "has no meaning with --runtime containerd",
      "write --plain-http for a mirror without TLS",
    );
  }
}

/** What a command prints, as text. */
async function printed(
  context: CtlContext,
  command: (context: CtlContext) => Promise<void> | void,
): Promise<string> {
  let text = "";
  const stdout = { write: (more: string) => void (text += more) };
  // Warnings go where they always go.
  await command({ ...context, process: { stdout, stderr: context.process.stderr } });
  return text;
}

async function nodeFiles(site: CtlContext, flags: Flags): Promise<SiteFile[]> {
  const { mirror = [], insecure, matchImage, merge, audience, role, platform } = flags;
  const common = { env: true, ...(merge !== undefined && { merge }) };
  if (platform !== undefined || role !== undefined) {
    if (platform === undefined || role === undefined) {
      throw new UsageError(
        "flag-needs-flag",
        "--platform",
        "needs --role",
        "give both for OpenShift, or neither",
      );
    }
    const options = {
      ...common,
      ...{ role, platform, mirror, ignition: "3.4" as const },
      ...(insecure && { insecure }),
      ...(matchImage && { matchImage }),
      ...(audience !== undefined && { audience }),
    };
    const text = await printed(site, (context) => generateMachineConfig.call(context, options));
    return [{ name: "machine-config.yaml", text, purpose: "oc apply -f machine-config.yaml" }];
  }
  const sources = [
    ...new Set(
      parseMirrors({ mirror, ...(insecure && { insecure }) })
        .map(({ source }) => source),
    ),
  ];
  const config = await printed(site, (context) =>
    generateKubeletConfig.call(context, {
      ...common,
      matchImage: matchImage === undefined || matchImage.length === 0 ? sources : matchImage,
      ...(audience !== undefined && { audience }),
    }));
  const files = [{ name: "credential-provider-config.yaml", text: config, purpose: PROVIDER_FILE }];
  if (site.settings.runtime === "containerd") files.push(...hostsFiles(site, flags));
  else if (mirror.length > 0) {
    const text = await printed(
      site,
      (context) => generateRegistriesConf.call(context, { mirror, ...(insecure && { insecure }) }),
    );
    files.push({ name: DROP_IN_PATH.replace(/^.*\//, ""), text, purpose: DROP_IN_PATH });
  }
  files.push({
    name: "kubelet-extra-args.env",
    text: `KUBELET_EXTRA_ARGS=--image-credential-provider-bin-dir=${PLUGIN_DIRECTORY} ` +
      `--image-credential-provider-config=${PROVIDER_FILE}\n`,
    purpose: "to be added to KUBELET_EXTRA_ARGS of /etc/default/kubelet or /etc/sysconfig/kubelet",
  });
  return files;
}

/** A `hosts.toml` for each registry that has mirrors. */
function hostsFiles(site: CtlContext, flags: Flags): SiteFile[] {
  const { mirror = [], plainHttp = [], fallback = false } = flags;
  const rules = parseMirrors({ mirror });
  requireOfMirrors("--plain-http", plainHttp, rules);
  return [...new Set(rules.map(({ source }) => source))].map((registry) => {
    const own = rules.filter(({ source }) => source === registry);
    const { path, text } = formatHostsToml(site, {
      mirror: own.map(({ source, mirror }) => `${source}=${mirror}`),
      plainHttp: plainHttp.filter((location) => own.some(({ mirror }) => mirror === location)),
      fallback,
    });
    return { name: `certs.d/${path.split("/").slice(-2).join("/")}`, text, purpose: path };
  });
}

async function clusterFiles(site: CtlContext, flags: Flags): Promise<SiteFile[]> {
  const { namespace, serviceAccount, secret, platform } = flags;
  const audience = flags.audience ?? (platform === undefined ? undefined : OPENSHIFT_AUDIENCE);
  const text = await printed(site, (context) =>
    generateRbac.call(context, {
      allNodes: true,
      ...(audience !== undefined && { audience }),
      ...(namespace !== undefined && { namespace }),
      ...(serviceAccount && { serviceAccount }),
      ...(secret && { secret }),
    }));
  return [{ name: "rbac.yaml", text, purpose: "kubectl apply -f rbac.yaml" }];
}

/** The file of the directory that the providers are in. */
function providersIn(platform: Platform | undefined): string {
  return platform === undefined ? "credential-provider-config.yaml" : "machine-config.yaml";
}

function formatReadme(
  { version, machine, hash, settings }: {
    readonly version: string;
    readonly machine: string;
    readonly hash: string;
    readonly settings: Settings;
  },
  files: readonly SiteFile[],
  { merge, platform }: Flags,
): string {
  const policy = policyOf(settings);
  const touches = policy.allow.map(({ kind, target, step }) => `- ${kind} \`${target}\`: ${step}`);
  const plugin = `${PLUGIN_DIRECTORY}/${PROVIDER_NAME}`;
  const steps = platform === undefined
    ? [
      "On each node, as root, with these files in the working directory:",
      "",
      "```sh",
      `install -D -m 0755 ${PROVIDER_NAME} ${plugin}.new`,
      `mv ${plugin}.new ${plugin}`,
      ...files.filter(({ purpose }) => purpose.startsWith("/"))
        .map(({ name, purpose }) => `install -D -m 0644 ${name} ${quoteWord(purpose)}`),
      "```",
      "",
      ...settings.runtime === "containerd" ? containerdSteps(settings) : [],
      "Add the flags of `kubelet-extra-args.env` to what the kubelet's `KUBELET_EXTRA_ARGS` has in",
      "`/etc/default/kubelet` (Debian, Ubuntu) or `/etc/sysconfig/kubelet` (Fedora, RHEL). Then,",
      "with the release's `crio-credential-ctl` on the node as well, such as in `/usr/local/bin`:",
      "",
      "```sh",
      "crio-credential-ctl doctor",
      ...settings.runtime === "containerd" ? [] : ["systemctl reload crio"],
      "systemctl restart kubelet",
      "```",
    ]
    : [
      `The nodes' image gets the plugin as \`${plugin}\`, by image layering. Then:`,
      "",
      "```sh",
      "oc apply -f machine-config.yaml",
      "```",
    ];
  return [
    "# crio-credential-provider of this site",
    "",
    `Version ${version} for ${machine}, bound with \`crio-credential-ctl generate install\`.`,
    `SHA-256 of the executable: \`${hash}\`.`,
    ...merge === undefined ? ["Nothing here is secret."] : [
      "Nothing here is secret, but for what came from the merged provider file: the `env` and",
      `\`args\` of its providers are in \`${providersIn(platform)}\` as they were.`,
    ],
    "",
    "| file | where it goes |",
    "| ---- | ------------- |",
    `| ${PROVIDER_NAME} | ${plugin} |`,
    ...files.map(({ name, purpose }) => `| ${name} | ${purpose} |`),
    "",
    "## In the cluster",
    "",
    "```sh",
    "kubectl apply -f rbac.yaml",
    "```",
    "",
    "## On the nodes",
    "",
    ...steps,
    "",
    "## What the plugin may touch",
    "",
    ...touches,
    ...wideLines(policy).map((line) => `- ${line}`),
    "",
    `See for yourself: \`crio-credential-ctl audit --policy policy.json ${PROVIDER_NAME}\``,
    "",
  ].join("\n");
}

/** What a README says of containerd's own configuration. */
function containerdSteps({ containerdHostsDir }: Settings): string[] {
  const [directory = "", ...others] = containerdHostsDir;
  return [
    "containerd reads `hosts.toml` at each pull and needs no restart for it. `config_path` in",
    `\`/etc/containerd/config.toml\` must be \`${directory}\` alone, since some versions of containerd`,
    "take a list for one directory. It belongs under",
    "`[plugins.'io.containerd.cri.v1.images'.registry]` (version 3 and 4 of the file) or",
    `\`[plugins."io.containerd.grpc.v1.cri".registry]\` (version 2). Only where you change it:`,
    "",
    "```sh",
    "systemctl restart containerd",
    "```",
    "",
    ...others.length === 0 ? [] : [
      `The plugin looks in \`${others.join("`, `")}\`, too, and containerd then does not. Have no`,
      "`hosts.toml` there, or run `generate install` again with",
      `\`--containerd-hosts-dir ${directory}\`.`,
      "",
    ],
  ];
}

/** Writes a directory under another name and then gives it its own. */
function writeDirectory(out: string, write: (path: string) => void): void {
  const temporary = `${out}.new`;
  try {
    if (isThere(out)) {
      throw new UserError("file-failed", out, "is there already", "name another, or remove it");
    }
    Deno.mkdirSync(temporary, { mode: 0o755 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      const advice = "another run writes it, or one was interrupted: then remove it";
      throw new UserError("file-failed", temporary, "is in the way", advice);
    }
    throw fileError(out, "write", "out", error);
  }
  try {
    write(temporary);
    Deno.renameSync(temporary, out);
    // deno-coverage-ignore-start -- a disk that fails
  } catch (error) {
    Deno.removeSync(temporary, { recursive: true });
    throw fileError(out, "write", "out", error);
    // deno-coverage-ignore-stop
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    // deno-coverage-ignore-start -- a disk that fails
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
    // deno-coverage-ignore-stop
  }
}
