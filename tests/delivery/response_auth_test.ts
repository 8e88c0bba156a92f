import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { choose } from "../../src/credentials/choose.ts";
import type { ScopedCredential } from "../../src/credentials/docker_config.ts";
import { parseScope } from "../../src/credentials/scope.ts";
import {
  answerWithPairs,
  authOf,
  describeWithheld,
  offerCredentials,
  orderedKeys,
} from "../../src/delivery/response_auth.ts";
import type { Repository } from "../../src/sources/reference.ts";
import { share } from "../support/share.ts";

const IMAGE = "docker.io/library/nginx";
const MIRROR: Repository = { host: "m.example.com", path: "hub/library/nginx" };
const BACKUP: Repository = { host: "b.example.com:5000", path: "library/nginx" };
const ORIGIN: Repository = { host: "registry-1.docker.io", path: "library/nginx" };

function credential(
  key: string,
  login: string,
  { secret = "s", identitytoken }: { secret?: string; identitytoken?: string } = {},
): ScopedCredential {
  const scope = parseScope(key);
  if (scope === undefined) throw new Error(`no scope: ${key}`);
  const auth = btoa(login);
  const found = identitytoken === undefined ? { auth } : { auth, identitytoken };
  return { scope, credential: found, secret, key };
}

function given(
  hosts: Repository[],
  credentials: ScopedCredential[],
  alsoOffer: string[] = [],
  image = IMAGE,
) {
  return Object.entries(
    authOf(offerCredentials(image, choose(hosts, credentials), alsoOffer).tries),
  )
    .map(([key, { username, password }]) => `${key}=${username}:${password}`);
}

Deno.test("a pair is given when each host that is asked may have it", async (t) => {
  const empty = "docker.io=:";
  const cases: [string, Repository[], ScopedCredential[], string[], string[]][] = [
    ["a mirror alone", [MIRROR, MIRROR], [credential("m.example.com", "u:p")], [], [
      "docker.io/library/nginx=u:p",
      empty,
    ]],
    ["the origin would see it", [MIRROR, ORIGIN], [credential("m.example.com", "u:p")], [], []],
    [
      "the same pair is held for the origin",
      [MIRROR, ORIGIN],
      [credential("m.example.com", "u:p"), credential("https://index.docker.io/v1/", "u:p")],
      [],
      ["docker.io/library/nginx=u:p", empty],
    ],
    [
      "another pair is held for the origin",
      [MIRROR, ORIGIN],
      [credential("m.example.com", "u:p"), credential("docker.io", "x:y")],
      [],
      [],
    ],
    [
      "the same pair is held for another path of the mirror",
      [MIRROR, BACKUP],
      [credential("m.example.com", "u:p"), credential("b.example.com:5000/other", "u:p")],
      [],
      [],
    ],
    [
      "consent by host and port",
      [MIRROR, BACKUP],
      [credential("m.example.com", "u:p")],
      ["b.example.com:5000"],
      ["docker.io/library/nginx=u:p", empty],
    ],
    [
      "consent to another port",
      [MIRROR, BACKUP],
      [credential("m.example.com", "u:p")],
      ["b.example.com"],
      [],
    ],
    [
      "consent to Docker Hub by another of its names",
      [MIRROR, ORIGIN],
      [credential("m.example.com", "u:p")],
      ["docker.io"],
      ["docker.io/library/nginx=u:p", empty],
    ],
    [
      "two pairs with consent, in the order of the hosts",
      [MIRROR, BACKUP],
      [credential("b.example.com:5000", "x:y"), credential("m.example.com", "u:p")],
      ["b.example.com:5000", "m.example.com"],
      ["docker.io/library/nginx=u:p", "docker.io/library/ngin=x:y", empty],
    ],
    [
      "one pair for two hosts",
      [MIRROR, BACKUP],
      [credential("b.example.com:5000", "u:p"), credential("m.example.com", "u:p")],
      [],
      ["docker.io/library/nginx=u:p", empty],
    ],
    ["no credential", [MIRROR, ORIGIN], [], ["docker.io"], []],
    [
      "the longest path",
      [MIRROR],
      [
        credential("m.example.com/hub", "u:p"),
        credential("m.example.com", "x:y"),
      ],
      [],
      ["docker.io/library/nginx=u:p", empty],
    ],
    [
      "of equal scopes the last",
      [MIRROR],
      [
        credential("m.example.com", "x:y", { secret: "a" }),
        credential("m.example.com", "u:p", { secret: "b" }),
      ],
      [],
      ["docker.io/library/nginx=u:p", empty],
    ],
    ["no user name", [MIRROR], [credential("m.example.com", ":p")], [], []],
    ["no password", [MIRROR], [credential("m.example.com", "u:")], [], []],
    [
      "an identity token",
      [MIRROR],
      [
        credential("m.example.com", "u:p", { identitytoken: "t" }),
      ],
      [],
      [],
    ],
    ["a password with a colon", [MIRROR], [credential("m.example.com", "u:p:q")], [], [
      "docker.io/library/nginx=u:p:q",
      empty,
    ]],
  ];
  for (const [name, hosts, credentials, alsoOffer, expected] of cases) {
    await t.step(name, () => deepStrictEqual(given(hosts, credentials, alsoOffer), expected));
  }
});

