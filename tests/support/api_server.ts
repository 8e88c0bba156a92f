/**
 * An embedded Kubernetes API server, as far as reading secrets goes: TLS with its own CA, bearer
 * tokens of service accounts, RBAC per namespace with `resourceNames`, `fieldSelector`, and paging by
 * `limit` and `continue` over a consistent state. Errors are `Status` objects in Kubernetes' wording.
 */

import { CertificateAuthority } from "./ca.ts";
import { serviceAccountToken } from "./service_account_token.ts";

/** A request as it came in. The token is not kept. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whether there was an `Authorization` header. */
  readonly authorized: boolean;
  /** Whom the token belongs to, or `undefined` if there is no token or an unknown one. */
  readonly user: string | undefined;
  /** The headers but `authorization`. */
  readonly headers: Headers;
}

/**
 * Takes the place of the regular answer; `undefined` leaves it.
 *
 * @param attempt which request with this method and path it is, from 1.
 * @param answer makes the regular answer, to be changed or cut.
 */
export type Respond = (
  request: RecordedRequest,
  attempt: number,
  answer: () => Response,
) => Response | Promise<Response> | undefined;

export interface ApiServerOptions {
  /** @default one of its own */
  ca?: CertificateAuthority;
  /** The address to listen on. @default "127.0.0.1" */
  hostname?: "127.0.0.1" | "::1";
  /** The port to listen on; another process on it is waited for. @default a free one */
  port?: number;
  /** Names in the certificate. @default ["localhost", "127.0.0.1", "::1"] */
  hosts?: readonly string[];
  /** Beginning of the certificate. @default an hour ago */
  notBefore?: Date;
  /** End of the certificate. @default in a day */
  notAfter?: Date;
  respond?: Respond;
}

/** A secret to be stored. */
export interface SecretContent {
  name: string;
  /** @default "kubernetes.io/dockerconfigjson" */
  type?: string;
  /** Values before base64. */
  data?: Readonly<Record<string, string>>;
  /** Values as they are to be served, over those of `data`: base64, or something broken. */
  encoded?: Readonly<Record<string, string>>;
  /** @default none */
  annotations?: Readonly<Record<string, string>>;
}

interface StoredSecret {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data: Readonly<Record<string, string>>;
  readonly type: string;
}

/** What a continue token stands for. */
interface Continuation {
  readonly rest: readonly StoredSecret[];
  readonly resourceVersion: number;
  readonly path: string;
  readonly selector: string;
}

/**
 * @example
 * await using api = await ApiServer.start();
 * const token = api.addServiceAccount("default");
 * api.grant("default");
 * api.addDockerConfig("default", "my-registry", { "localhost:5000": { auth } });
 */
export class ApiServer implements AsyncDisposable {
  readonly ca: CertificateAuthority;
  readonly port: number;
  /** `https://127.0.0.1:<port>`, or with `[::1]`. */
  readonly url: string;
  /** Every request so far, in order. */
  readonly requests: RecordedRequest[] = [];
  /** May be set at any time. */
  respond: Respond | undefined;

  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();
  readonly #users = new Map<string, string>();
  readonly #grants = new Set<string>();
  readonly #namespaces = new Map<string, Map<string, StoredSecret>>();
  readonly #continuations = new Map<string, Continuation>();
  readonly #attempts = new Map<string, number>();
  #resourceVersion = 1000;

