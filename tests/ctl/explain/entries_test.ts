import assert from "node:assert/strict";
import fc from "fast-check";
import { choose, rank } from "../../../src/credentials/choose.ts";
import { judgeCredentials, readEntries } from "../../../src/ctl/explain/entries.ts";
import type { Secret } from "../../../src/kubernetes/secrets/secret.ts";
import { SECRET_DATA_KEYS, type SecretType } from "../../../src/kubernetes/secrets/secret_types.ts";
import { canonicalHost } from "../../../src/credentials/scope.ts";
import { key, pullSources } from "../../support/resolution_cases.ts";
import { lookedThrough } from "../../support/secrets_read.ts";
import { share } from "../../support/share.ts";

const AUTH = btoa("user:s3cret");
const SOURCES = [{ host: "m.io", path: "team/app" }];

function secretOf(
  name: string,
  text: string,
  type: SecretType = "kubernetes.io/dockerconfigjson",
): Secret {
  return {
    name,
    type,
    data: { [SECRET_DATA_KEYS[type]]: new TextEncoder().encode(text).toBase64() },
  };
}

Deno.test("what is broken says whether this pull looks into it", () => {
  const read = lookedThrough([
    secretOf("a", `{"auths": {"quay.io": ]}}`),
    secretOf("b", `{"auths": {"m.io": ]}}`),
    secretOf("c", JSON.stringify({ auths: { "is no host": {}, "m.io is none": {} } })),
    secretOf("d", "no JSON"),
  ], SOURCES);
  assert.deepEqual(
    readEntries(read).unusable.map(({ secret, key, passedOver = false }) => [
      secret,
      key,
      passedOver,
    ]),
    [
      ["a", undefined, true],
      ["b", undefined, false],
      ["c", "is no host", true],
      ["c", "m.io is none", false],
      ["d", undefined, false],
    ],
  );
});

Deno.test("an annotation that is not read is told, and is not said to be passed over", () => {
  const secret = secretOf("a", JSON.stringify({ auths: { "quay.io": { auth: AUTH } } }));
  const { unusable } = readEntries(lookedThrough([{ ...secret, ignoresAlsoFor: true }], SOURCES));
  assert.deepEqual(unusable, [{
    secret: "a",
    annotation: "crio-credential-provider/also-for",
    reason: "annotation crio-credential-provider/also-for is not looked at: --also-for off",
  }]);
});

Deno.test("what is chosen comes from what the pull has, whatever else the secrets hold", () => {
  const secrets = ["a", "b"].map((name) =>
    secretOf(name, JSON.stringify({ auths: { "m.io": { auth: AUTH } } }))
  );
  const [first = assert.fail()] = secrets;
  const { found } = lookedThrough([first], SOURCES);
  const judged = judgeCredentials(
    SOURCES[0] ?? assert.fail(),
    found,
    readEntries({ secrets, found }),
  );
  assert.deepEqual(
    judged.map(({ candidate: { secret }, verdict }) => [secret, verdict === "chosen"]),
    [["a", true], ["b", false]],
  );
});

const registryKey = fc.oneof(
  { weight: 4, arbitrary: key },
  { weight: 1, arbitrary: fc.constantFrom("is no host", "a.x.io is none", "*", "u:s3cret@b.x.io") },
);
const entry = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom({ auth: AUTH }, { username: "u", password: "s3cret" }) },
  { weight: 1, arbitrary: fc.constantFrom({}, { auth: "no base64!" }, null, { email: "a@b" }) },
);
const auths = fc.dictionary(registryKey, entry, { maxKeys: 3 });
const content = fc.oneof(
  { weight: 5, arbitrary: auths.map((auths) => JSON.stringify({ auths })) },
  auths.map((auths) => JSON.stringify({ Auths: auths })),
  auths.map((auths) => JSON.stringify(auths)),
  // As JSON may write it: with characters by their numbers, and white space around.
  auths.map((auths) => ` ${JSON.stringify({ auths }).replaceAll("x.io", "\\u0078.io")}\n`),
  auths.map((auths) => JSON.stringify({ auths }).slice(0, -1)),
  fc.constantFrom("", "{", "[]", `{"auths": {"a.x.io": ]}}`, `{"auths": {"c.io": ]}}`),
);
const alsoFor = fc.option(
  fc.oneof(
    fc.tuple(registryKey, registryKey).map(([from, to]) => `${from}=${to}`),
    registryKey,
    fc.constantFrom("", "a.x.io,", "c.io, d.io"),
  ),
  { nil: undefined },
);
const TYPES = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"] as const;
const secrets = fc.array(
  fc.tuple(content, fc.constantFrom(...TYPES), alsoFor).map(([text, type, alsoFor]) => ({
    ...secretOf("", text, type),
    ...(alsoFor !== undefined && { alsoFor }),
  })),
  // More than are looked at together.
  { maxLength: 20 },
).map((secrets) => secrets.map((secret, index): Secret => ({ ...secret, name: `s${index + 10}` })));

Deno.test("what a pull passes over is nothing that its choice or its log could have been made of", () => {
  let passedOver = 0, chosen = 0;
  fc.assert(
    fc.property(secrets, pullSources, (secrets, sources) => {
      const read = lookedThrough(secrets, sources);
      const entries = readEntries(read);
      const choice = choose(sources, read.found.credentials);
      const ofAll = choose(sources, entries.credentials);
      assert.deepEqual([choice.chosen, choice.warnings], [ofAll.chosen, ofAll.warnings]);
      for (const source of sources) {
        assert.deepEqual(
          judgeCredentials(source, read.found, entries),
          rank(source, entries.credentials),
        );
      }
      const hosts = sources.map(({ host }) => canonicalHost(host));
      const named = (text: string) =>
        text.includes("*") || hosts.some((host) => text.includes(host));
      for (const { passedOver, secret, key, annotation } of entries.unusable) {
        if (!passedOver) continue;
        const { type, data, alsoFor = "" } = secrets.find(({ name }) => name === secret) ??
          assert.fail();
        const text = atob(String(data[SECRET_DATA_KEYS[type]]));
        assert.ok(!named(annotation === undefined ? key ?? text : alsoFor), secret);
      }
      chosen += choice.chosen.length;
      passedOver += entries.unusable.filter(({ passedOver }) => passedOver).length;
    }),
    { numRuns: share(1000, 20_000) },
  );
  assert.ok(passedOver > 100 && chosen > 100, `${passedOver} passed over, ${chosen} chosen`);
});
