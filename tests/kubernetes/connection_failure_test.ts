import assert from "node:assert/strict";
import { ConnectionError, connectionFailure } from "../../src/kubernetes/connection_failure.ts";

const SERVER = {
  url: "https://a.io:6443",
  origin: "--apiserver",
  ca: "",
  caOrigin: "/ca.crt",
  tlsServerName: "",
};

const REASONS: readonly [message: string, reason: string][] = [
  [
    "error sending request for url (https://a.io:6443/api): client error (Connect): tcp connect error: Connection refused (os error 111)",
    "tcp connect error: Connection refused (os error 111)",
  ],
  [
    "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof",
    "peer closed connection without sending TLS close_notify",
  ],
];

for (const [message, reason] of REASONS) {
  Deno.test(`what the runtime says is cut to ${JSON.stringify(reason)}`, () => {
    const error = new TypeError("fetch failed", { cause: new Error(message) });
    const failure = connectionFailure(error, SERVER, new AbortController().signal);
    assert.ok(failure instanceof ConnectionError);
    assert.equal(failure.message, reason);
  });
}
