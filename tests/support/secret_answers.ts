/** Answers of an API server to requests for secrets, and requests against them without a connection. */

import assert from "node:assert/strict";
import { listPages } from "../../src/kubernetes/secrets/list.ts";
import { getSecrets } from "../../src/kubernetes/secrets/named.ts";
import type { AskOptions } from "../../src/kubernetes/secrets/request.ts";
import { compareNames, type Secret } from "../../src/kubernetes/secrets/secret.ts";
import type { ServiceAccount } from "../../src/kubernetes/service_account_token.ts";
import { type HttpAnswer, LargeAnswerError } from "../../src/kubernetes/transport.ts";

export const CLOCK = {
  now: () => 0,
  sleep: () => Promise.resolve(),
  random: () => 0,
  wallClock: () => 0,
};

export function answer(
  status: number,
  body: unknown,
  retryAfter: string | null = null,
): HttpAnswer {
  return { status, retryAfter, body: typeof body === "string" ? body : JSON.stringify(body) };
}

export function page(
  names: readonly string[],
  next?: string,
  type = "kubernetes.io/dockerconfigjson",
) {
  const items = names.map((name) => ({ metadata: { name }, type, data: { key: "dmFsdWU=" } }));
  return answer(200, { kind: "SecretList", metadata: { continue: next }, items });
}

export function failure(code: number, reason: string, message = "") {
  return answer(code, { kind: "Status", status: "Failure", reason, message, code });
}

export const ACCOUNT: ServiceAccount = {
  namespace: "team-a",
  name: "builder",
  claims: { audience: ["https://a.svc"], issuer: "https://a.svc.cluster.local" },
};

/** All secrets of a list, in the order of their names. */
export async function listSecrets(options: AskOptions): Promise<Secret[]> {
  const pages = await listPages(options, (page) => page);
  return pages.flat().sort(compareNames);
}

/** Lists against answers given in turn; the last one is repeated. */
export async function list(
  answers: readonly (HttpAnswer | Error)[],
  types: Parameters<typeof listSecrets>[0]["types"] = ["kubernetes.io/dockerconfigjson"],
  serviceAccount: ServiceAccount = ACCOUNT,
) {
  const paths: string[] = [];
  const retries: string[] = [];
  const secrets = await listSecrets({
    transport: (path) => {
      paths.push(path);
      const given = answers[paths.length - 1] ?? answers.at(-1);
      assert.ok(given);
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
    },
    server: "https://a.io",
    serviceAccount,
    types,
    alsoFor: true,
    clock: CLOCK,
    deadline: 60_000,
    onRetry: (reason) => retries.push(reason),
  });
  return { names: secrets.map(({ name }) => name), secrets, paths, retries };
}

/** A page whose body has so many characters. */
export function sized(names: readonly string[], length: number, next?: string): HttpAnswer {
  const { body, ...rest } = page(names, next);
  return { ...rest, body: body.padStart(length) };
}

export const MI = 1024 * 1024;

export const LARGE = new LargeAnswerError("https://a.io", 8 * MI);

export const TYPE = "kubernetes.io/dockerconfigjson";

export function secret(name: string, changes: Readonly<Record<string, unknown>> = {}): HttpAnswer {
  const data = { ".dockerconfigjson": "e30=" };
  return answer(200, { kind: "Secret", metadata: { name }, type: TYPE, data, ...changes });
}

/** Gets secrets by name against answers by name; what happens is told in order. */
export async function get(
  names: readonly string[],
  answers: Readonly<Record<string, HttpAnswer | Error>>,
  serviceAccount: ServiceAccount = {
    namespace: "team-a",
    name: "builder",
  },
) {
  const events: string[] = [];
  const results = await getSecrets(
    names,
    {
      transport: (path, _signal, maxBytes) => {
        const name = path.replace("/api/v1/namespaces/team-a/secrets/", "");
        events.push(`asked for ${name}`);
        assert.equal(maxBytes, 2 * MI);
        const given = answers[name];
        assert.ok(given, path);
        return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
      },
      server: "https://a.io",
      serviceAccount,
      types: [TYPE],
      alsoFor: true,
      clock: CLOCK,
      deadline: 60_000,
      onRetry: () => {},
    },
    (name, reason) => events.push(`left out ${name}: ${reason}`),
    ({ name, type, data }) => {
      events.push(`read ${name}`);
      return { name, type, data };
    },
  );
  return { events, results };
}
