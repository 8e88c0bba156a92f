import assert from "node:assert/strict";
import { ApiServer, status } from "./api_server.ts";

const SECRETS = "/api/v1/namespaces/default/secrets";

/** Gets a path and the answer's JSON as an object. */
function open(api: ApiServer, token?: string) {
  const client = Deno.createHttpClient({ caCerts: [api.ca.certificatePem] });
  const headers = new Headers();
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  const get = async (path: string) => {
    const response = await fetch(api.url + path, { client, headers });
    return { code: response.status, body: await response.json() };
  };
  return { get, [Symbol.dispose]: () => client.close() };
}

Deno.test("secrets are listed by type, sorted by name, with base64 values", async () => {
  await using api = await ApiServer.start();
  using client = open(api, api.addServiceAccount("default"));
  api.grant("default");
  api.addDockerConfig("default", "b", { "localhost:5000": {} });
  api.addDockercfg("default", "c", {});
  api.addSecret("default", { name: "a", encoded: { ".dockerconfigjson": "%" } });
  api.addDockerConfig("other", "d", {});
  const { code, body } = await client.get(
    `${SECRETS}?fieldSelector=type=kubernetes.io/dockerconfigjson`,
  );
  assert.equal(code, 200);
  assert.equal(body.kind, "SecretList");
  assert.deepEqual(body.items.map((item: { data: unknown }) => item.data), [
    { ".dockerconfigjson": "%" },
    { ".dockerconfigjson": btoa('{"auths":{"localhost:5000":{}}}') },
  ]);
  assert.equal((await client.get(`${SECRETS}?fieldSelector=colour=red`)).code, 400);
});

Deno.test("a list is paged over the state of its first page until its tokens expire", async () => {
  await using api = await ApiServer.start({ hostname: "::1" });
  using client = open(api, api.addServiceAccount("default"));
  api.grant("default");
  for (const name of ["a", "b", "c", "d", "e"]) api.addDockerConfig("default", name, {});
  const names: string[] = [];
  let next = "";
  do {
    const { body } = await client.get(`${SECRETS}?limit=2&continue=${next}`);
    for (const { metadata } of body.items) names.push(metadata.name);
    next = body.metadata.continue ?? "";
    api.deleteSecret("default", "e");
  } while (next !== "");
  assert.deepEqual(names, ["a", "b", "c", "d", "e"]);

  const { body } = await client.get(`${SECRETS}?limit=2`);
  api.expireContinueTokens();
  const expired = await client.get(`${SECRETS}?limit=2&continue=${body.metadata.continue}`);
  assert.equal(expired.code, 410);
  assert.equal(expired.body.reason, "Expired");
});

Deno.test("who may not list is told so as a Status, and no token is recorded", async () => {
  await using api = await ApiServer.start();
  const token = api.addServiceAccount("team-a", "builder");
  api.grant("team-a", { name: "builder" });
  using known = open(api, token);
  using unknown = open(api, "x.y.z");
  using anonymous = open(api);
  const other = await known.get(SECRETS);
  assert.equal(other.code, 403);
  assert.equal(
    other.body.message,
    'secrets is forbidden: User "system:serviceaccount:team-a:builder" cannot list resource ' +
      '"secrets" in API group "" in the namespace "default"',
  );
  assert.equal((await known.get("/api/v1/namespaces/team-a/secrets")).code, 200);
  assert.deepEqual(await unknown.get(SECRETS).then(({ code, body }) => [code, body.reason]), [
    401,
    "Unauthorized",
  ]);
  assert.equal((await anonymous.get(SECRETS)).code, 403);
  assert.equal((await anonymous.get("/version")).code, 200);
  assert.deepEqual(api.requests.map(({ authorized }) => authorized), [
    true,
    true,
    true,
    false,
    false,
  ]);
  for (const { headers } of api.requests) assert.equal(headers.get("authorization"), null);
});

Deno.test("a test can answer in the server's place, attempt by attempt", async () => {
  await using api = await ApiServer.start({
    respond: (_request, attempt, answer) => {
      if (attempt === 1) {
        return status(429, "TooManyRequests", "slow down", { headers: { "Retry-After": "1" } });
      }
      return attempt === 2 ? new Response(`[${answer().status}]`) : undefined;
    },
  });
  using client = open(api, api.addServiceAccount("default"));
  api.grant("default");
  assert.equal((await client.get(SECRETS)).code, 429);
  assert.deepEqual((await client.get(SECRETS)).body, [200]);
  assert.equal((await client.get(SECRETS)).body.kind, "SecretList");
});

Deno.test("a server that keeps a client waiting can be closed", async () => {
  const api = await ApiServer.start({ respond: () => new Promise<never>(() => {}) });
  using client = open(api);
  const waiting = assert.rejects(client.get("/livez"));
  while (api.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await api.close();
  await waiting;
});
