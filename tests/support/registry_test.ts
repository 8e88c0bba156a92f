import assert from "node:assert/strict";
import { Registry } from "./registry.ts";

Deno.test("an image is served to those who may pull it, and requests are recorded", async () => {
  await using mirror = await Registry.start({
    users: {
      all: { password: "p:w" },
      team: { password: "pw", repositories: ["hub/team"] },
    },
    repositories: ["hub/team/app", "hub/teams"],
  });
  const get = async (path: string, credentials?: string) => {
    const headers = new Headers();
    if (credentials !== undefined) headers.set("Authorization", `Basic ${btoa(credentials)}`);
    const response = await fetch(mirror.url + path, { headers });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const manifest = "/v2/hub/team/app/manifests/latest";

  const refused = await get(manifest);
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic realm=/);
  assert.equal(refused.body.errors[0].code, "UNAUTHORIZED");
  assert.equal((await get(manifest, "team:wrong")).status, 401);
  assert.equal((await get("/v2/hub/teams/manifests/latest", "team:pw")).status, 403);
  assert.equal((await get("/v2/hub/team/other/manifests/latest", "team:pw")).status, 404);
  assert.equal((await get("/v2/", "all:p:w")).status, 200);

  const { status, headers, body } = await get(manifest, "team:pw");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), body.mediaType);
  const config = await get(`/v2/hub/team/app/blobs/${body.config.digest}`, "all:p:w");
  assert.equal(config.body.os, "linux");

  assert.deepEqual(mirror.requests.map(({ user, status }) => [user, status]), [
    [undefined, 401],
    [undefined, 401],
    ["team", 403],
    ["team", 404],
    ["all", 200],
    ["team", 200],
    ["all", 200],
  ]);
});
