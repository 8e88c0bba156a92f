import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_ALSO_FOR, parseAlsoFor } from "../../src/credentials/also_for.ts";
import { choose } from "../../src/credentials/choose.ts";
import { readSecret, type ScopedCredential } from "../../src/credentials/docker_config.ts";
import { readCredentials } from "../../src/credentials/namespace_credentials.ts";
import { formatScope, parseScope } from "../../src/credentials/scope.ts";
import { formatAuthFile } from "../../src/delivery/auth_file/auth_file.ts";
import { composeAuthFile } from "../../src/delivery/auth_file/resolve.ts";
import { authOf, offerCredentials } from "../../src/delivery/response_auth.ts";
import { UserError } from "../../src/errors.ts";
import type { Secret } from "../../src/kubernetes/secrets/secret.ts";
import { formatRepository, parseRepository, type Repository } from "../../src/sources/reference.ts";
import { lookUpCredential } from "../support/image_library_lookup.ts";
import { hosts, path, pullSources } from "../support/resolution_cases.ts";
import { share } from "../support/share.ts";

const CLOCK = { now: () => 0, sleep: () => Promise.resolve(), random: () => 0, wallClock: () => 0 };

/** A secret whose entries have their keys for user names, and an annotation. */
function secret(name: string, keys: readonly string[], alsoFor?: string): Secret {
  const auths = Object.fromEntries(keys.map((key, index) => [
    key,
    { auth: btoa(`${name}-${index}:password`) },
  ]));
  return {
    name,
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": btoa(JSON.stringify({ auths })) },
    ...(alsoFor !== undefined && { alsoFor }),
  };
}

/** Each credential as `key -> scope`, one by an annotation with a star; then what was left out. */
function read(...secrets: Secret[]): { found: string[]; skipped: string[] } {
  const skipped: string[] = [];
  const found = secrets.flatMap((secret) =>
    readSecret(secret, (name, _key, reason, part) => skipped.push(`${name} ${part}: ${reason}`))
  );
  return { found: found.map(tell), skipped };
}

function tell({ key, scope }: ScopedCredential): string {
  return `${key} -> ${formatScope(scope)}${scope.derived ? "*" : ""}`;
}

const HUB = "https://index.docker.io/v1/";

const WELL_FORMED: readonly [keys: readonly string[], annotation: string, added: string[]][] = [
  [["docker.io"], "docker.io=m.io/hub", ["docker.io -> m.io/hub*"]],
  [["docker.io"], "m.io/hub", ["docker.io -> m.io/hub*"]],
  [["docker.io"], " m.io:5000 , n.io/a/b/ ", [
    "docker.io -> m.io:5000*",
    "docker.io -> n.io/a/b*",
  ]],
  [[HUB], "docker.io = https://m.io/v2/hub", [`${HUB} -> m.io/hub*`]],
  [["docker.io", "quay.io"], "docker.io=m.io/hub, quay.io=m.io/quay", [
    "docker.io -> m.io/hub*",
    "quay.io -> m.io/quay*",
  ]],
  [["docker.io", HUB], "docker.io=m.io", ["docker.io -> m.io*"]],
  [["index.docker.io", HUB], "docker.io=m.io", [
    `${HUB} -> m.io*`,
    "index.docker.io -> m.io*",
  ]],
  [["*.x.io"], "*.x.io=m.io", ["*.x.io -> m.io*"]],
  [["docker.io"], "", []],
  [["docker.io"], " ", []],
];

for (const [keys, annotation, added] of WELL_FORMED) {
  Deno.test(`also-for ${JSON.stringify(annotation)} on ${keys} adds ${added}`, () => {
    const { found, skipped } = read(secret("s", keys, annotation));
    assert.deepEqual(skipped, []);
    assert.deepEqual(found.filter((line) => line.endsWith("*")).sort(), added.toSorted());
    // What the keys say is as without the annotation.
    assert.deepEqual(found.filter((line) => !line.endsWith("*")), read(secret("s", keys)).found);
  });
}

const MALFORMED: readonly [annotation: string, problem: RegExp][] = [
  ["m.io,", /entry 2 is empty/],
  ["m.io,,n.io", /entry 2 is empty/],
  ["docker.io=m.io, docker.io=", /entry 2 names no registry to open/],
  ["=m.io", /entry 1 names no registry before the =/],
  ["m.io, a b.io", /entry 2 names no registry to open/],
  ["docker.io=m.io=n.io", /entry 1 names no registry to open/],
  ["docker.io=m.io/a=b", /entry 1 names no registry to open/],
  ["docker.io=user:password@m.io", /entry 1 names no registry to open/],
  ["docker.io=m.io/hub:latest", /entry 1 names no registry to open/],
  ["docker.io=*.m.io", /entry 1 names a registry by a \*/],
  ["m.io, *", /entry 2 names a registry by a \*/],
  ["m.io, quay.io=n.io", /entry 2 is from a key that the secret does not have/],
  ["docker.io/library=m.io", /entry 1 is from a key that the secret does not have/],
  [Array(MAX_ALSO_FOR + 1).fill("m.io").join(), /has 33 entries, and at most 32 are read/],
  [`m.io/${"a".repeat(40_000)}`, /is longer than 32768 characters/],
];

