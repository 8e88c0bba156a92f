import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import type { ApiServer as Server } from "../../src/kubernetes/api_server.ts";
import { ConnectionError } from "../../src/kubernetes/connection_failure.ts";
import { openTransport } from "../../src/kubernetes/transport.ts";
import { ApiServer, type ApiServerOptions, status } from "../support/api_server.ts";
import { CertificateAuthority } from "../support/ca.ts";
import { serviceAccountToken } from "../support/service_account_token.ts";
import { hang, RawServer, readRequestHead, writeText } from "../support/raw_tls_server.ts";

const ca = await CertificateAuthority.create("kubernetes");
const PATH = "/api/v1/namespaces/default/secrets?limit=500";

function at(url: string, changes: Partial<Server> = {}): Server {
  const caOrigin = "/etc/kubernetes/pki/ca.crt";
  return {
    url,
    origin: "--apiserver",
    ca: ca.certificatePem,
    caOrigin,
    tlsServerName: "",
    ...changes,
  };
}

function send(server: Server, token = "token", signal = AbortSignal.timeout(5000)) {
  const transport = openTransport(server, token);
  return transport(PATH, signal).finally(() => transport[Symbol.dispose]());
}

// By the URL's host, and by another name where a kubeconfig asks for one.
for (const tlsServerName of ["", "kubernetes.default.svc"]) {
  const way = tlsServerName === "" ? "by the URL's host" : "by tls-server-name";
  const hosts = tlsServerName === "" ? ["127.0.0.1"] : [tlsServerName];
  const start = (options: ApiServerOptions = {}) => ApiServer.start({ ca, hosts, ...options });

  Deno.test(`verified ${way}: the request carries the token and asks for JSON`, async () => {
    await using api = await start();
    const token = api.addServiceAccount("default");
    api.grant("default");
    const answer = await send(at(api.url, { tlsServerName }), token);
    assert.deepEqual([answer.status, answer.retryAfter], [200, null]);
    assert.equal(JSON.parse(answer.body).kind, "SecretList");
    const [request] = api.requests;
    assert.equal(request?.user, "system:serviceaccount:default:default");
    assert.equal(request?.path, PATH);
    assert.equal(request?.headers.get("accept"), "application/json");
  });

  Deno.test(`verified ${way}: errors and redirects are answers like any other`, async () => {
    await using api = await start();
    const headers = { "Retry-After": "7" };
    api.respond = () => status(429, "TooManyRequests", "later", { headers });
    const busy = await send(at(api.url, { tlsServerName }));
    assert.deepEqual([busy.status, busy.retryAfter], [429, "7"]);
    api.respond = () => new Response(null, { status: 302, headers: { location: api.url } });
    assert.equal((await send(at(api.url, { tlsServerName }))).status, 302);
    api.respond = () => new Response(null, { status: 204 });
    const empty = await send(at(api.url, { tlsServerName }));
    assert.deepEqual([empty.status, empty.body], [204, ""]);
    assert.equal(api.requests.length, 3);
  });

  const UNVERIFIED: readonly [name: string, options: ApiServerOptions, error: RegExp][] = [
    [
      "another CA, though of the same name",
      { ca: await CertificateAuthority.create("kubernetes") },
      /not verified: its certificate is not signed by the expected CA[,;].* the CA used is .*ca\.crt/,
    ],
    [
      "another name",
      { hosts: ["other.example.com"] },
      /is not valid for the name "(?:127|kubernetes)/,
    ],
    ["the past", { notAfter: new Date(Date.now() - 60_000) }, /has expired by this node/],
  ];
  for (const [name, options, error] of UNVERIFIED) {
    Deno.test(`verified ${way}: a certificate of ${name} ends it before the token is sent`, async () => {
      await using api = await start(options);
      await assert.rejects(send(at(api.url, { tlsServerName })), (thrown: Error) => {
        assert.ok(thrown instanceof UserError, thrown.message);
        assert.match(thrown.message, error);
        return true;
      });
      assert.equal(api.requests.length, 0);
    });
  }

  const FAULTS: readonly [name: string, handle: (connection: Deno.Conn) => Promise<void>][] = [
    ["closes at once", (connection) => readRequestHead(connection).then(() => {})],
    ["stops within the body", async (connection) => {
      await readRequestHead(connection);
      await writeText(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
    }],
    ["stops within a chunk", async (connection) => {
      await readRequestHead(connection);
      await writeText(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{");
    }],
    ["speaks no HTTP", async (connection) => {
      await readRequestHead(connection);
      await writeText(connection, "220 smtp.example.com\r\n\r\n");
    }],
  ];
  for (const [name, handle] of FAULTS) {
    Deno.test(`verified ${way}: a server that ${name} may do better next time`, async () => {
      await using server = RawServer.startTls(await ca.issue({ hosts }), handle);
      await assert.rejects(send(at(server.url, { tlsServerName }), "s3cret"), (thrown: Error) => {
        assert.ok(thrown instanceof ConnectionError, thrown.message);
        assert.ok(!thrown.message.includes("s3cret"));
        return true;
      });
    });
  }

  Deno.test(`verified ${way}: an answer over 8 MiB is given up on`, async () => {
    await using api = await start();
    let pieces = 0;
    api.respond = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            if (++pieces > 9) controller.close();
            else controller.enqueue(new Uint8Array(1024 * 1024).fill(0x20));
          },
        }),
      );
    await assert.rejects(send(at(api.url, { tlsServerName })), /is larger than 8388608 bytes$/);
  });

  Deno.test(`verified ${way}: a server that hangs is given up on at the signal`, async () => {
    await using server = RawServer.startTls(await ca.issue({ hosts }), hang);
    await assert.rejects(
      send(at(server.url, { tlsServerName }), "token", AbortSignal.timeout(50)),
      /^ConnectionError: no answer within the time limit of a request$/,
    );
  });
}

