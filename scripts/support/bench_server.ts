/**
 * The API server of a benchmark, in a process of its own: it prints what a client needs to know as one
 * line of JSON, and serves until its stdin ends. Answers are made once, so that what is measured is
 * the client.
 */

import { ApiServer } from "../../tests/support/api_server.ts";

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

function fill(api: ApiServer, namespace: string, secrets: number): void {
  for (let i = 0; i < secrets; i++) {
    const auths: Record<string, unknown> = {};
    for (let j = 0; j < (secrets === 1 ? 1 : ENTRIES); j++) {
      const host = i === 0 && j === 0 ? "localhost:5000" : `registry-${i}-${j}.example.com`;
      const [username, password] = [`user-${i}`, `password-${i}-${j}`];
      auths[host] = { username, password, auth: btoa(`${username}:${password}`) };
    }
    api.addDockerConfig(namespace, `secret-${i}`, auths);
  }
}

async function serve(port: number): Promise<void> {
  const answers = new Map<
    string,
    { readonly body: Uint8Array<ArrayBuffer>; readonly type: string }
  >();
  await using api = await ApiServer.start({
    port,
    respond: async ({ path }, _attempt, answer) => {
      let known = answers.get(path);
      if (known === undefined) {
        const response = answer();
        const type = response.headers.get("Content-Type") ?? "";
        known = { body: await response.bytes(), type };
        answers.set(path, known);
      }
      return new Response(known.body, { headers: { "Content-Type": known.type } });
    },
  });
  const tokens: Record<string, string> = {};
  for (const [namespace, secrets] of Object.entries(NAMESPACES)) {
    tokens[namespace] = api.addServiceAccount(namespace);
    api.grant(namespace);
    fill(api, namespace, secrets);
  }
  const server: BenchServer = { url: api.url, caPem: api.ca.certificatePem, tokens };
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(server)}\n`));
  await Deno.stdin.readable.pipeTo(new WritableStream());
}

if (import.meta.main) await serve(Number(Deno.args[0] ?? 0));
