/** Where the API server is and whom to trust when talking to it. */

import { UserError } from "../errors.ts";
import { readTextFile } from "../process/files.ts";
import type { Settings } from "../settings/settings.ts";
import { LOCAL_API_SERVER, PKI_CA_FILE } from "./kubeadm.ts";
import { hostAndPort, parseApiServerUrl, quoteAddress } from "./api_server_url.ts";
import { type KubeconfigCluster, parseKubeconfig } from "./kubeconfig.ts";
import { decodeUtf8 } from "../text/utf8.ts";

/** An API server and what vouches for it. */
export interface ApiServer {
  /** Normalised `https` URL without trailing slash. */
  readonly url: string;
  /** Where the URL comes from: a flag or a file. */
  readonly origin: string;
  /** PEM bundle of the CAs that may sign the server's certificate. */
  readonly ca: string;
  /** Where the bundle comes from: a path, or a kubeconfig that carries it. */
  readonly caOrigin: string;
  /** The name that the certificate must have; empty: the URL's host. */
  readonly tlsServerName: string;
}

/**
 * Finds the API server: the setting, else the env file, else the kubeconfig, else localhost:6443;
 * and its CA: the setting, else the kubeconfig's, else kubeadm's file.
 *
 * @param root directory below which the node's files are looked for. @default the node's own
 * @throws {UserError} when what is found cannot be used, or no CA is found.
 */
export async function findApiServer(settings: Settings, root = ""): Promise<ApiServer> {
  const fixed = settings.apiserver === ""
    ? readEnvFile(root + settings.apiserverEnvFile)
    : { url: settings.apiserver, origin: "--apiserver" };
  // YAML is read only where something is left to find: its parser costs start-up time.
  const kubeconfig = fixed !== undefined && settings.caFile !== ""
    ? undefined
    : await readKubeconfig(settings.kubeconfig, root);
  const server = fixed ?? serverOfKubeconfig(kubeconfig) ??
    { url: LOCAL_API_SERVER, origin: "the default" };
  // deno-coverage-ignore -- only in a child process: tests/artifact/apiserver_hosts_test.ts
  if (settings.apiserverHosts.length > 0) await refuseOutsideOf(settings.apiserverHosts, server);
  const ca = readCa(settings, kubeconfig, root);
  // The kubeconfig speaks of its own server; the setting may name the same one, to open the sandbox.
  const isKubeconfigs = kubeconfig !== undefined &&
    parseApiServerUrl(kubeconfig.cluster.server) === server.url;
  const tlsServerName = isKubeconfigs ? kubeconfig.cluster.tlsServerName : "";
  return { ...server, ca: ca.pem, caOrigin: ca.origin, tlsServerName };
}

interface Address {
  readonly url: string;
  readonly origin: string;
}

// deno-coverage-ignore-start -- only in a child process: tests/artifact/apiserver_hosts_test.ts
/** Refuses an address that the runtime may not connect to, before anything is read or sent for it. */
async function refuseOutsideOf(patterns: readonly string[], { url, origin }: Address) {
  // Most executables are for one cluster and do without patterns.
  const { liesWithin } = await import("./api_server_hosts.ts");
  const target = hostAndPort(url);
  if (liesWithin(target, patterns)) return;
  throw new UserError(
    "outside-sandbox",
    target,
    `the API server's address, from ${origin}, is outside of what this executable may connect to: ` +
      patterns.join(" "),
    "correct the address, or bind the executable with --apiserver-hosts that cover it",
    // deno-coverage-ignore-stop
  );
}

function readEnvFile(path: string): Address | undefined {
  const text = readTextFile(path, { flag: "apiserver-env-file" });
  if (text === undefined) return undefined;
  const variables = parseEnvFile(text);
  const host = variables.get("KUBERNETES_SERVICE_HOST") ?? "";
  const port = variables.get("KUBERNETES_SERVICE_PORT") ?? "";
  if (host === "" || port === "") {
    const missing = host === "" ? "KUBERNETES_SERVICE_HOST" : "KUBERNETES_SERVICE_PORT";
    throw new UserError(
      "api-server-address-invalid",
      path,
      `${missing} is missing`,
      "set it or pass --apiserver",
    );
  }
  // An IPv6 address is in brackets in a URL, but not in this file.
  const address = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const url = parseApiServerUrl(`${address}:${port}`);
  if (url === undefined) {
    throw new UserError(
      "api-server-address-invalid",
      path,
      `${quoteAddress(`${host}:${port}`)} is not a host and a port`,
    );
  }
  return { url, origin: path };
}

