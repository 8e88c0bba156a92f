import assert from "node:assert/strict";
import {
  answer,
  breaksOff,
  MisbehavingApiServer,
  pages,
  secretList,
  sends,
  sendsGzipBomb,
} from "./misbehaving_api_server.ts";

async function withServer(
  check: (
    api: MisbehavingApiServer,
    get: (namespace: string) => Promise<Response>,
  ) => Promise<void>,
) {
  await using api = await MisbehavingApiServer.start();
  using client = Deno.createHttpClient({ caCerts: [api.ca.certificatePem] });
  await check(api, (name) => fetch(`${api.url}/api/v1/namespaces/${name}/secrets`, { client }));
}

Deno.test("each namespace has its own behaviour, and its requests are counted", async () => {
  await withServer(async (api, get) => {
    api.behave("a", pages((count) => `token-${count}`));
    api.behave("b", sends(answer(418, "{}")));
    assert.equal((await (await get("a")).json()).metadata.continue, "token-1");
    assert.equal((await (await get("a")).json()).metadata.continue, "token-2");
    assert.equal((await (await get("b")).body?.cancel(), api.arrivals("b").length), 1);
    assert.equal(api.arrivals("a").length, 2);
  });
});

Deno.test("a connection is broken off after so many bytes, in each way", async () => {
  const whole = answer(200, secretList());
  await withServer(async (api, get) => {
    for (const ending of ["close", "cut", "reset"] as const) {
      api.behave(ending, breaksOff(whole, whole.length - 1, ending));
      const response = await get(ending);
      assert.equal(response.status, 200);
      await assert.rejects(response.text());
    }
    api.behave("whole", breaksOff(whole, whole.length, "close"));
    assert.equal(await (await get("whole")).text(), secretList());
  });
});

Deno.test("a gzip bomb is small until it is inflated", async () => {
  await withServer(async (api, get) => {
    api.behave("bomb", sendsGzipBomb(64));
    let inflated = 0;
    const { body } = await get("bomb");
    assert.ok(body);
    for await (const chunk of body) {
      inflated += chunk.length;
      if (inflated > 40 * 1024 * 1024) break;
    }
    assert.ok(inflated > 40 * 1024 * 1024);
  });
});
