import assert from "node:assert/strict";
import { CertificateAuthority } from "./ca.ts";
import {
  dripText,
  type HandleConnection,
  hang,
  RawServer,
  readRequestHead,
  writeText,
} from "./raw_tls_server.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";

for (
  const { behaviour, handle, outcome } of [
    {
      behaviour: "a body that drips",
      handle: async (connection) => {
        await readRequestHead(connection);
        await dripText(connection, `${HEAD}abcdef`, 1);
      },
      outcome: "abcdef",
    },
    {
      behaviour: "a body that stops half-way",
      handle: async (connection) => {
        await readRequestHead(connection);
        await writeText(connection, `${HEAD}abc`);
      },
      outcome: undefined,
    },
    {
      behaviour: "a connection closed before the answer",
      handle: async (connection) => {
        await readRequestHead(connection);
      },
      outcome: undefined,
    },
  ] satisfies { behaviour: string; handle: HandleConnection; outcome: string | undefined }[]
) {
  Deno.test(`${behaviour} reaches the client as that`, async () => {
    const ca = await CertificateAuthority.create("trusted");
    await using server = RawServer.startTls(await ca.issue({ hosts: ["127.0.0.1"] }), handle);
    using client = Deno.createHttpClient({ caCerts: [ca.certificatePem], http2: false });
    const body = fetch(server.url, { client }).then((response) => response.text());
    if (outcome === undefined) await assert.rejects(body);
    else assert.equal(await body, outcome);
  });
}

Deno.test("a peer that never speaks TLS keeps the client waiting until it is closed", async () => {
  const server = RawServer.startTcp(hang);
  const signal = AbortSignal.timeout(200);
  await assert.rejects(fetch(server.url, { signal }), { name: "TimeoutError" });
  assert.equal(server.connections, 1);
  await server.close();
});
