/** `explain`: collects what a pull goes by, as the plugin does, and prints the explanation. */

import { authFilePath, readGlobalAuthFile } from "../../delivery/auth_file/auth_file.ts";
import { UsageError } from "../../errors.ts";
import {
  explainNothingToDo,
  explainPull,
  explainWithoutServiceAccount,
  type Explanation,
  type Pull,
} from "./explanation.ts";
import {
  type ContainerdExplanation,
  explainContainerdPull,
  explainNoHosts,
  findHosts,
} from "./containerd.ts";
import { formatContainerdText } from "./containerd_text.ts";
import { compareWithLog } from "./crio_comparison.ts";
import { parseCrioLog } from "./crio_log.ts";
import { explainImageName, normalizeImage } from "../../sources/image_name.ts";
import { formatMermaid } from "./mermaid.ts";
import { explainRegistries } from "./registry_tables.ts";
import { readApiSecrets, readFileSecrets } from "./read_secrets.ts";
import { formatText } from "./text.ts";
import { readTokenText } from "./token_text.ts";
import { parseRequest } from "../../kubelet/credential_provider.ts";
import { SECRETS_ANNOTATION } from "../../kubernetes/secrets/secret_names.ts";
import { readServiceAccount, type ServiceAccount } from "../../kubernetes/service_account_token.ts";
import { formatJson } from "../../process/printed.ts";
import { isAnnotationKey, isLabel } from "../../kubernetes/names.ts";
import { readRegistriesFiles } from "../../sources/registries_conf/files.ts";
import { namedBy, type Repository } from "../../sources/reference.ts";
import { applyFlags, type Settings } from "../../settings/settings.ts";
import { type CtlContext, inputName, readInput, readPipe, report } from "../context.ts";
import type { ExplainFormat } from "./formats.ts";
import { checkName } from "../check_name.ts";
import { givenFlags, type SettingFlags } from "../../cli/setting_flags.ts";
import { wrapReport } from "../../text/wrap.ts";

/** Flags of the command. */
export interface Flags extends SettingFlags {
  readonly image?: string;
  readonly namespace?: string;
  readonly tokenFile?: string;
  readonly secretsFile?: string;
  readonly serviceAccountAnnotation?: readonly string[];
  readonly crioLog?: string;
  readonly showUsers?: boolean;
  readonly format?: ExplainFormat;
  readonly json?: boolean;
}

/** Prints an explanation. */
export async function explain(this: CtlContext, flags: Flags): Promise<void> {
  const format = formatOf(flags);
  const settings = applyFlags(this.settings, givenFlags(flags, this.cwd));
  checkStdin(flags);
  const found = await collect(this, flags, settings);
  const explanation = await withCrioLog(this, flags, found);
  const text = formatAs(format, explanation);
  this.process.stdout.write(format === "text" ? wrapReport(text, this.columns) : text);
}

function formatOf({ format, json }: Flags): ExplainFormat {
  if (json && format !== undefined && format !== "json") {
    throw new UsageError("flags-conflict", "--json", `cannot be used with --format ${format}`);
  }
  return json ? "json" : format ?? "text";
}

function formatAs(format: ExplainFormat, explanation: Explanation | ContainerdExplanation): string {
  if (format === "json") return formatJson(explanation);
  if ("runtime" in explanation) {
    if (format === "text") return formatContainerdText(explanation);
    throw new UsageError(
      "flags-conflict",
      "--format",
      "mermaid draws CRI-O's auth file",
      "use text or json",
    );
  }
  return format === "text" ? formatText(explanation) : formatMermaid(explanation);
}

/** One input can be stdin; without --image the request is. */
function checkStdin({ image, crioLog, tokenFile, secretsFile }: Flags): void {
  if (crioLog !== "-") return;
  if (image === undefined) {
    throw new UsageError(
      "flags-conflict",
      "--crio-log",
      "reads stdin, as the request does",
      "pass --image",
    );
  }
  for (const [flag, file] of [["token-file", tokenFile], ["secrets-file", secretsFile]] as const) {
    if (file === "-") {
      throw new UsageError("flags-conflict", "--crio-log", `reads stdin, as --${flag} does`);
    }
  }
}

/** A day of a node's pulls at level debug; more than that is better cut by journalctl --since. */
const MAX_LOG_BYTES = 256 * 1024 * 1024;

async function withCrioLog(
  context: CtlContext,
  { crioLog }: Flags,
  explanation: Explanation | ContainerdExplanation,
): Promise<Explanation | ContainerdExplanation> {
  if (crioLog === undefined) return explanation;
  if ("runtime" in explanation) {
    throw new UsageError(
      "flags-conflict",
      "--crio-log",
      "is CRI-O's log, and the settings are for containerd",
    );
  }
  const log = parseCrioLog(await readInput(context, crioLog, "crio-log", MAX_LOG_BYTES));
  return { ...explanation, crioLog: compareWithLog(explanation, log, inputName(crioLog)) };
}

/** What is used in the place of the kubelet's request. */
interface Subject {
  readonly image: string;
  /** Empty without a token. */
  readonly token: string;
  /** `undefined` for a pod without service account. */
  readonly serviceAccount: ServiceAccount | undefined;
  /** The image as the pod has it; `undefined` when it comes from a request, which does not say. */
  readonly written?: string;
  /** Of the service account, as far as they are known. */
  readonly annotations: ReadonlyMap<string, string>;
}

/** A namespace's secrets hold Helm's releases, too; of those of the types a pull reads far fewer. */
const MAX_SECRETS_BYTES = 256 * 1024 * 1024;

