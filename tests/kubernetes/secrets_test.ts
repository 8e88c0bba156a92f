import assert from "node:assert/strict";
import { ConnectionError } from "../../src/kubernetes/connection_failure.ts";
import { listSecrets } from "../../src/kubernetes/secrets.ts";
import type { HttpAnswer } from "../../src/kubernetes/transport.ts";

const CLOCK = {
  now: () => 0,
  sleep: () => Promise.resolve(),
  random: () => 0,
  today: () => 0,
};

function answer(status: number, body: unknown, retryAfter: string | null = null): HttpAnswer {
  return { status, retryAfter, body: typeof body === "string" ? body : JSON.stringify(body) };
}

function page(names: readonly string[], next?: string, type = "kubernetes.io/dockerconfigjson") {
  const items = names.map((name) => ({ metadata: { name }, type, data: { key: "dmFsdWU=" } }));
  return answer(200, { kind: "SecretList", metadata: { continue: next }, items });
}

function failure(code: number, reason: string, message = "") {
  return answer(code, { kind: "Status", status: "Failure", reason, message, code });
}

/** Lists against answers given in turn; the last one is repeated. */
async function list(
  answers: readonly (HttpAnswer | Error)[],
  types: Parameters<typeof listSecrets>[0]["types"] = ["kubernetes.io/dockerconfigjson"],
) {
  const paths: string[] = [];
  const retries: string[] = [];
  const secrets = await listSecrets({
    transport: (path) => {
      paths.push(path);
      const given = answers[paths.length - 1] ?? answers.at(-1);
      assert.ok(given);
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
    },
    server: "https://a.io",
    serviceAccount: { namespace: "team-a", name: "builder" },
    types,
    clock: CLOCK,
    deadline: 60_000,
    onRetry: (reason) => retries.push(reason),
  });
  return { names: secrets.map(({ name }) => name), paths, retries };
}

Deno.test("secrets are asked for by type in pages of 500", async () => {
  const { names, paths } = await list([page(["a", "b"], "next"), page(["c"])]);
  assert.deepEqual(names, ["a", "b", "c"]);
  const query = "fieldSelector=type%3Dkubernetes.io%2Fdockerconfigjson&limit=500";
  assert.deepEqual(paths, [
    `/api/v1/namespaces/team-a/secrets?${query}`,
    `/api/v1/namespaces/team-a/secrets?${query}&continue=next`,
  ]);
});

Deno.test("a list may be longer than a call has room for arguments", async () => {
  const names = Array.from({ length: 30_000 }, (_, index) => `secret-${index}`);
  const pages = [1, 2, 3, 4, 5].map((number) => page(names, `token-${number}`));
  assert.equal((await list([...pages, page(["last"])])).names.length, 150_001);
});

Deno.test("secrets of several types are put in the order of their names", async () => {
  const { names } = await list(
    [page(["b", "d"]), page(["a", "c"], "", "kubernetes.io/dockercfg")],
    [
      "kubernetes.io/dockerconfigjson",
      "kubernetes.io/dockercfg",
    ],
  );
  assert.deepEqual(names, ["a", "b", "c", "d"]);
});

Deno.test("a secret of a type that was not asked for is left out", async () => {
  assert.deepEqual((await list([page(["a"], "", "Opaque")])).names, []);
});

Deno.test("an empty list may lack its items", async () => {
  assert.deepEqual((await list([answer(200, { kind: "SecretList", items: null })])).names, []);
});

Deno.test("a continue token that expired begins the list again, without what came so far", async () => {
  const { names, paths } = await list([
    page(["gone"], "old"),
    failure(410, "Expired"),
    page(["a"], "new"),
    page(["b"]),
  ]);
  assert.deepEqual(names, ["a", "b"]);
  assert.deepEqual(paths.map((path) => path.split("continue=")[1]), [
    undefined,
    "old",
    undefined,
    "new",
  ]);
});

