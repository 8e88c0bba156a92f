import { readCredentials } from "../../../src/credentials/namespace_credentials.ts";
import { composeAuthFile } from "../../../src/delivery/auth_file/resolve.ts";
import { choose } from "../../../src/credentials/choose.ts";
import { covers, parseScope } from "../../../src/credentials/scope.ts";
import type { Secret } from "../../../src/kubernetes/secrets/secret.ts";

const SOURCES = Array.from({ length: 10 }, (_, i) => ({
  host: `mirror-${i}.example.com`,
  path: "team/app",
}));
const KEYS = Array.from({ length: 10_000 }, (_, i) => `https://registry-${i}.example.com/team`);
const AUTH = btoa("user:password");
const SCOPES = KEYS.map((key) => parseScope(key));

const SECRETS: Secret[] = Array.from({ length: 2_000 }, (_, i) => {
  const keys = [...KEYS.slice(i * 5, i * 5 + 4), `mirror-${i % 20}.example.com/team`];
  const auths = Object.fromEntries(keys.map((key) => [key, { auth: AUTH }]));
  const config = new TextEncoder().encode(JSON.stringify({ auths })).toBase64();
  return {
    name: `secret-${i}`,
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": config },
  };
});

const clock = { now: () => 0, sleep: () => Promise.resolve(), random: () => 0, wallClock: () => 0 };
const { credentials } = readCredentials(SECRETS, SOURCES, { clock, deadline: 1 });

Deno.bench("parse 10,000 keys", () => {
  for (const key of KEYS) parseScope(key);
});

Deno.bench("match 10,000 entries against 10 sources", () => {
  for (const scope of SCOPES) {
    if (scope !== undefined) SOURCES.some((source) => covers(scope, source));
  }
});

Deno.bench("read 2,000 secrets of 5 entries, 1,000 of which matter", () => {
  readCredentials(SECRETS, SOURCES, { clock, deadline: 1 });
});

Deno.bench("choose among 1,000 credentials for 10 sources, and build the file", () => {
  composeAuthFile(choose(SOURCES, credentials), undefined);
});
