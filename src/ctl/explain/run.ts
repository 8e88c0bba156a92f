/** `explain`: collects what a pull goes by, as the plugin does, and prints the explanation. */

import { authFilePath, readGlobalAuthFile } from "../../delivery/auth_file/auth_file.ts";
import { CLOCK } from "../../process/clock.ts";
import { UsageError } from "../../errors.ts";
import {
  explainNothingToDo,
  explainPull,
  explainWithoutServiceAccount,
  type Explanation,
  type Pull,
  type SecretsRead,
} from "./explanation.ts";
import { explainImageName, normalizeImage } from "./image_name.ts";
import { formatMermaid } from "./mermaid.ts";
import { explainRegistries } from "./registry_tables.ts";
import { readSecretsFile, type Wanted } from "./secrets_file.ts";
import { formatText } from "./text.ts";
import { readTokenText } from "./token_text.ts";
import { parseRequest } from "../../kubelet/credential_provider.ts";
import { findApiServer } from "../../kubernetes/api_server.ts";
import { parseSecretNames, SECRETS_ANNOTATION } from "../../kubernetes/secrets/secret_names.ts";
import { type AskOptions, getSecrets, listSecrets } from "../../kubernetes/secrets/list.ts";
import { readServiceAccount, type ServiceAccount } from "../../kubernetes/service_account_token.ts";
import { openTransport } from "../../kubernetes/transport.ts";
import { escapeControls } from "../../process/log.ts";
import { isAnnotationKey, isLabel } from "../../kubernetes/names.ts";
import { readRegistriesFiles } from "../../sources/registries_conf/config.ts";
import { namedBy } from "../../sources/reference.ts";
import { applyFlags, type Settings } from "../../settings/settings.ts";
import { type CtlContext, inputName, readInput, readPipe, report } from "../context.ts";
import type { EXPLAIN_FORMATS } from "./command.ts";
import { checkName } from "../generate/names.ts";
import { givenFlags, type SettingFlags } from "../../cli/setting_flags.ts";
import { wrapReport } from "../../text/wrap.ts";

type Format = typeof EXPLAIN_FORMATS[number];

/** Flags of the command. */
export interface Flags extends SettingFlags {
  readonly image?: string;
  readonly namespace?: string;
  readonly tokenFile?: string;
  readonly secretsFile?: string;
  readonly serviceAccountAnnotation?: readonly string[];
  readonly showUsers?: boolean;
  readonly format?: Format;
  readonly json?: boolean;
}

/** Prints an explanation. */
export async function explain(this: CtlContext, flags: Flags): Promise<void> {
  const format = formatOf(flags);
  const settings = applyFlags(this.settings, givenFlags(flags, this.cwd));
  const explanation = await collect(this, flags, settings);
  const text = FORMATTERS[format](explanation);
  this.process.stdout.write(format === "text" ? wrapReport(text, this.columns) : text);
}

function formatOf({ format, json }: Flags): Format {
  if (json && format !== undefined && format !== "json") {
    throw new UsageError("flags-conflict", "--json", `cannot be used with --format ${format}`);
  }
  return json ? "json" : format ?? "text";
}

const FORMATTERS: Readonly<Record<Format, (explanation: Explanation) => string>> = {
  text: formatText,
  mermaid: formatMermaid,
  // JSON leaves some characters as they are that drive a terminal.
  json: (explanation) =>
    JSON.stringify(explanation, null, 2).split("\n").map((line) => `${escapeControls(line)}\n`)
      .join(""),
};

/** What stands in the place of the kubelet's request. */
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

async function collect(
  context: CtlContext,
  flags: Flags,
  settings: Settings,
): Promise<Explanation> {
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
  const registries = explainRegistries(readRegistriesFiles(settings), image, written);
  if (registries.pullSources.sources.length === 0) return explainNothingToDo(pull, registries);
  const annotation = settings.secretsAnnotation;
  const text = annotations.get(annotation);
  const named = text === undefined
    ? {}
    : { named: { annotation, names: parseSecretNames(text, annotation, serviceAccount).names } };
  const wanted = { namespace, types: settings.secretTypes, ...named };
  const secrets = flags.secretsFile === undefined
    ? await askApiServer(context, settings, token, serviceAccount, wanted)
    : await readSecrets(context, flags.secretsFile, wanted);
  const path = settings.kubeletAuthFile;
  return explainPull(pull, registries, {
    secrets,
    global: { path, file: readGlobalAuthFile(path) },
    authFile: await authFilePath(settings.authDir, namespace, image),
    pulledImages: settings.pulledImages,
    showUsers: flags.showUsers ?? false,
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

/** As of a list from the API server: a namespace's secrets hold Helm's releases, too. */
const MAX_SECRETS_BYTES = 256 * 1024 * 1024;

async function readSecrets(
  context: CtlContext,
  file: string,
  wanted: Wanted,
): Promise<SecretsRead> {
  const text = await readInput(context, file, "secrets-file", MAX_SECRETS_BYTES);
  return readSecretsFile(text, inputName(file), wanted);
}

async function askApiServer(
  context: CtlContext,
  settings: Settings,
  token: string,
  serviceAccount: ServiceAccount,
  { named }: Wanted,
): Promise<SecretsRead> {
  if (named?.names.length === 0) {
    const from = "nowhere: the API server is not asked";
    return { from, secrets: [], leftOut: [], named: { ...named, notRead: [] } };
  }
  const server = await findApiServer(settings);
  using transport = openTransport(server, token);
  const ask: AskOptions = {
    transport,
    server: server.url,
    serviceAccount,
    types: settings.secretTypes,
    clock: CLOCK,
    deadline: CLOCK.now() + settings.timeout,
    onRetry: (reason, delay) =>
      report(context, `trying again in ${Math.round(delay)} ms: ${reason}`),
  };
  const from = `${server.url} (address from ${server.origin})`;
  if (named === undefined) return { from, secrets: await listSecrets(ask), leftOut: [] };
  const notRead: { secret: string; reason: string }[] = [];
  const secrets = await getSecrets(
    named.names,
    ask,
    (secret, reason) => notRead.push({ secret, reason }),
    (secret) => secret,
  );
  return { from, secrets, leftOut: [], named: { ...named, notRead } };
}
