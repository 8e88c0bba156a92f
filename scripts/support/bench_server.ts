/**
 * The API server of a benchmark, in a process of its own: it prints what a client needs to know as one
 * line of JSON, and serves until its stdin ends. Answers are made once, so that what is measured is
 * the client. Like the real one, it does not hold small segments back (`TCP_NODELAY`).
 */

import { createServer } from "node:https";
import { CertificateAuthority } from "../../tests/support/ca.ts";
import { serviceAccountToken } from "../../tests/support/service_account_token.ts";
import { print } from "./print.ts";

/** What a client needs to know. */
export interface BenchServer {
  readonly url: string;
  readonly caPem: string;
  /** A token for each namespace. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** How many secrets of {@link ENTRIES} entries each namespace has. */
export const NAMESPACES: Readonly<Record<string, number>> = { one: 1, many: 1000, most: 5000 };

/** Entries of a secret in the larger namespaces. */
const ENTRIES = 5;

interface Secret {
  readonly metadata: { readonly name: string; readonly [member: string]: string };
  readonly data: Readonly<Record<string, string>>;
  readonly type: string;
}

/** Secrets as the API server lists them when `kubectl create secret docker-registry` made them. */
function secretsOf(namespace: string): Secret[] {
  const count = NAMESPACES[namespace] ?? 0;
  return Array.from({ length: count }, (_, i) => {
    const auths: Record<string, unknown> = {};
    for (let j = 0; j < (count === 1 ? 1 : ENTRIES); j++) {
      const host = i === 0 && j === 0 ? "localhost:5000" : `registry-${i}-${j}.example.com`;
      const [username, password] = [`user-${i}`, `password-${i}-${j}`];
      auths[host] = { username, password, auth: btoa(`${username}:${password}`) };
    }
    const config = new TextEncoder().encode(JSON.stringify({ auths }));
    return {
      metadata: {
        name: `secret-${i}`,
        namespace,
        uid: crypto.randomUUID(),
        resourceVersion: String(1000 + i),
        creationTimestamp: "2026-01-01T00:00:00Z",
      },
      data: { ".dockerconfigjson": config.toBase64() },
      type: "kubernetes.io/dockerconfigjson",
    };
  });
}

const answers = new Map<string, Uint8Array>();

/** The answer to a request: a secret, or a list in pages as it asks for them. */
function answerTo(path: string): Uint8Array | undefined {
  const known = answers.get(path);
  if (known !== undefined) return known;
  const url = new URL(path, "https://localhost");
  const [, namespace, name] =
    /^\/api\/v1\/namespaces\/(\w+)\/secrets(?:\/([\w-]+))?$/.exec(url.pathname) ?? [];
  if (namespace === undefined) return undefined;
  const secrets = secretsOf(namespace);
  if (name !== undefined) {
    const secret = secrets.find(({ metadata }) => metadata.name === name);
    if (secret === undefined) return undefined;
    const whole = { kind: "Secret", apiVersion: "v1", ...secret };
    const answer = new TextEncoder().encode(JSON.stringify(whole));
    answers.set(path, answer);
    return answer;
  }
  const from = Number(url.searchParams.get("continue") ?? 0);
  const to = from + Number(url.searchParams.get("limit") ?? Infinity);
  const metadata = {
    resourceVersion: "6000",
    ...(to < secrets.length && { continue: String(to), remainingItemCount: secrets.length - to }),
  };
  const list = { kind: "SecretList", apiVersion: "v1", metadata, items: secrets.slice(from, to) };
  const answer = new TextEncoder().encode(JSON.stringify(list));
  answers.set(path, answer);
  return answer;
}

async function serve(port: number): Promise<void> {
  const ca = await CertificateAuthority.create("kubernetes");
  const { certPem: cert, keyPem: key } = await ca.issue({ hosts: ["127.0.0.1"] });
  const server = createServer({ cert, key, noDelay: true }, (request, response) => {
    const answer = answerTo(request.url ?? "");
    response.writeHead(answer === undefined ? 404 : 200, {
      "Content-Type": "application/json",
      "Content-Length": answer?.length ?? 0,
    });
    response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  const listening = typeof address === "object" ? address?.port : undefined;
  const tokens = Object.fromEntries(
    Object.keys(NAMESPACES).map((namespace) => [namespace, serviceAccountToken({ namespace })]),
  );
  const facts: BenchServer = {
    url: `https://127.0.0.1:${listening}`,
    caPem: ca.certificatePem,
    tokens,
  };
  print(JSON.stringify(facts));
  await Deno.stdin.readable.pipeTo(new WritableStream());
  Deno.exit(0);
}

if (import.meta.main) await serve(Number(Deno.args[0] ?? 0));
