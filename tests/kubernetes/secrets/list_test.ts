import assert from "node:assert/strict";
import { readSecret } from "../../../src/credentials/docker_config.ts";
import { formatScope } from "../../../src/credentials/scope.ts";
import { ConnectionError } from "../../../src/kubernetes/connection_failure.ts";
import { listPages } from "../../../src/kubernetes/secrets/list.ts";
import type { HttpAnswer } from "../../../src/kubernetes/transport.ts";
import {
  ACCOUNT,
  answer,
  CLOCK,
  failure,
  LARGE,
  list,
  MI,
  page,
  sized,
} from "../../support/secret_answers.ts";
import { serviceAccountToken } from "../../support/service_account_token.ts";

const TOKEN = serviceAccountToken();

Deno.test("secrets are asked for by type in pages of 500", async () => {
  const { names, paths } = await list([page(["a", "b"], "next"), page(["c"])]);
  assert.deepEqual(names, ["a", "b", "c"]);
  const query = "fieldSelector=type%3Dkubernetes.io%2Fdockerconfigjson&limit=500";
  assert.deepEqual(paths, [
    `/api/v1/namespaces/team-a/secrets?${query}`,
    `/api/v1/namespaces/team-a/secrets?${query}&continue=next`,
  ]);
});

Deno.test("lists as an API server serves them are read, entry by entry", async () => {
  const fixture = (name: string) =>
    answer(
      200,
      Deno.readTextFileSync(
        new URL(`../../../fixtures/secrets/${name}-list.json`, import.meta.url),
      ),
    );
  const { secrets } = await list(
    [fixture("dockerconfigjson"), fixture("dockercfg")],
    ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"],
  );
  const credentials = secrets.flatMap((secret) =>
    readSecret(secret, (name) => assert.fail(`${name} is not broken`))
  );
  const decode = (auth: string) => new TextDecoder().decode(Uint8Array.fromBase64(auth));
  const nobody = "00000000-0000-0000-0000-000000000000:";
  assert.deepEqual(
    credentials.map(({ secret, scope, credential: { auth, identitytoken } }) =>
      [secret, formatScope(scope), decode(auth), identitytoken].join(" ").trim()
    ),
    [
      `azure-login team.azurecr.io ${nobody} refresh-token`,
      ...[
        "172.30.20.5:5000",
        "default-route-openshift-image-registry.apps.prod.example.com",
        "image-registry.openshift-image-registry.svc.cluster.local:5000",
        "image-registry.openshift-image-registry.svc:5000",
      ].map((host) => `default-dockercfg-x7k2p ${host} <token>:sa-token`),
      "kubectl-created docker.io myuser:pass:word",
      "pull-secret cloud.openshift.com cloud:token-1",
      "pull-secret mirror.example.com:8443 mirror:token-4",
      "pull-secret quay.io quay:token-2",
      "pull-secret registry.connect.redhat.com uhc:token-3",
      "wildcard *.registry.example.com all:pässwörd",
      "wildcard registry.example.com one:p",
      "wildcard registry.example.com/team/app team:p",
    ],
  );
});

Deno.test("a continue token is sent as it came, whatever it is made of", async () => {
  const token = "a+b/c=&limit=1#%";
  const { paths } = await list([page(["a"], token), page(["b"])]);
  const query = new URL(paths[1] ?? "", "https://a.io").searchParams;
  assert.deepEqual([query.get("continue"), query.get("limit")], [token, "500"]);
});

Deno.test("a list of pages without end is given up on at 32 Mi characters", async () => {
  const full = ["1", "2", "3"].map((next) => sized(["a"], 8 * MI, next));
  const rest = (length: number) => [sized(["b"], 8 * MI - length, "4"), sized(["c"], 200)];
  assert.deepEqual((await list([...full, ...rest(200)])).names, ["a", "a", "a", "b", "c"]);
  await assert.rejects(
    list([...full, ...rest(199)]),
    /^UserError: https:\/\/a\.io: the secrets of namespace "team-a" are larger than the 33554432 characters that are read; .*annotation.*ResourceQuota$/,
  );
});

Deno.test("the lists of several types have 32 Mi characters together", async () => {
  const both = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"] as const;
  await assert.rejects(list([sized([], 17 * MI), sized([], 17 * MI)], both), /are larger than the/);
  assert.deepEqual((await list([sized([], 16 * MI), sized([], 16 * MI)], both)).names, []);
});

Deno.test("a page that is too large is asked for again as a smaller one, and so are those behind it", async () => {
  const { names, paths } = await list([
    page(["a"], "1"),
    LARGE,
    page(["b"], "2"),
    LARGE,
    page(["c"], "3"),
    page(["d"]),
  ]);
  assert.deepEqual(names, ["a", "b", "c", "d"]);
  assert.deepEqual(
    paths.map((path) => {
      const query = new URL(path, "https://a.io").searchParams;
      return `${query.get("limit")} from ${query.get("continue") ?? "the start"}`;
    }),
    ["500 from the start", "500 from 1", "50 from 1", "50 from 2", "4 from 2", "4 from 3"],
  );
});

Deno.test("a page of the smallest size that is too large is an error", async () => {
  await assert.rejects(list([LARGE]), /the answer is larger than 8388608 bytes$/);
});

Deno.test("a list begins anew three times, and no more", async () => {
  const answers = [1, 2, 3].flatMap(() => [page(["gone"], "old"), failure(410, "Expired")]);
  assert.deepEqual((await list([...answers, page(["a"])])).names, ["a"]);
});

