import assert from "node:assert/strict";
import { ConnectionError } from "../../../src/kubernetes/connection_failure.ts";
import { RefusedError } from "../../../src/kubernetes/secrets/refusals.ts";
import type { TokenClaims } from "../../../src/kubernetes/service_account_token.ts";
import { ACCOUNT, failure, get, LARGE, list } from "../../support/secret_answers.ts";

Deno.test("a token that names no account is spoken of as such in a refusal", async () => {
  await assert.rejects(
    list([failure(403, "Forbidden")], undefined, { ...ACCOUNT, name: undefined }),
    /service account "team-a\/\(unnamed\)" may not .* --serviceaccount=team-a:default; or let /,
  );
});

const AUDIENCES: readonly [
  name: string,
  claims: Partial<TokenClaims>,
  said: RegExp,
][] = [
  [
    "OpenShift's where the issuer is kubeadm's",
    {},
    /; it is for "https:\/\/a\.svc" \("aud"\), made by "https:\/\/a\.svc\.cluster\.local" \("iss"\); most likely its audience is not one .* \(--api-audiences; where that is not set, the issuer\); or the token is expired/,
  ],
  [
    "the issuer",
    { audience: ["https://a.svc.cluster.local"] },
    /; most likely the token is expired, or its pod or service account was deleted; or its audience is/,
  ],
  ["several", { audience: ["a", "b", "c", "d"] }, /it is for "a", "b", "c" \("aud"\)/],
  [
    "nobody, of no issuer",
    { audience: [], issuer: undefined },
    /it is for no named audience \("aud"\), made by an issuer without a name \("iss"\); most likely its aud/,
  ],
  [
    "a text as long as a token bears",
    { audience: ["x".repeat(100_000)] },
    /it is for "x{256}… \(100000 characters\)" \("aud"\)/,
  ],
];

for (const [name, claims, said] of AUDIENCES) {
  Deno.test(`a 401 for a token whose audience is ${name} says so, and where the audience is set`, async () => {
    const refused = list([failure(401, "Unauthorized")], undefined, {
      ...ACCOUNT,
      claims: { audience: ["https://a.svc"], issuer: "https://a.svc.cluster.local", ...claims },
    });
    await assert.rejects(refused, (thrown: Error) => {
      assert.match(thrown.message, said);
      assert.match(
        thrown.message,
        /and the node's RBAC for request-serviceaccounts-token-audience/,
      );
      return true;
    });
  });
}

Deno.test("a 401 without a token at hand says where the audience is set all the same", async () => {
  const account = { namespace: "team-a", name: "builder" };
  await assert.rejects(
    list([failure(401, "Unauthorized")], undefined, account),
    /was not accepted: HTTP status 401 Unauthorized; most likely its audience is not one of/,
  );
});

const REFUSALS: readonly [status: number, refused: boolean][] = [
  [401, true],
  [403, true],
  [404, false],
  [409, false],
  [501, false],
  [503, false],
];

for (const [code, refused] of REFUSALS) {
  Deno.test(`status ${code} says ${refused ? "that nothing is granted" : "nothing about rights"}`, async () => {
    const isRefusal = (error: Error) => {
      assert.equal(error instanceof RefusedError, refused);
      return true;
    };
    await assert.rejects(list([failure(code, "No", "no")]), isRefusal);
    await assert.rejects(get(["a"], { a: failure(code, "No", "no") }), isRefusal);
  });
}

Deno.test("a server that cannot be reached, and one that is slow, say nothing about rights", async () => {
  for (const error of [new ConnectionError("connection refused"), LARGE]) {
    await assert.rejects(list([error]), (thrown) => !(thrown instanceof RefusedError));
  }
});

Deno.test("a token that names no account is spoken of as such where a named secret is refused", async () => {
  await assert.rejects(
    get(["a"], { a: failure(403, "Forbidden") }, {
      namespace: "team-a",
      name: undefined,
    }),
    /account "team-a\/\(unnamed\)" may not get .* --serviceaccount=team-a:default --dry-run/,
  );
});

Deno.test("the commands for a Role are never cut: where they are too long, the tool that prints it is named", async () => {
  const names = ["a", ...Array.from({ length: 31 }, (_, index) => `secret-with-a-name-${index}`)];
  await assert.rejects(get(names, { a: failure(403, "Forbidden", "no") }), (error: Error) => {
    assert.match(
      error.message,
      /with the verb get: crio-credential-ctl generate rbac --namespace team-a --service-account builder, with --secret NAME for each of them, prints it$/,
    );
    return true;
  });
  const few = names.slice(0, 11);
  await assert.rejects(get(few, { a: failure(403, "Forbidden", "no") }), (error: Error) => {
    assert.match(
      error.message,
      /--resource-name=secret-with-a-name-9 --dry-run=client .*apply -f -$/,
    );
    assert.ok(!error.message.includes("…"));
    return true;
  });
});
