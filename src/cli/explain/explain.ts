/** `explain`: collects what a pull goes by, as the plugin does, and prints the explanation. */

import { authFilePath, readGlobalAuthFile } from "../../auth/auth_file.ts";
import { CLOCK } from "../../clock.ts";
import { UsageError, UserError } from "../../errors.ts";
import {
  explainNothingToDo,
  explainPull,
  explainWithoutServiceAccount,
  type Explanation,
  type Pull,
  type SecretsRead,
} from "../../explain/explanation.ts";
import { normalizeImage } from "../../explain/image_name.ts";
import { formatMermaid } from "../../explain/mermaid.ts";
import { explainRegistries } from "../../explain/registry_tables.ts";
import { readSecretsFile } from "../../explain/secrets_file.ts";
import { formatText } from "../../explain/text.ts";
import { OutsideSandboxError } from "../../files.ts";
import { parseRequest } from "../../kubelet/credential_provider.ts";
import { findApiServer } from "../../kubernetes/api_server.ts";
import { listSecrets } from "../../kubernetes/secrets.ts";
import { readServiceAccount, type ServiceAccount } from "../../kubernetes/service_account_token.ts";
import { openTransport } from "../../kubernetes/transport.ts";
import { escapeControls } from "../../log.ts";
import { isDnsLabel } from "../../manifests/names.ts";
import { readRegistriesFiles } from "../../registries/config.ts";
import { applyFlags, type Settings } from "../../settings.ts";
import { type CtlContext, inputName, readInput, readPipe, report } from "../ctl_context.ts";
import type { EXPLAIN_FORMATS } from "../explain.ts";
import { checkName } from "../generate/names.ts";
import { givenFlags, type SettingFlags } from "../setting_flags.ts";

type Format = typeof EXPLAIN_FORMATS[number];

/** Flags of the command. */
export interface Flags extends SettingFlags {
  readonly image?: string;
  readonly namespace?: string;
  readonly tokenFile?: string;
  readonly secretsFile?: string;
  readonly showUsers?: boolean;
  readonly format?: Format;
  readonly json?: boolean;
}

/** Prints an explanation. */
export async function explain(this: CtlContext, flags: Flags): Promise<void> {
  const format = formatOf(flags);
  const settings = applyFlags(this.settings, givenFlags(flags));
  let explanation: Explanation;
  try {
    explanation = await collect(this, flags, settings);
  } catch (error) {
    if (!(error instanceof OutsideSandboxError)) throw error;
    // Other than the plugin's, the sandbox of this command follows its flags.
    const { where, problem, flag } = error;
    throw new UserError(where, problem, `pass --${flag} ${where} to allow that`);
  }
  this.process.stdout.write(FORMATTERS[format](explanation));
}

function formatOf({ format, json }: Flags): Format {
  if (json && format !== undefined && format !== "json") {
    throw new UsageError("--json", `does not go with --format ${format}`);
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
}

async function collect(
  context: CtlContext,
  flags: Flags,
  settings: Settings,
): Promise<Explanation> {
  const { image, token, serviceAccount } = await readSubject(context, flags);
  if (serviceAccount === undefined) return explainWithoutServiceAccount({ image });
  const { namespace, name } = serviceAccount;
  const pull: Pull = { image, namespace, ...(name !== undefined && { serviceAccount: name }) };
  const registries = explainRegistries(readRegistriesFiles(settings), image);
  if (registries.pullSources.sources.length === 0) return explainNothingToDo(pull, registries);
  const secrets = flags.secretsFile === undefined
    ? await askApiServer(context, settings, token, serviceAccount)
    : await readSecrets(context, flags.secretsFile, namespace, settings);
  const path = settings.kubeletAuthFile;
  return explainPull(pull, registries, {
    secrets,
    global: { path, file: readGlobalAuthFile(path) },
    authFile: await authFilePath(settings.authDir, namespace, image),
    showUsers: flags.showUsers ?? false,
  });
}

async function readSubject(context: CtlContext, flags: Flags): Promise<Subject> {
  const { image, namespace, tokenFile, secretsFile } = flags;
  if (image === undefined) return await readRequest(context, flags);
  const normalized = normalizeImage(image);
  if (normalized === undefined) {
    throw new UsageError("--image", `${JSON.stringify(image)} is no name of an image`);
  }
  if (namespace !== undefined) checkName("--namespace", namespace, isDnsLabel, "namespace");
  if (tokenFile === "-" && secretsFile === "-") {
    throw new UsageError("--secrets-file", "reads stdin, as --token-file does");
  }
  if (tokenFile !== undefined) {
    const token = (await readInput(context, tokenFile, "token-file")).trim();
    const serviceAccount = readServiceAccount(token);
    if (namespace !== undefined && namespace !== serviceAccount.namespace) {
      throw new UsageError("--namespace", `the token is one of ${serviceAccount.namespace}`);
    }
    return { image: normalized, token, serviceAccount };
  }
  if (namespace === undefined) {
    throw new UsageError("--image", "goes with --token-file, or --namespace and --secrets-file");
  }
  if (secretsFile === undefined) {
    throw new UsageError(
      "--namespace",
      "goes with --secrets-file",
      "pass --token-file for the API server to be asked",
    );
  }
  return { image: normalized, token: "", serviceAccount: { namespace, name: undefined } };
}

async function readRequest(context: CtlContext, flags: Flags): Promise<Subject> {
  for (const flag of ["namespace", "token-file"] as const) {
    if ((flag === "namespace" ? flags.namespace : flags.tokenFile) !== undefined) {
      throw new UsageError(`--${flag}`, "goes with --image; a request on stdin has its own token");
    }
  }
  if (flags.secretsFile === "-") {
    throw new UsageError("--secrets-file", "reads stdin, as the request does", "pass --image");
  }
  const { image, serviceAccountToken: token } = parseRequest(
    await readPipe(context, "the kubelet's request (or pass --image)"),
  );
  return { image, token, serviceAccount: token === "" ? undefined : readServiceAccount(token) };
}

/** As of a list from the API server: a namespace's secrets hold Helm's releases, too. */
const MAX_SECRETS_BYTES = 256 * 1024 * 1024;

async function readSecrets(
  context: CtlContext,
  file: string,
  namespace: string,
  { secretTypes: types }: Settings,
): Promise<SecretsRead> {
  const text = await readInput(context, file, "secrets-file", MAX_SECRETS_BYTES);
  return readSecretsFile(text, inputName(file), { namespace, types });
}

async function askApiServer(
  context: CtlContext,
  settings: Settings,
  token: string,
  serviceAccount: ServiceAccount,
): Promise<SecretsRead> {
  const server = await findApiServer(settings);
  using transport = openTransport(server, token);
  const secrets = await listSecrets({
    transport,
    server: server.url,
    serviceAccount,
    types: settings.secretTypes,
    clock: CLOCK,
    deadline: CLOCK.now() + settings.timeout,
    onRetry: (reason, delay) =>
      report(context, `trying again in ${Math.round(delay)} ms: ${reason}`),
  });
  return { from: `${server.url} (address from ${server.origin})`, secrets, leftOut: [] };
}