for (const [annotation, problem] of MALFORMED) {
  const shown = JSON.stringify(annotation.slice(0, 40));
  Deno.test(`also-for ${shown} is ignored as a whole, with a warning that names the secret`, () => {
    const { found, skipped } = read(secret("s", ["docker.io"], annotation));
    assert.deepEqual(found, ["docker.io -> docker.io"]);
    assert.equal(skipped.length, 1);
    assert.match(
      skipped[0] ?? "",
      /^s annotation: annotation crio-credential-provider\/also-for is/,
    );
    assert.match(skipped[0] ?? "", problem);
    assert.doesNotMatch(skipped[0] ?? "", /password/);
  });
}

Deno.test("without a key in front an entry needs a secret of one key", () => {
  const { found, skipped } = read(secret("s", ["docker.io", "quay.io"], "m.io"));
  assert.deepEqual(found, ["docker.io -> docker.io", "quay.io -> quay.io"]);
  assert.match(skipped[0] ?? "", /entry 1 does not say which of the secret's 2 keys is meant/);
});

/** As whom each source is pulled, by the image library's look-up; and what was warned of. */
function pull(images: readonly string[], ...secrets: Secret[]) {
  return pullFrom(repositories(images), secrets);
}

function repositories(texts: readonly string[]): Repository[] {
  return texts.map((text) => {
    const repository = parseRepository(text);
    assert.ok(repository);
    return repository;
  });
}

function pullFrom(sources: readonly Repository[], secrets: readonly Secret[]) {
  const { credentials, skipped } = readCredentials(secrets, sources, { clock: CLOCK, deadline: 1 });
  const choice = choose(sources, credentials);
  const { warnings } = choice;
  const { file } = composeAuthFile(choice, undefined);
  const written = file === undefined ? {} : JSON.parse(formatAuthFile(file));
  const users = sources.map((source) =>
    lookUpCredential(written, formatRepository(source)).map((found) =>
      found.kind === "credential" ? found.username : found.kind
    ).join()
  );
  return { users, warnings, skipped };
}

Deno.test("a login that is meant for a mirror, too, opens it", () => {
  const { users } = pull(
    ["m.io/hub/library/nginx", "m.io/quay/library/nginx", "docker.io/library/nginx"],
    secret("hub", ["docker.io"], "m.io/hub"),
  );
  assert.deepEqual(users, ["hub-0", "none", "hub-0"]);
});

Deno.test("a registry that CRI-O does not contact lends its login to a mirror all the same", () => {
  const { users } = pull(["m.io/hub/nginx"], secret("hub", [HUB, "quay.io"], "docker.io=m.io/hub"));
  assert.deepEqual(users, ["hub-0"]);
});

Deno.test("an equal scope that a key names comes first, whatever the secrets' names", () => {
  for (const [byKey, byAnnotation] of [["a", "b"], ["b", "a"]] as const) {
    const secrets = [
      secret(byKey, ["m.io/hub"]),
      secret(byAnnotation, ["docker.io"], "m.io/hub"),
    ].sort((a, b) => a.name < b.name ? -1 : 1);
    const { users, warnings } = pull(["m.io/hub/nginx"], ...secrets);
    assert.deepEqual([users, warnings], [[`${byKey}-0`], []]);
  }
});

Deno.test("a longer path of an annotation comes before a shorter one of a key", () => {
  const secrets = [secret("a", ["m.io"]), secret("b", ["docker.io"], "m.io/hub")];
  assert.deepEqual(pull(["m.io/hub/nginx"], ...secrets).users, ["b-0"]);
});

Deno.test("of two annotations for one scope the later secret counts, and both are told", () => {
  const secrets = [secret("a", ["docker.io"], "m.io"), secret("b", ["quay.io"], "m.io")];
  const { users, warnings } = pull(["m.io/nginx"], ...secrets);
  assert.deepEqual(users, ["b-0"]);
  assert.deepEqual(warnings, [
    'm.io/nginx has different credentials in secret "a" (key "docker.io", also for "m.io") and ' +
    'secret "b" (key "quay.io", also for "m.io"); the latter is used',
  ]);
});

Deno.test("a malformed annotation is told of also where the pull asks other hosts", () => {
  const many = Array.from({ length: 40 }, (_, index) => secret(`s-${index}`, ["quay.io"]));
  const { skipped } = pull(["a.io/x"], ...many, secret("typo", ["quay.io"], "mirror,"), ...many);
  assert.deepEqual(skipped.map(({ secret, part }) => [secret, part]), [["typo", "annotation"]]);
});

Deno.test("an annotation without a word on the hosts at hand costs no look into the secret", () => {
  const broken: Secret = { ...secret("s", []), data: { ".dockerconfigjson": btoa("{broken}") } };
  assert.deepEqual(pull(["a.io/x"], { ...broken, alsoFor: "m.io" }).skipped, []);
  assert.equal(pull(["m.io/x"], { ...broken, alsoFor: "m.io" }).skipped[0]?.part, "secret");
});

Deno.test("for containerd an annotation covers a host as a key does", () => {
  const offer = (annotation?: string) =>
    offerCredentials(
      "docker.io/hub/nginx",
      choose(
        repositories(["m.io/hub/nginx", "docker.io/hub/nginx"]),
        readSecret(secret("hub", ["docker.io"], annotation), () => {}),
      ),
      [],
    );
  assert.deepEqual(authOf(offer().tries), {});
  assert.equal(offer().offers[0]?.withheld?.kind, "uncovered");
  assert.deepEqual(Object.values(authOf(offer("m.io/hub").tries))[0], {
    username: "hub-0",
    password: "password",
  });
});

// Entries of an annotation, each with whether it is well-formed on a secret with the keys 0 to 1.
const place = fc.tuple(fc.constantFrom(...hosts), path(0))
  .map(([host, path]) => path === "" ? host : `${host}/${path}`);
const annotated = fc.record({
  keys: fc.uniqueArray(place, { minLength: 1, maxLength: 2, selector: canonical }),
  entries: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ from: fc.constantFrom(0, 1, undefined), to: place }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom("", "=a.x.io", "a b", "*.x.io", "c.x.io=b.x.io", "u:p@a.x.io"),
      },
    ),
    { maxLength: 3 },
  ),
});