Deno.test("an IPv6 address is verified like any other", async () => {
  await using api = await ApiServer.start({ ca, hostname: "::1", hosts: ["::1"] });
  assert.equal((await send(at(api.url))).status, 401);
});

const BROKEN = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

Deno.test("a CA bundle that cannot be parsed is an error that names it", async () => {
  await using server = RawServer.startTcp(hang);
  await assert.rejects(
    send(at(server.url, { ca: BROKEN })),
    /ca\.crt: has a certificate that cannot be parsed; pass another CA bundle with --ca-file/,
  );
});

Deno.test("a bundle may hold several CAs, of which any may have signed", async () => {
  const other = await CertificateAuthority.create("other");
  await using api = await ApiServer.start({ ca, hosts: ["127.0.0.1"] });
  const bundle = `# former\n${other.certificatePem}\n# present\n${ca.certificatePem}`;
  assert.equal((await send(at(api.url, { ca: bundle }))).status, 401);
});

Deno.test("what a server says of a refusal comes without the token and its parts", async () => {
  await using api = await ApiServer.start({ ca, hosts: ["127.0.0.1"] });
  const token = serviceAccountToken();
  const [, claims = "", signature = ""] = token.split(".");
  api.respond = () => new Response(`no ${token}, not ${claims} and ${signature}`, { status: 403 });
  const { body } = await send(at(api.url), token);
  assert.equal(body, "no [masked], not [masked] and [masked]");
});

Deno.test("requests share a connection for as long as the server leaves it open", async () => {
  let answers = 0;
  await using server = RawServer.startTls(
    await ca.issue({ hosts: ["127.0.0.1"] }),
    async (conn) => {
      for (;;) {
        if (await readRequestHead(conn) === "") return;
        const close = ++answers === 2 ? "Connection: close\r\n" : "";
        await writeText(conn, `HTTP/1.1 200 OK\r\n${close}Content-Length: 1\r\n\r\n${answers}`);
        if (close !== "") return;
      }
    },
  );
  using transport = openTransport(at(server.url), "token");
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push((await transport(PATH, AbortSignal.timeout(5000))).body);
  assert.deepEqual(bodies, ["1", "2", "3", "4"]);
  assert.equal(server.connections, 2);
});

Deno.test("after a failure the next request has a connection of its own", async () => {
  let connections = 0;
  await using server = RawServer.startTls(
    await ca.issue({ hosts: ["127.0.0.1"] }),
    async (conn) => {
      const first = ++connections === 1;
      await readRequestHead(conn);
      const text = first
        ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"
        : "HTTP/1.1 204 OK\r\n\r\n";
      await writeText(conn, text);
    },
  );
  using transport = openTransport(at(server.url), "token");
  await assert.rejects(transport(PATH, AbortSignal.timeout(5000)), ConnectionError);
  assert.equal((await transport(PATH, AbortSignal.timeout(5000))).status, 204);
});

Deno.test("the path of the API server's URL stands in front of the request's", async () => {
  await using api = await ApiServer.start({ ca, hosts: ["127.0.0.1"] });
  await send(at(`${api.url}/proxy`));
  assert.equal(api.requests[0]?.path, `/proxy${PATH}`);
});

Deno.test("nothing is sent on a connection whose time is over", async () => {
  await using api = await ApiServer.start({ ca, hosts: ["127.0.0.1"] });
  await assert.rejects(send(at(api.url), "token", AbortSignal.abort()), ConnectionError);
  assert.equal(api.requests.length, 0);
});

Deno.test("an answer that was not asked for is an error that another attempt does not better", async () => {
  await using server = RawServer.startTls(
    await ca.issue({ hosts: ["127.0.0.1"] }),
    async (conn) => {
      await readRequestHead(conn);
      await writeText(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    },
  );
  await assert.rejects(send(at(server.url)), (thrown: Error) => {
    assert.ok(thrown instanceof UserError);
    assert.match(
      thrown.message,
      /the answer switches to another protocol, although that was not requested$/,
    );
    return true;
  });
});
