import assert from "node:assert/strict";
import { ApiServer } from "./api_server.ts";
import { ResettingRelay } from "./resetting_relay.ts";

for (
  const { when, afterBytes } of [{ when: "at once", afterBytes: 0 }, {
    when: "in the middle of the body",
    afterBytes: 20_000,
  }]
) {
  Deno.test(`a connection is reset ${when}`, async () => {
    let answers = 0;
    await using api = await ApiServer.start({
      respond: () => {
        answers++;
        return new Response("x".repeat(1_000_000));
      },
    });
    await using relay = await ResettingRelay.start(api.port, afterBytes);
    using client = Deno.createHttpClient({ caCerts: [api.ca.certificatePem], http2: false });
    const body = fetch(relay.url, { client }).then((response) => response.text());
    await assert.rejects(body, (error) => {
      let innermost = error;
      while (innermost instanceof Error && innermost.cause !== undefined) {
        innermost = innermost.cause;
      }
      assert.match(String(innermost), /reset by peer|error reading a body/);
      return true;
    });
    assert.equal(relay.resets, 1);
    assert.equal(answers, afterBytes === 0 ? 0 : 1);
  });
}

Deno.test("a connection is passed on until so many bytes have gone through", async () => {
  await using api = await ApiServer.start();
  await using relay = await ResettingRelay.start(api.port, 20_000);
  using client = Deno.createHttpClient({ caCerts: [api.ca.certificatePem], http2: false });
  const response = await fetch(`${relay.url}/livez`, { client });
  assert.equal(await response.text(), "ok");
  assert.equal(relay.resets, 0);
});
