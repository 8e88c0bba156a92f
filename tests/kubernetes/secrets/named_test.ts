import assert from "node:assert/strict";
import { ConnectionError } from "../../../src/kubernetes/connection_failure.ts";
import { getSecrets } from "../../../src/kubernetes/secrets/named.ts";
import { RefusedError } from "../../../src/kubernetes/secrets/refusals.ts";
import type { HttpAnswer } from "../../../src/kubernetes/transport.ts";
import {
  answer,
  CLOCK,
  failure,
  get,
  LARGE,
  MI,
  page,
  secret,
  TYPE,
} from "../../support/secret_answers.ts";

Deno.test("named secrets are got one by one in their order, the next while one is read", async () => {
  const { events, results } = await get(["b", "a", "c"], {
    a: secret("a"),
    b: secret("b"),
    c: secret("c", { data: null }),
  });
  assert.deepEqual(events, [
    "asked for b",
    "asked for a",
    "read b",
    "asked for c",
    "read a",
    "read c",
  ]);
  assert.deepEqual(results.map(({ name }) => name), ["b", "a", "c"]);
  assert.deepEqual(results[0], { name: "b", type: TYPE, data: { ".dockerconfigjson": "e30=" } });
  assert.deepEqual(results[2]?.data, {});
});

Deno.test("where no secret is named none is asked for", async () => {
  assert.deepEqual(await get([], {}), { events: [], results: [] });
});

Deno.test("a named secret that is missing, of another type or too large is left out, and the others count", async () => {
  const { events, results } = await get(["gone", "tls", "large", "good"], {
    gone: failure(404, "NotFound", `secrets "gone" not found`),
    tls: secret("tls", { type: "kubernetes.io/tls" }),
    large: LARGE,
    good: secret("good"),
  });
  assert.deepEqual(events.filter((event) => event.startsWith("left out")), [
    'left out gone: there is no such secret in namespace "team-a"',
    "left out tls: its type is not one of those that are read (--secret-types): " + TYPE,
    "left out large: it is larger than 2097152 bytes, which Kubernetes allows no secret",
  ]);
  assert.deepEqual(results.map(({ name }) => name), ["good"]);
});

const UNREADABLE: readonly [name: string, answer: HttpAnswer, error: RegExp][] = [
  [
    "403",
    failure(403, "Forbidden", `secrets "a" is forbidden`),
    /service account "team-a\/builder" may not get secret "a" of namespace "team-a": HTTP status 403 Forbidden: .*; its Role must name .* resourceNames.* kubectl create role crio-credential-provider-builder -n team-a --verb=get --resource=secrets --resource-name=a --resource-name=b --dry-run=client -o yaml \| kubectl apply -f - && kubectl create rolebinding crio-credential-provider-builder -n team-a --role=crio-credential-provider-builder --serviceaccount=team-a:builder --dry-run=client -o yaml \| kubectl apply -f -$/,
  ],
  [
    "401",
    failure(401, "Unauthorized", "Unauthorized"),
    /the token of service account "team-a\/builder" was not accepted/,
  ],
  [
    "404 of something else",
    answer(404, "404 page not found"),
    /"a" of .* was not read: HTTP .* 404$/,
  ],
  [
    "a redirect",
    answer(302, ""),
    /secret "a" of namespace "team-a" was not read: HTTP status 302$/,
  ],
  ["no JSON", answer(200, "<html>s3cret"), /Secret "a" of https:\/\/a\.io: not valid JSON/],
  ["a list", page(["s3cret"]), /Secret "a" of .*: "kind" must be "Secret"/],
  ["another secret", secret("s3cret"), /Secret "a" of .*: "metadata\.name" must be "a"/],
  ["no metadata", secret("", { metadata: null }), /Secret "a" of .*: "metadata" is missing/],
  ["data of another type", secret("a", { data: "s3cret" }), /"data" must be an object/],
  [
    "more JSON values than a secret has",
    answer(200, `{"kind":"Secret","x":[${"{},".repeat(400_000)}{}]}`),
    /Secret "a" of .*: has more than \d+ JSON values/,
  ],
];

for (const [name, given, error] of UNREADABLE) {
  Deno.test(`${name} in the place of a named secret is an error`, async () => {
    await assert.rejects(get(["a", "b"], { a: given, b: secret("b") }), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}

Deno.test("behind a named secret that is refused no other is asked for", async () => {
  const forbidden = failure(403, "Forbidden", "no");
  // Without an answer for b, asking for it fails otherwise.
  await assert.rejects(get(["a", "b"], { a: forbidden }), RefusedError);
});

Deno.test("a server that was unreachable a moment ago is asked for a named secret again after a 403", async () => {
  const asked: string[] = [];
  const forbidden = failure(403, "Forbidden", "no");
  const given = [new ConnectionError("connection refused"), forbidden, secret("a")];
  const results = await getSecrets(
    ["a"],
    {
      transport: () => {
        const next = given.shift();
        assert.ok(next !== undefined);
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      server: "https://a.io",
      serviceAccount: { namespace: "team-a", name: "builder" },
      types: [TYPE],
      alsoFor: true,
      clock: CLOCK,
      deadline: 60_000,
      onRetry: (reason) => asked.push(reason),
    },
    () => assert.fail("nothing is left out"),
    ({ name }) => name,
  );
  assert.deepEqual(results, ["a"]);
  assert.deepEqual(asked, ["connection refused", "HTTP status 403 Forbidden: no"]);
});

Deno.test("named secrets have 32 Mi characters together", async () => {
  const names = Array.from({ length: 17 }, (_, index) => `s${index}`);
  const answers = (length: number) =>
    Object.fromEntries(names.map((name, index) => {
      const { body, ...rest } = secret(name);
      return [name, { ...rest, body: body.padStart(index === 16 ? length : 2 * MI - 100) }];
    }));
  assert.equal((await get(names, answers(1600))).results.length, 17);
  await assert.rejects(
    get(names, answers(1601)),
    /the secrets of namespace "team-a" are larger than the 33554432 characters that are read/,
  );
});