Deno.test("continue tokens that never stop expiring are given up on", async () => {
  const answers = Array.from(
    { length: 20 },
    (_, index) => index % 2 === 0 ? page([], "old") : failure(410, "Expired", "too old"),
  );
  await assert.rejects(list(answers), /were not listed: HTTP status 410 Expired: too old/);
});

Deno.test("continue tokens that take turns are given up on", async () => {
  const answers = Array.from({ length: 20 }, (_, index) => page([], index % 2 ? "odd" : "even"));
  await assert.rejects(list([...answers, page(["last"])]), /its continue token does not move on/);
});

Deno.test("a list of ever new pages is given up on", async () => {
  const answers = Array.from({ length: 2000 }, (_, index) => page([], `token-${index}`));
  await assert.rejects(list(answers), /SecretList of https:\/\/a\.io: has more than 1000 pages/);
  assert.deepEqual((await list([...answers.slice(0, 999), page(["last"])])).names, ["last"]);
});

for (const status of [408, 429, 500, 502, 503, 504]) {
  Deno.test(`status ${status} is tried again`, async () => {
    const { names, retries } = await list([failure(status, "Busy"), page(["a"])]);
    assert.deepEqual(names, ["a"]);
    assert.deepEqual(retries, [`HTTP status ${status} Busy`]);
  });
}

Deno.test("a server that was unreachable a moment ago is asked again after a 403, which stands at last", async () => {
  const forbidden = failure(403, "Forbidden", "no");
  const unreachable = new ConnectionError("connection refused");
  const { names, retries } = await list([unreachable, forbidden, page(["a"])]);
  assert.deepEqual(names, ["a"]);
  assert.deepEqual(retries, ["connection refused", "HTTP status 403 Forbidden: no"]);
  await assert.rejects(list([unreachable, forbidden]), /the Role is missing/);
});

const REFUSED: readonly [name: string, answer: HttpAnswer, error: RegExp][] = [
  [
    "401",
    failure(401, "Unauthorized", "Unauthorized"),
    /the token of service account "team-a\/builder" was not accepted: HTTP status 401 Unauthorized: .*serviceAccountTokenAudience.*Role.*namespace "team-a"/,
  ],
  [
    "403",
    failure(403, "Forbidden", "secrets is forbidden"),
    /service account "team-a\/builder" may not list secrets in namespace "team-a": HTTP status 403 Forbidden: secrets is forbidden; the Role is missing: kubectl create role crio-credential-provider -n team-a --verb=list --resource=secrets && kubectl create rolebinding crio-credential-provider -n team-a --role=crio-credential-provider --serviceaccount=team-a:builder$/,
  ],
  [
    "more JSON values than a list has",
    answer(200, `{"kind":"SecretList","items":[${"{},".repeat(200_000)}{}]}`),
    /SecretList of https:\/\/a\.io: holds more than \d+ JSON values/,
  ],
  [
    "an error that is too long to be read",
    answer(404, `{"kind":"Status","message":"no","details":[${"{},".repeat(200_000)}{}]}`),
    /were not listed: HTTP status 404$/,
  ],
  ["404", answer(404, "404 page not found"), /were not listed: HTTP status 404$/],
  ["a redirect", answer(302, ""), /answered with a redirect \(302\), which is not followed/],
  ["no JSON", answer(200, "<html>s3cret"), /SecretList of https:\/\/a\.io: not valid JSON/],
  ["another kind", answer(200, { kind: "PodList" }), /"kind" must be "SecretList"/],
  ["a nameless secret", answer(200, { kind: "SecretList", items: [{}] }), /"items\[0\]\.metadata"/],
  [
    "a continue token that stays the same",
    page(["a"], "same"),
    /its continue token does not move on/,
  ],
];

for (const [name, given, error] of REFUSED) {
  Deno.test(`an answer of ${name} is an error`, async () => {
    await assert.rejects(list([given]), (thrown: Error) => {
      assert.match(thrown.message, error);
      assert.ok(!thrown.message.includes("s3cret"));
      return true;
    });
  });
}