async function collect(
  context: CtlContext,
  flags: Flags,
  settings: Settings,
): Promise<Explanation | ContainerdExplanation> {
  const { image, token, serviceAccount, annotations, written } = await readSubject(
    context,
    flags,
  );
  if (serviceAccount === undefined) return explainWithoutServiceAccount({ image });
  const { namespace, name } = serviceAccount;
  const form = written === undefined ? undefined : namedBy(written);
  const pull: Pull = {
    image,
    namespace,
    ...(form !== undefined && { form }),
    ...(name !== undefined && { serviceAccount: name }),
  };
  const readSecrets = async (sources: readonly Repository[]) => {
    const reading = { token, serviceAccount, annotations, sources };
    if (flags.secretsFile !== undefined) {
      const path = inputName(flags.secretsFile);
      const text = await readInput(context, flags.secretsFile, "secrets-file", MAX_SECRETS_BYTES);
      return await readFileSecrets(reading, settings, { text, path });
    }
    return await readApiSecrets(reading, settings, {
      onRetry: (reason, delay) =>
        report(context, `trying again in ${Math.round(delay)} ms: ${reason}`),
      isAccountKnown: flags.image === undefined || annotations.has(settings.secretsAnnotation),
    });
  };
  const showUsers = flags.showUsers ?? false;
  if (settings.runtime === "containerd") {
    const hosts = findHosts(settings.containerdHostsDir, image);
    if (hosts.sources.length === 0) return explainNoHosts(pull, hosts);
    const secrets = await readSecrets(hosts.sources);
    return explainContainerdPull(pull, hosts, { secrets, settings, showUsers });
  }
  const registries = explainRegistries(readRegistriesFiles(settings), image, written);
  const { sources, nothingToDo } = registries.pullSources;
  if (nothingToDo !== undefined) return explainNothingToDo(pull, registries, nothingToDo);
  const secrets = await readSecrets(sources);
  const path = settings.kubeletAuthFile;
  return explainPull(pull, registries, {
    secrets,
    global: { path, file: readGlobalAuthFile(path) },
    authFile: await authFilePath(settings.authDir, namespace, image),
    pulledImages: settings.pulledImages,
    showUsers,
  });
}

async function readSubject(context: CtlContext, flags: Flags): Promise<Subject> {
  const { image, namespace, tokenFile, secretsFile } = flags;
  if (image === undefined) return await readRequest(context, flags);
  const annotations = new Map((flags.serviceAccountAnnotation ?? []).map(parseAnnotation));
  const normalized = normalizeImage(image);
  if (normalized === undefined) {
    throw new UsageError(
      "flag-value-invalid",
      "--image",
      `${JSON.stringify(image)} ${explainImageName(image)}`,
    );
  }
  if (namespace !== undefined) checkName("--namespace", namespace, isLabel, "namespace");
  if (tokenFile === "-" && secretsFile === "-") {
    throw new UsageError(
      "flags-conflict",
      "--secrets-file",
      "cannot read stdin, which --token-file reads",
    );
  }
  if (tokenFile !== undefined) {
    const text = await readInput(context, tokenFile, "token-file");
    const token = readTokenText(text, `the token in ${inputName(tokenFile)}`);
    const serviceAccount = readServiceAccount(token);
    if (namespace !== undefined && namespace !== serviceAccount.namespace) {
      throw new UsageError(
        "flag-value-invalid",
        "--namespace",
        `the token belongs to namespace ${serviceAccount.namespace}`,
      );
    }
    return { image: normalized, token, serviceAccount, annotations, written: image };
  }
  if (namespace === undefined) {
    throw new UsageError(
      "flag-needs-flag",
      "--image",
      "needs --token-file, or --namespace and --secrets-file",
    );
  }
  if (secretsFile === undefined) {
    throw new UsageError(
      "flag-needs-flag",
      "--namespace",
      "needs --secrets-file",
      "pass --token-file for the API server to be asked",
    );
  }
  return {
    image: normalized,
    token: "",
    serviceAccount: { namespace, name: undefined },
    annotations,
    written: image,
  };
}

/** `KEY=VALUE`, as `kubectl annotate` takes it. */
function parseAnnotation(text: string): [key: string, value: string] {
  const equals = text.indexOf("=");
  const key = text.slice(0, Math.max(0, equals));
  if (isAnnotationKey(key)) return [key, text.slice(equals + 1)];
  throw new UsageError(
    "flag-value-invalid",
    "--service-account-annotation",
    `${JSON.stringify(text)} is not KEY=VALUE`,
    `write it like ${SECRETS_ANNOTATION}=pull-secret,docker-hub`,
  );
}

async function readRequest(context: CtlContext, flags: Flags): Promise<Subject> {
  for (const flag of ["namespace", "token-file"] as const) {
    if ((flag === "namespace" ? flags.namespace : flags.tokenFile) !== undefined) {
      throw new UsageError(
        "flag-needs-flag",
        `--${flag}`,
        "needs --image; a request on stdin has its own token",
      );
    }
  }
  if ((flags.serviceAccountAnnotation ?? []).length > 0) {
    throw new UsageError(
      "flag-needs-flag",
      "--service-account-annotation",
      "needs --image; a request on stdin has its own annotations",
    );
  }
  if (flags.secretsFile === "-") {
    throw new UsageError(
      "flags-conflict",
      "--secrets-file",
      "cannot read stdin, from which the request is read",
      "pass --image",
    );
  }
  const { image, serviceAccountToken: token, serviceAccountAnnotations: annotations } =
    parseRequest(await readPipe(context, "the kubelet's request (or pass --image)"));
  const serviceAccount = token === "" ? undefined : readServiceAccount(token);
  return { image, token, serviceAccount, annotations };
}