Deno.test("410 is an error where no continue token was sent", async () => {
  await assert.rejects(list([failure(410, "Expired")]), /were not listed: HTTP status 410 Expired/);
});

for (const status of [400, 404, 405, 409, 422, 501]) {
  Deno.test(`status ${status} is not tried again`, async () => {
    await assert.rejects(list([failure(status, "No", "never"), page(["a"])]), {
      name: "UserError",
      message:
        `https://a.io: secrets of namespace "team-a" were not listed: HTTP status ${status} No: never`,
    });
  });
}

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
  await assert.rejects(
    list([...answers, page(["last"])]),
    /its continue token is one that it gave before/,
  );
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
    /the token of service account "team-a\/builder" was not accepted: HTTP status 401 Unauthorized: Unauthorized; .*serviceAccountTokenAudience of the CredentialProviderConfig.*kubectl create token default -n team-a -o jsonpath='\{\.spec\.audiences\[0\]\}'$/,
  ],
  [
    "403",
    failure(403, "Forbidden", "secrets is forbidden"),
    /service account "team-a\/builder" may not list secrets in namespace "team-a": HTTP status 403 Forbidden: secrets is forbidden; the Role is missing: kubectl create role crio-credential-provider -n team-a --verb=list --resource=secrets && kubectl create rolebinding crio-credential-provider -n team-a --role=crio-credential-provider --serviceaccount=team-a:builder; or let the account name its secrets \(crio-credential-ctl generate rbac --secret\)$/,
  ],
  [
    "more JSON values than a list has",
    answer(200, `{"kind":"SecretList","items":[${"{},".repeat(400_000)}{}]}`),
    /SecretList of https:\/\/a\.io: has more than \d+ JSON values/,
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
  [
    "half a list",
    answer(200, `{"kind": "SecretList", "items": [{"data": "s3cret`),
    /not valid JSON/,
  ],
  ["nothing", answer(200, ""), /SecretList of https:\/\/a\.io: is empty, expected JSON/],
  ["an array", answer(200, ["s3cret"]), /SecretList of https:\/\/a\.io: it must be an object/],
  ["items that are no list", answer(200, { kind: "SecretList", items: "s3cret" }), /"items" must/],
  [
    "a secret whose data is no object",
    answer(200, {
      kind: "SecretList",
      items: [{ metadata: { name: "a" }, data: "s3cret" }],
    }),
    /"items\[0\]\.data" must be an object/,
  ],
  ["a Status without words", answer(404, { kind: "Status" }), /listed: HTTP status 404$/],
  ["a page without words", answer(403, "<html>s3cret"), /: HTTP status 403; the Role is missing/],
  [
    "a message that holds a token",
    failure(404, "NotFound", `no route for Bearer ${TOKEN} or ${TOKEN.slice(0, 30)} of a pod`),
    /404 NotFound: no route for Bearer \[masked\] or \[masked\] of a pod$/,
  ],
  [
    "a message that holds a token where it is cut",
    failure(404, "NotFound", `${"x".repeat(290)} ${TOKEN}`),
    /: x{290} \[masked\]$/,
  ],
  [
    "an endless reason",
    failure(403, "Forbidden", "x".repeat(9999)),
    /: x{300}… \(9999 characters\); the Role is/,
  ],
  ["an item that is none", answer(200, { kind: "SecretList", items: [1] }), /"items\[0\]/],
  ["a nameless secret", answer(200, { kind: "SecretList", items: [{}] }), /"items\[0\]\.metadata"/],
  [
    "a continue token that stays the same",
    page(["a"], "same"),
    /its continue token is one that it gave before/,
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

/** Lists page by page; what happens is told in order. */
async function listEvents(answers: readonly HttpAnswer[], read: (names: string[]) => unknown) {
  const events: string[] = [];
  let sent = 0;
  const results = await listPages({
    transport: (path) => {
      events.push(`asked for ${new URLSearchParams(path.split("?")[1]).get("continue") ?? "all"}`);
      const given = answers[sent++];
      assert.ok(given);
      return Promise.resolve(given);
    },
    server: "https://a.io",
    serviceAccount: ACCOUNT,
    types: ["kubernetes.io/dockerconfigjson"],
    alsoFor: true,
    clock: CLOCK,
    deadline: 60_000,
    onRetry: () => {},
  }, (page) => {
    const names = page.map(({ name }) => name);
    events.push(`read ${names}`);
    return read(names);
  });
  return { events, results };
}

Deno.test("a page is read while the next is on its way", async () => {
  const pages = [page(["b"], "2"), page(["a"], "3"), page([])];
  const { events, results } = await listEvents(pages, (names) => names.length);
  assert.deepEqual(events, [
    ...["asked for all", "asked for 2", "read b", "asked for 3", "read a", "read "],
  ]);
  assert.deepEqual(results, [1, 1, 0]);
});

Deno.test("what was made of a list's pages is dropped when the list is begun anew", async () => {
  const expired = failure(410, "Expired");
  const pages = [page(["a"], "2"), page(["b"], "3"), expired, page(["c"], "2"), page(["d"])];
  const { events, results } = await listEvents(pages, (names) => names.join());
  assert.deepEqual(results, ["c", "d"]);
  assert.deepEqual(events.filter((event) => event === "asked for all").length, 2);
});

Deno.test("a page that cannot be read ends the list, whatever becomes of the next", async () => {
  const pages = [page(["a"], "2"), failure(403, "Forbidden")];
  const tooSlow = () => {
    throw new Error("too slow");
  };
  await assert.rejects(listEvents(pages, tooSlow), /^Error: too slow$/);
});