  private constructor(
    ca: CertificateAuthority,
    tls: { cert: string; key: string },
    options: ApiServerOptions,
  ) {
    const { hostname = "127.0.0.1", port = 0 } = options;
    this.ca = ca;
    this.respond = options.respond;
    this.#server = Deno.serve({
      ...tls,
      hostname,
      port,
      signal: this.#abort.signal,
      onListen: () => {},
    }, (request) => this.#handle(request));
    this.port = this.#server.addr.port;
    this.url = `https://${hostname === "::1" ? "[::1]" : hostname}:${this.port}`;
  }

  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const ca = options.ca ?? await CertificateAuthority.create("kubernetes");
    const { certPem: cert, keyPem: key } = await ca.issue({
      hosts: options.hosts ?? ["localhost", "127.0.0.1", "::1"],
      commonName: "kube-apiserver",
      ...(options.notBefore !== undefined && { notBefore: options.notBefore }),
      ...(options.notAfter !== undefined && { notAfter: options.notAfter }),
    });
    for (;;) {
      try {
        return new ApiServer(ca, { cert, key }, options);
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Makes a service account known and returns a token of it. */
  addServiceAccount(namespace: string, name = "default"): string {
    const token = serviceAccountToken({ namespace, serviceAccount: name });
    this.addToken(token, namespace, name);
    return token;
  }

  /** Lets a token of any form stand for a service account. */
  addToken(token: string, namespace: string, name = "default"): void {
    this.#users.set(token, userName(namespace, name));
  }

  /** From now on the token is answered 401. */
  revokeToken(token: string): void {
    this.#users.delete(token);
  }

  /**
   * Allows a service account to list the secrets of a namespace.
   *
   * @param account @default the service account "default" of that namespace
   */
  grant(namespace: string, account: { namespace?: string; name?: string } = {}): void {
    const user = userName(account.namespace ?? namespace, account.name ?? "default");
    this.#grants.add(`${user} ${namespace}`);
  }

  /**
   * Allows a service account to get secrets by name, and no longer to list any.
   *
   * @param account @default the service account "default" of that namespace
   */
  grantNamed(
    namespace: string,
    names: readonly string[],
    account: { namespace?: string; name?: string } = {},
  ): void {
    const user = userName(account.namespace ?? namespace, account.name ?? "default");
    this.#grants.delete(`${user} ${namespace}`);
    for (const name of names) this.#grants.add(`${user} ${namespace} ${name}`);
  }

  /** Creates a secret, or replaces the one of that name. */
  addSecret(namespace: string, secret: SecretContent): void {
    const data = Object.entries(secret.data ?? {}).map(([key, value]) => [key, base64(value)]);
    const secrets = this.#namespaces.get(namespace) ?? new Map<string, StoredSecret>();
    this.#namespaces.set(namespace, secrets);
    secrets.set(secret.name, {
      metadata: {
        name: secret.name,
        namespace,
        uid: crypto.randomUUID(),
        resourceVersion: String(++this.#resourceVersion),
        creationTimestamp: new Date().toISOString().replace(/\.\d+/, ""),
        ...(secret.annotations !== undefined && { annotations: secret.annotations }),
      },
      data: { ...Object.fromEntries(data), ...secret.encoded },
      type: secret.type ?? "kubernetes.io/dockerconfigjson",
    });
  }

  /** Creates a secret of type `kubernetes.io/dockerconfigjson`. */
  addDockerConfig(namespace: string, name: string, auths: Readonly<Record<string, unknown>>): void {
    this.addSecret(namespace, { name, data: { ".dockerconfigjson": JSON.stringify({ auths }) } });
  }

  /** Creates a secret of the legacy type `kubernetes.io/dockercfg`. */
  addDockercfg(namespace: string, name: string, auths: Readonly<Record<string, unknown>>): void {
    const data = { ".dockercfg": JSON.stringify(auths) };
    this.addSecret(namespace, { name, type: "kubernetes.io/dockercfg", data });
  }

  deleteSecret(namespace: string, name: string): void {
    this.#namespaces.get(namespace)?.delete(name);
    this.#resourceVersion++;
  }

  /** From now on the continue tokens given out so far are answered 410. */
  expireContinueTokens(): void {
    this.#continuations.clear();
  }

  /** Stops at once, cutting answers that are under way. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#server.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname, search, searchParams: query } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    const token = /^bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "";
    const recorded: RecordedRequest = {
      method: request.method,
      path: pathname + search,
      query,
      authorized: authorization !== null,
      user: this.#users.get(token),
      headers,
    };
    this.requests.push(recorded);
    const line = `${recorded.method} ${recorded.path}`;
    const attempt = (this.#attempts.get(line) ?? 0) + 1;
    this.#attempts.set(line, attempt);
    const answer = () => this.#answer(recorded, pathname);
    return await this.respond?.(recorded, attempt, answer) ?? answer();
  }

  #answer({ method, query, authorized, user }: RecordedRequest, path: string): Response {
    if (authorized && user === undefined) return status(401, "Unauthorized", "Unauthorized");
    if (path === "/livez") return new Response("ok");
    if (path === "/version") {
      return Response.json({ major: "1", minor: "34", gitVersion: "v1.34.0" });
    }
    const [, namespace, name] =
      /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/]+))?$/.exec(path) ?? [];
    if (namespace === undefined) return new Response("404 page not found\n", { status: 404 });
    if (method !== "GET") {
      const message = "the server does not allow this method on the requested resource";
      return status(405, "MethodNotAllowed", message);
    }
    const who = user ?? "system:anonymous";
    if (name !== undefined) return this.#get(namespace, name, who);
    if (!this.#grants.has(`${who} ${namespace}`)) {
      const message = `secrets is forbidden: User "${who}" cannot list resource "secrets" ` +
        `in API group "" in the namespace "${namespace}"`;
      return status(403, "Forbidden", message, { details: { kind: "secrets" } });
    }
    return this.#list(namespace, path, query);
  }

  #get(namespace: string, name: string, who: string): Response {
    if (!this.#grants.has(`${who} ${namespace} ${name}`)) {
      const message = `secrets "${name}" is forbidden: User "${who}" cannot get resource ` +
        `"secrets" in API group "" in the namespace "${namespace}"`;
      return status(403, "Forbidden", message, { details: { name, kind: "secrets" } });
    }
    const secret = this.#namespaces.get(namespace)?.get(name);
    if (secret === undefined) {
      const message = `secrets "${name}" not found`;
      return status(404, "NotFound", message, { details: { name, kind: "secrets" } });
    }
    return Response.json({ kind: "Secret", apiVersion: "v1", ...secret });
  }

  #list(namespace: string, path: string, query: URLSearchParams): Response {
    const selector = query.get("fieldSelector") ?? "";
    const limit = Number(query.get("limit") ?? 0);
    if (!Number.isSafeInteger(limit) || limit < 0) {
      return status(400, "BadRequest", `invalid limit: ${query.get("limit")}`);
    }
    let items: readonly StoredSecret[];
    let resourceVersion = this.#resourceVersion;
    const token = query.get("continue") ?? "";
    if (token === "") {
      const matches = fieldMatcher(selector);
      if (typeof matches === "string") {
        return status(400, "BadRequest", `field label not supported: ${matches}`);
      }
      items = [...this.#namespaces.get(namespace)?.values() ?? []]
        .filter(matches)
        .sort((a, b) => a.metadata.name < b.metadata.name ? -1 : 1);
    } else {
      const continuation = this.#continuations.get(token);
      if (continuation === undefined) {
        const message = "The provided continue parameter is too old to display a consistent list.";
        return status(410, "Expired", message);
      }
      if (continuation.path !== path || continuation.selector !== selector) {
        return status(400, "BadRequest", "continue key is not valid for this list");
      }
      items = continuation.rest;
      resourceVersion = continuation.resourceVersion;
    }
    const page = limit === 0 ? items : items.slice(0, limit);
    const rest = items.slice(page.length);
    const metadata: Record<string, string> = { resourceVersion: String(resourceVersion) };
    if (rest.length > 0) {
      const next = crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" });
      this.#continuations.set(next, { rest, resourceVersion, path, selector });
      metadata["continue"] = next;
    }
    return Response.json({ kind: "SecretList", apiVersion: "v1", metadata, items: page });
  }
}

/** An error as the API server answers it (`meta/v1` `Status`). */
export function status(
  code: number,
  reason: string,
  message: string,
  { details, headers }: { details?: unknown; headers?: HeadersInit } = {},
): Response {
  return Response.json({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details !== undefined && { details }),
    code,
  }, { status: code, ...(headers !== undefined && { headers }) });
}

function userName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** A test for secrets, or the name of the field that cannot be selected by. */
function fieldMatcher(selector: string): ((secret: StoredSecret) => boolean) | string {
  const fields: Record<string, (secret: StoredSecret) => string> = {
    "type": (secret) => secret.type,
    "metadata.name": (secret) => secret.metadata.name,
    "metadata.namespace": (secret) => secret.metadata.namespace,
  };
  const terms: ((secret: StoredSecret) => boolean)[] = [];
  for (const term of selector.split(",").filter((term) => term !== "")) {
    const [, name = term, operator, value] = /^([^!=]+)(!=|==?)(.*)$/.exec(term) ?? [];
    const field = fields[name];
    if (field === undefined) return name;
    terms.push((secret) => (field(secret) === value) === (operator !== "!="));
  }
  return (secret) => terms.every((matches) => matches(secret));
}
