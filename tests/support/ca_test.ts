import assert from "node:assert/strict";
import { CertificateAuthority } from "./ca.ts";

async function get(url: string, caPem: string): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [caPem] });
  try {
    const response = await fetch(url, { client });
    return await response.text();
  } catch (error) {
    // `fetch` wraps the TLS library's reason, which is what the tests are about.
    let innermost = error;
    while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause;
    throw innermost;
  }
}

for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
  Deno.test(`a certificate issued for it lets a client verify https://${host}`, async () => {
    const ca = await CertificateAuthority.create("trusted");
    const other = await CertificateAuthority.create("trusted");
    const { certPem, keyPem } = await ca.issue({ hosts: ["127.0.0.1", "localhost", "::1"] });
    const hostname = host === "[::1]" ? "::1" : "127.0.0.1";
    await using server = Deno.serve(
      { cert: certPem, key: keyPem, hostname, port: 0, onListen: () => {} },
      () => new Response("verified"),
    );
    const url = `https://${host}:${server.addr.port}/`;
    assert.equal(await get(url, ca.certificatePem), "verified");
    await assert.rejects(get(url, other.certificatePem), /BadSignature|UnknownIssuer/);
  });
}

for (
  const { problem, options, reason } of [
    { problem: "for another name", options: { hosts: ["example.com"] }, reason: /not valid for/ },
    {
      problem: "that has expired",
      options: { hosts: ["127.0.0.1"], notAfter: new Date(Date.now() - 60_000) },
      reason: /expired/i,
    },
    {
      problem: "of a client",
      options: { hosts: ["127.0.0.1"], client: true },
      reason: /purpose|usage/i,
    },
  ]
) {
  Deno.test(`a certificate ${problem} is refused by a client`, async () => {
    const ca = await CertificateAuthority.create("trusted");
    const { certPem, keyPem } = await ca.issue(options);
    await using server = Deno.serve(
      { cert: certPem, key: keyPem, hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(),
    );
    await assert.rejects(get(`https://127.0.0.1:${server.addr.port}/`, ca.certificatePem), reason);
  });
}
