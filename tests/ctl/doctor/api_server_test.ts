import assert from "node:assert/strict";
import { askVersion, checkApiServer } from "../../../src/ctl/doctor/api_server.ts";
import type { ApiServer as Address } from "../../../src/kubernetes/api_server.ts";
import { ApiServer } from "../../support/api_server.ts";
import { CertificateAuthority } from "../../support/ca.ts";
import { assertChecks, type Expected } from "../../support/checks.ts";

const LIMIT = 10_000;

function address(url: string, ca: CertificateAuthority, change: Partial<Address> = {}): Address {
  return {
    url,
    origin: "/apiserver-url.env",
    ca: ca.certificatePem,
    caOrigin: "/ca.crt",
    tlsServerName: "",
    ...change,
  };
}

const json = (body: unknown, status = 200) => () => Response.json(body, { status });

const ANSWERS: readonly [
  name: string,
  respond: () => Response,
  expected: Expected,
  minor: number | undefined,
][] = [
  ["its version", json({ major: "1", minor: "34", gitVersion: "v1.34.2" }), [
    "pass",
    /https:\/\/127.* \(from \/apiserver-url\.env\) is reached and verified with \/ca\.crt: v1\.34\.2/,
  ], 34],
  ["a version with a plus sign", json({ major: "1", minor: "29+", gitVersion: "v1.29.1-eks" }), [
    "pass",
    /v1\.29\.1-eks/,
  ], 29],
  [
    "that strangers are refused",
    json({ kind: "Status" }, 401),
    ["pass", /version without a token \(401\)/],
    undefined,
  ],
  [
    "that strangers may not",
    json({ kind: "Status" }, 403),
    ["pass", /version without a token \(403\)/],
    undefined,
  ],
  ["that it is unwell", json({}, 503), ["warn", /HTTP status 503\) -> check that/], undefined],
  [
    "something else",
    json({ version: "2" }),
    ["warn", /does not give a version as an API/],
    undefined,
  ],
  ["no JSON", () => new Response("ok"), ["warn", /\(HTTP status 200\)/], undefined],
  ["a redirect", () => Response.redirect("https://a.io/"), ["warn", /HTTP status 302/], undefined],
];

for (const [name, respond, expected, minor] of ANSWERS) {
  Deno.test(`an API server that answers ${name} gives ${expected[0]}`, async () => {
    await using api = await ApiServer.start({ respond });
    const server = address(api.url, api.ca);
    const { checks, version } = checkApiServer(server, await askVersion(server, LIMIT), false);
    assertChecks(checks, [expected]);
    assert.equal(version?.minor, minor);
    assert.deepEqual(api.requests.map(({ path, authorized }) => [path, authorized]), [
      ["/version", false],
    ]);
  });
}

Deno.test("the embedded API server tells nobody in particular its version", async () => {
  await using api = await ApiServer.start();
  const server = address(api.url, api.ca);
  const { version } = checkApiServer(server, await askVersion(server, LIMIT), false);
  assert.deepEqual(version, { minor: 34, text: "v1.34.0" });
});

Deno.test("an API server that the CA does not vouch for fails", async () => {
  await using api = await ApiServer.start();
  const server = address(api.url, await CertificateAuthority.create("other"));
  for (const copied of [false, true]) {
    assertChecks(checkApiServer(server, await askVersion(server, LIMIT), copied).checks, [
      ["fail", /was not verified: its certificate is not signed by .* -> the CA used is \/ca\.crt/],
    ]);
  }
  assert.deepEqual(api.requests, []);
});

Deno.test("an API server under another name fails", async () => {
  await using api = await ApiServer.start({ hosts: ["other.example.com"] });
  const server = address(api.url, api.ca);
  assertChecks(checkApiServer(server, await askVersion(server, LIMIT), false).checks, [
    ["fail", /is not valid for the name "127\.0\.0\.1"/],
  ]);
  const named = address(api.url, api.ca, { tlsServerName: "other.example.com" });
  assertChecks(checkApiServer(named, await askVersion(named, LIMIT), false).checks, [
    ["pass", /v1\.34\.0/],
  ]);
});

Deno.test("a CA bundle that is none fails", async () => {
  const ca = await CertificateAuthority.create("broken");
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  await using api = await ApiServer.start();
  const server = address(api.url, ca, { ca: broken });
  assertChecks(checkApiServer(server, await askVersion(server, LIMIT), false).checks, [
    ["fail", /\/ca\.crt: has a certificate that cannot be parsed/],
  ]);
});

Deno.test("an API server out of reach fails on the node, and may be another's on a copy", async () => {
  const api = await ApiServer.start();
  const server = address(api.url, api.ca);
  await api.close();
  const outcome = await askVersion(server, LIMIT);
  assertChecks(checkApiServer(server, outcome, false).checks, [
    ["fail", /cannot be reached: .*refused.* -> check the address/],
  ]);
  assertChecks(checkApiServer(server, outcome, true).checks, [
    ["warn", /cannot be reached from this machine: .* -> try it on the node/],
  ]);
});
