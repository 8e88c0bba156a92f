import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import { ConnectionError, connectionFailure } from "../../src/kubernetes/connection_failure.ts";

const SERVER = {
  url: "https://api.example.com:6443",
  origin: "/etc/kubernetes/kubelet.conf",
  ca: "",
  caOrigin: "/etc/kubernetes/pki/ca.crt",
  tlsServerName: "",
};
const LIVE = new AbortController().signal;

const PASSING: readonly [name: string, error: unknown, message: string][] = [
  [
    "a refused connection",
    new Error("Connection refused (os error 111)"),
    "Connection refused (os error 111)",
  ],
  ["a value that is no error", "s3cret", ""],
];

for (const [name, error, message] of PASSING) {
  Deno.test(`${name} may pass: another attempt is worth it`, () => {
    const failure = connectionFailure(error, SERVER, LIVE);
    assert.ok(failure instanceof ConnectionError);
    assert.equal(failure.message, message);
  });
}

Deno.test("whatever ends an attempt that was told to stop, the time limit is the reason", () => {
  const failure = connectionFailure(new Error("reset"), SERVER, AbortSignal.abort());
  assert.ok(failure instanceof ConnectionError);
  assert.equal(failure.message, "no answer within the time limit of a request");
});

const UNVERIFIED: readonly [reason: string, verdict: string][] = [
  ["invalid peer certificate: UnknownIssuer", "is not signed by the expected CA"],
  ["invalid peer certificate: BadSignature", "is not signed by the expected CA"],
  [
    `invalid peer certificate: certificate not valid for name "api.example.com"`,
    `is not valid for the name "api.example.com"`,
  ],
  ["invalid peer certificate: Expired", "has expired by this node's clock"],
  ["invalid peer certificate: NotValidYet", "is not yet valid by this node's clock"],
  ["invalid peer certificate: CaUsedAsEndEntity", "is not acceptable"],
];

for (const [reason, verdict] of UNVERIFIED) {
  Deno.test(`"${reason}" is an error that names the CA, the address and their flags`, () => {
    const failure = connectionFailure(new Error(reason), SERVER, LIVE);
    assert.ok(failure instanceof UserError);
    assert.equal(
      failure.message,
      `https://api.example.com:6443: the API server was not verified: its certificate ${verdict}; ` +
        "the CA used is /etc/kubernetes/pki/ca.crt (--ca-file), " +
        "the address is from /etc/kubernetes/kubelet.conf (--apiserver)",
    );
  });
}

Deno.test("the name that was looked for is the kubeconfig's if it has one", () => {
  const server = { ...SERVER, tlsServerName: "kubernetes" };
  const failure = connectionFailure(new Error("NotValidForName"), server, LIVE);
  assert.match(failure.message, /is not valid for the name "kubernetes"/);
});

Deno.test("a host outside of the sandbox is an error with the flag that allows it", () => {
  const failure = connectionFailure(new Deno.errors.NotCapable("net"), SERVER, LIVE);
  assert.match(
    failure.message,
    /^api\.example\.com:6443: cannot connect \(address from .*kubelet\.conf\): outside the sandbox .*--apiserver api\.example\.com:6443/,
  );
});

Deno.test("errors that are sorted already stay what they are", () => {
  for (const error of [new UserError("content-invalid", "a", "b"), new ConnectionError("c")]) {
    assert.equal(connectionFailure(error, SERVER, LIVE), error);
  }
});

const REASONS: readonly [message: string, reason: string][] = [
  [
    "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof",
    "peer closed connection without sending TLS close_notify",
  ],
];

for (const [message, reason] of REASONS) {
  Deno.test(`what the runtime says is cut to ${JSON.stringify(reason)}`, () => {
    const error = new Error(message);
    const failure = connectionFailure(error, SERVER, LIVE);
    assert.ok(failure instanceof ConnectionError);
    assert.equal(failure.message, reason);
  });
}