/**
 * Parses shell-style assignments: `KEY=value`, `export KEY="value"`, comments.
 *
 * `node:util` has a parser for this, whose loading takes 8.5 ms (docs/develop/start-up.md).
 */
export function parseEnvFile(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(?:"([^"]*)"|'([^']*)'|([^\s#'"]*))\s*(?:#.*)?$/
      .exec(line);
    if (match?.[1] === undefined) continue;
    // deno-coverage-ignore -- for the compiler: one of the groups matched
    variables.set(match[1], match[2] ?? match[3] ?? match[4] ?? "");
  }
  return variables;
}

interface Kubeconfig {
  readonly path: string;
  readonly cluster: KubeconfigCluster;
}

async function readKubeconfig(
  paths: readonly string[],
  root: string,
): Promise<Kubeconfig | undefined> {
  for (const path of paths.map((path) => root + path)) {
    const text = readTextFile(path, { flag: "kubeconfig" });
    if (text === undefined) continue;
    const cluster = await parseKubeconfig(text, path);
    if (cluster !== undefined) return { path, cluster };
  }
  return undefined;
}

function serverOfKubeconfig(kubeconfig: Kubeconfig | undefined): Address | undefined {
  if (kubeconfig === undefined) return undefined;
  const { path, cluster } = kubeconfig;
  const url = parseApiServerUrl(cluster.server);
  if (url === undefined) {
    throw new UserError(
      "api-server-address-invalid",
      path,
      `"server" is not an https URL: ${quoteAddress(cluster.server)}`,
    );
  }
  return { url, origin: path };
}

interface CertificateAuthority {
  readonly pem: string;
  readonly origin: string;
}

function readCa(
  settings: Settings,
  kubeconfig: Kubeconfig | undefined,
  root: string,
): CertificateAuthority {
  const path = settings.caFile !== "" ? root + settings.caFile : kubeconfigCaPath(kubeconfig, root);
  if (path === undefined && kubeconfig !== undefined) {
    return checkPem(decodeCaData(kubeconfig), `certificate-authority-data of ${kubeconfig.path}`);
  }
  const file = path ?? root + PKI_CA_FILE;
  const pem = readTextFile(file, { flag: "ca-file" });
  if (pem === undefined) {
    throw new UserError(
      "ca-missing",
      file,
      "no CA for the API server found: the file does not exist",
      "the API server cannot be verified without it; pass --ca-file",
    );
  }
  return checkPem(pem, file);
}

/** The path of the kubeconfig's CA file; `undefined` when it carries the CA or names none. */
function kubeconfigCaPath(kubeconfig: Kubeconfig | undefined, root: string): string | undefined {
  if (kubeconfig === undefined || kubeconfig.cluster.certificateAuthorityData !== "") {
    return undefined;
  }
  const path = kubeconfig.cluster.certificateAuthority;
  if (path === "") return root + PKI_CA_FILE;
  if (path.startsWith("/")) return root + path;
  return `${kubeconfig.path.slice(0, kubeconfig.path.lastIndexOf("/"))}/${path}`;
}

function decodeCaData({ path, cluster }: Kubeconfig): string {
  try {
    const bytes = Uint8Array.fromBase64(cluster.certificateAuthorityData);
    // Between certificates there may be comments in any encoding (RFC 7468 section 2).
    return decodeUtf8(bytes, { fatal: false });
  } catch {
    throw new UserError("ca-unusable", path, `"certificate-authority-data" is not base64`);
  }
}

function checkPem(pem: string, origin: string): CertificateAuthority {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new UserError(
      "ca-unusable",
      origin,
      "has no PEM certificate",
      "pass another CA bundle with --ca-file",
    );
  }
  return { pem, origin };
}