Deno.test("a credential that is withheld is named with the host and both remedies", () => {
  const { offers } = offerCredentials(
    IMAGE,
    choose([MIRROR, ORIGIN], [credential("m.example.com", "user:SECRET", { secret: "mine" })]),
    [],
  );
  const [text = ""] = offers.map(describeWithheld);
  for (const part of ['"mine"', "registry-1.docker.io", "add a key", "--containerd-also-offer"]) {
    ok(text.includes(part), `${part} is missing in: ${text}`);
  }
  strictEqual(text.includes("SECRET"), false);
});

Deno.test("an identity token is withheld with the reason", () => {
  const token = credential("m.example.com", "u:p", { identitytoken: "SECRET" });
  const { offers } = offerCredentials(IMAGE, choose([MIRROR], [token]), []);
  const [text = ""] = offers.map(describeWithheld);
  match(text, /is withheld: it is an identity token, or lacks user name or password/);
  strictEqual(text.includes("SECRET"), false);
});

Deno.test("the answer has the pairs, or none, and a warning for each that is withheld", () => {
  const settings = { containerdAlsoOffer: [], cacheDuration: 60_000 };
  const warnings: string[] = [];
  const answer = (hosts: Repository[]) => {
    const choice = choose(hosts, [credential("m.example.com", "u:p")]);
    return answerWithPairs(choice, IMAGE, settings, (warning) => warnings.push(warning));
  };
  const given = answer([MIRROR]);
  match(given.response, /"docker\.io\/library\/nginx":\{"username":"u"/);
  deepStrictEqual([given.outcome, given.facts, warnings], [
    "gave pairs to the kubelet",
    { pairs: 1 },
    [],
  ]);
  const withheld = answer([MIRROR, ORIGIN]);
  deepStrictEqual([withheld.outcome, withheld.facts], ["no pair for the kubelet", { pairs: 0 }]);
  strictEqual(withheld.response.includes("username"), false);
  strictEqual(warnings.length, 1);
  // Nothing was written that could be taken back.
  for (const { withdraw } of [given, withheld]) withdraw();
});

Deno.test("more pairs than an answer can order are withheld with a reason", () => {
  const hosts = ["a", "b", "c", "d", "e"].map((name) => ({ host: `${name}.io`, path: "x/y" }));
  const credentials = hosts.map(({ host }) => credential(host, `${host}:p`));
  const consent = hosts.map(({ host }) => host);
  const { offers, tries } = offerCredentials(IMAGE, choose(hosts, credentials), consent);
  strictEqual(tries.length, 5);
  match(offers.map(describeWithheld)[4] ?? "", /4 different ones/);
  // A path of one character has one key beside the host's.
  strictEqual(
    offerCredentials("m.io/a", choose(hosts, credentials), consent).tries.length,
    2,
  );
});

Deno.test("keys are tried from the longest on, and begin before v1/ and v2/", async (t) => {
  const cases: [string, string[]][] = [
    ["docker.io/library/nginx", [
      "docker.io/library/nginx",
      "docker.io/library/ngin",
      "docker.io/library/ngi",
      "docker.io/library/ng",
      "docker.io",
    ]],
    ["localhost:5000/ab", ["localhost:5000/ab", "localhost:5000/a", "localhost:5000"]],
    ["m.io/v2/team/app", ["m.io/v2", "m.io/v", "m.io"]],
    ["m.io/v1/a", ["m.io/v1", "m.io/v", "m.io"]],
    ["m.io/v3/a", ["m.io/v3/a", "m.io/v3/", "m.io/v3", "m.io/v", "m.io"]],
  ];
  for (const [image, expected] of cases) {
    await t.step(image, () => deepStrictEqual(orderedKeys(image), expected));
  }
});

/** Keys and hosts of few letters, so that they meet. */
const HOST = fc.constantFrom("a.io", "b.io", "c.io:5000", "registry-1.docker.io");
const PATH = fc.constantFrom("x/y", "x", "hub/x/y", "z");
const KEY = fc.tuple(
  fc.constantFrom("a.io", "b.io", "c.io:5000", "docker.io", "*.io", "https://index.docker.io/v1/"),
  fc.constantFrom("", "/x", "/hub", "/x/y"),
).map(([host, path]) => host.endsWith("/") ? host : host + path);
const LOGIN = fc.constantFrom("u:p", "x:y", ":p", "u:", "q:r");

/** Who may see what, by the words of the rule and none of its code. */
function mayHave(login: string, host: Repository, keys: [string, string][], consent: string[]) {
  const hub = (name: string) =>
    ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(name) ? "hub" : name;
  if (consent.some((name) => hub(name) === hub(host.host))) return true;
  return keys.some(([key, held]) => {
    if (held !== login) return false;
    const plain = key.replace("https://", "").replace(/\/v1\/$/, "");
    const [name = "", ...rest] = plain.split("/");
    const path = rest.join("/");
    const sameHost = name === "*.io"
      ? /^[^.:]+\.io$/.test(hub(host.host) === "hub" ? "docker.io" : host.host)
      : hub(name) === hub(host.host);
    return sameHost && (path === "" || `${host.path}/`.startsWith(`${path}/`));
  });
}

Deno.test("no pair reaches a host that no secret covers and nobody consented to", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ host: HOST, path: PATH }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(KEY, LOGIN), { maxLength: 6 }),
      fc.subarray(["a.io", "b.io", "c.io:5000", "docker.io"]),
      (hosts, keys, consent) => {
        const credentials = keys.map(([key, login]) => credential(key, login));
        const { tries, offers } = offerCredentials(IMAGE, choose(hosts, credentials), consent);
        const pairs = tries.map(({ pair: { username, password } }) => `${username}:${password}`);
        // Each pair given is offered to each of the hosts.
        for (const pair of pairs.slice(0, -1)) {
          for (const host of hosts) {
            ok(mayHave(pair, host, keys, consent), `${pair} to ${host.host}`);
          }
          ok(!pair.startsWith(":") && !pair.endsWith(":"));
        }
        if (pairs.length > 0) strictEqual(pairs.at(-1), ":");
        strictEqual(new Set(pairs).size, pairs.length);
        // And none is withheld that may be given.
        for (const { credential: chosen, withheld } of offers) {
          if (withheld?.kind !== "uncovered") continue;
          const login = atob(chosen.credential.auth);
          ok(!hosts.every((host) => mayHave(login, host, keys, consent)), `${login} is withheld`);
        }
      },
    ),
    { numRuns: share(2_000, 100_000) },
  );
});