function canonical(place: string): string {
  return place.replace(/^(?:registry-1|index)\.docker\.io/, "docker.io");
}

Deno.test("no host but those of keys and of well-formed annotations ever gets a credential", () => {
  let byKey = 0, byAnnotation = 0, none = 0;
  fc.assert(
    fc.property(pullSources, fc.array(annotated, { maxLength: 4 }), (sources, made) => {
      // The rule, by brute force and without the program's own reading: user -> places.
      const allowed = new Map<string, string[]>();
      const named = new Map<string, string[]>();
      const secrets = made.map(({ keys, entries }, index) => {
        const name = `s${index}`;
        keys.forEach((key, at) => allowed.set(`${name}-${at}`, [canonical(key)]));
        const texts: string[] = [];
        const targets: [user: string, place: string][] = [];
        let wellFormed = true;
        for (const entry of entries) {
          if (typeof entry === "string") {
            texts.push(entry);
            wellFormed = false;
            continue;
          }
          const key = keys[entry.from ?? 0];
          texts.push(entry.from === undefined ? entry.to : `${key ?? "no-such.io"}=${entry.to}`);
          if (key === undefined || (entry.from === undefined && keys.length > 1)) {
            wellFormed = false;
          }
          targets.push([`${name}-${entry.from ?? 0}`, canonical(entry.to)]);
        }
        // A lone empty entry is an empty annotation.
        const text = texts.join(", ");
        if (text === "") wellFormed = true;
        for (const [user, place] of wellFormed ? targets : []) {
          named.set(user, [...named.get(user) ?? [], place]);
        }
        return secret(name, keys, text);
      });
      const { users } = pullFrom(sources, secrets);
      for (const [index, source] of sources.entries()) {
        const image = formatRepository(source);
        const user = users[index] ?? "";
        if (user === "none") {
          none++;
          // Nothing that is named is withheld either.
          const places = [...allowed.values(), ...named.values()].flat();
          assert.ok(!places.some((place) => isBelow(canonical(image), place)), image);
          continue;
        }
        if (allowed.get(user)?.some((place) => isBelow(canonical(image), place))) byKey++;
        else {
          assert.ok(
            named.get(user)?.some((place) => isBelow(canonical(image), place)),
            `${user} at ${image}`,
          );
          byAnnotation++;
        }
      }
    }),
    { numRuns: share(3_000, 100_000) },
  );
  // The property would hold for pulls that meet nothing.
  assert.ok(Math.min(byKey, byAnnotation, none) > 100, `${byKey} ${byAnnotation} ${none}`);
});

function isBelow(image: string, place: string): boolean {
  return image === place || image.startsWith(`${place}/`);
}

Deno.test("whatever the annotation, it is read to exact scopes or refused with an error of ours", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(place).map((all) => all.join("=,"))), (text) => {
      try {
        for (const { to } of parseAlsoFor(text)) {
          assert.equal(to.derived, true);
          const { host, path } = to;
          assert.deepEqual(parseScope(formatScope(to)), { host, path });
        }
      } catch (error) {
        assert.ok(error instanceof UserError);
        assert.ok(text.length < 8 || !error.message.includes(text));
      }
    }),
    { numRuns: share(2_000, 100_000) },
  );
});
