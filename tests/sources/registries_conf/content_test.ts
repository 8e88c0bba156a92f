import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../../src/errors.ts";
import { parseRegistriesFile } from "../../../src/sources/registries_conf/content.ts";

function read(text: string, v1 = true) {
  return parseRegistriesFile({ path: "registries.conf", text }, { v1 });
}

function parse(text: string, v1 = true) {
  return [...read(text, v1).registries];
}

/** Each breaks one rule of containers-registries.conf(5); the error names the file and the key. */
const REFUSED: readonly [name: string, text: string, error: RegExp][] = [
  [
    "broken TOML is refused with line and column",
    `[[registry]]\nlocation = docker.io`,
    /^registries\.conf:2:\d+: not valid TOML/,
  ],
  [
    "a value of the wrong type is refused",
    `[[registry]]\nlocation = "a.io"\ninsecure = "true"`,
    /"registry\[0\]\.insecure" must be a boolean/,
  ],
  ["a registry that is no table is refused", `registry = 5`, /"registry" must be an array/],
  [
    "a mirror of the wrong type is refused",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = 5`,
    /"registry\[0\]\.mirror\[0\]\.location" must be a string/,
  ],
  [
    "an unqualified search registry of the wrong type is refused",
    `unqualified-search-registries = "docker.io"`,
    /"unqualified-search-registries" must be an array/,
  ],
  [
    "a table with neither prefix nor location is refused",
    `[[registry]]\nblocked = true`,
    /"registry\[0\]": both "prefix" and "location" are missing/,
  ],
  [
    "a plain prefix without location is refused",
    `[[registry]]\nprefix = "a.io"`,
    /"registry\[0\]\.location" is missing/,
  ],
  [
    "a location with a scheme is refused",
    `[[registry]]\nlocation = "https://a.io"`,
    /"registry\[0\]\.location" begins with a URL scheme/,
  ],
  [
    "a prefix with a scheme is refused",
    `[[registry]]\nprefix = "http://a.io"\nlocation = "a.io"`,
    /"registry\[0\]\.prefix" begins with a URL scheme/,
  ],
  [
    "a mirror with a scheme is refused",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "http://b.io"`,
    /"registry\[0\]\.mirror\[0\]\.location" begins with a URL scheme/,
  ],
  [
    "a mirror without a location is refused",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\ninsecure = true`,
    /"registry\[0\]\.mirror\[0\]\.location" is missing/,
  ],
  [
    "pull-from-mirror on the registry itself is refused",
    `[[registry]]\nlocation = "a.io"\npull-from-mirror = "all"`,
    /"registry\[0\]\.pull-from-mirror" is set/,
  ],
  [
    "pull-from-mirror beside mirror-by-digest-only is refused",
    `[[registry]]\nlocation = "a.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "all"`,
    /"registry\[0\]\.mirror\[0\]\.pull-from-mirror" is set together with "mirror-by-digest-only"/,
  ],
  [
    "an unknown value of pull-from-mirror is refused",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "never"`,
    /"registry\[0\]\.mirror\[0\]\.pull-from-mirror" has an unknown value; it may be all, digest-only or tag-only/,
  ],
  ...["*.a.io/team", "*.a.io:5000", "*.a.io@x"].map((prefix) =>
    [
      `the wildcard prefix ${prefix} is refused`,
      `[[registry]]\nprefix = "${prefix}"\nlocation = "b.io"`,
      /"registry\[0\]\.prefix" .* is not of the form \*\.example\.com/,
    ] as const
  ).map(([name, text, error]): [string, string, RegExp] => [name, text, error]),
  ...["insecure", "blocked"].map((key): [string, string, RegExp] => [
    `one location that is ${key} in one table and not in another is refused`,
    `[[registry]]\nlocation = "a.io"\n[[registry]]\nprefix = "b.io"\nlocation = "a.io/"\n${key} = true`,
    new RegExp(`"registry\\[1\\]\\.${key}" contradicts "registry\\[0\\]\\.${key}"`),
  ]),
  [
    "a string that is not closed is refused with line, column and kind of mistake, not with the line",
    `[[registry]]\nlocation = "a.io"\n\n  prefix = "b.io\nblocked = true`,
    /^registries\.conf:4:\d+: not valid TOML: control characters are not allowed in strings$/,
  ],
  [
    "a list that is not closed is refused with the empty line after it",
    `unqualified-search-registries = [\n`,
    /^registries\.conf:2:1: not valid TOML: invalid value$/,
  ],
  [
    "a key that is there twice is refused with line and column",
    `[[registry]]\nlocation = "a.io"\nlocation = "b.io"`,
    /^registries\.conf:3:1: not valid TOML/,
  ],
  ...["prefix", "location", "pull-from-mirror"].map((key): [string, string, RegExp] => [
    `a ${key} that is no string is refused`,
    `[[registry]]\nlocation = "a.io"\n[[registry]]\n${key} = ["a.io"]`,
    new RegExp(`"registry\\[1\\]\\.${key}" must be a string`),
  ]),
  ...["blocked", "mirror-by-digest-only"].map((key): [string, string, RegExp] => [
    `a ${key} that is no boolean is refused`,
    `[[registry]]\nlocation = "a.io"\n${key} = 1`,
    new RegExp(`"registry\\[0\\]\\.${key}" must be a boolean`),
  ]),
  ...[["insecure", "0", "boolean"], ["pull-from-mirror", "true", "string"]].map((
    [key, value, type],
  ): [string, string, RegExp] => [
    `a mirror's ${key} of the wrong type is refused`,
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\n${key} = ${value}`,
    new RegExp(`"registry\\[0\\]\\.mirror\\[0\\]\\.${key}" must be a ${type}`),
  ]),
  [
    "a mirror that is a table and not one of several is refused",
    `[[registry]]\nlocation = "a.io"\n[registry.mirror]\nlocation = "b.io"`,
    /"registry\[0\]\.mirror" must be an array/,
  ],
  [
    "a list of search registries that holds a number is refused",
    `unqualified-search-registries = ["a.io", 5]`,
    /"unqualified-search-registries\[1\]" must be a string/,
  ],
  [
    "a location of slashes alone is refused",
    `[[registry]]\nlocation = "//"`,
    /"registry\[0\]": both "prefix" and "location" are missing/,
  ],
  [
    "an empty prefix with an empty location is refused",
    `[[registry]]\nprefix = ""\nlocation = ""`,
    /"registry\[0\]": both "prefix" and "location" are missing/,
  ],
  [
    "a mirror with an empty location is refused",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = ""`,
    /"registry\[0\]\.mirror\[0\]\.location" is missing/,
  ],
  [
    "a contradiction between tables that share a prefix is refused, though only the first counts",
    `[[registry]]\nlocation = "a.io"\n[[registry]]\nlocation = "a.io"\nblocked = true`,
    /"registry\[1\]\.blocked" contradicts "registry\[0\]\.blocked"/,
  ],
  [
    "version 1 mixed with a search list of version 2 is refused",
    `unqualified-search-registries = ["a.io"]\n[registries.block]\nregistries = ["b.io"]`,
    /"registries" \(version 1\) and "unqualified-search-registries" \(version 2\) are mixed/,
  ],
  [
    "version 1 mixed with version 2 is refused",
    `[registries.search]\nregistries = ["a.io"]\n[[registry]]\nlocation = "a.io"`,
    /"registries" \(version 1\) and "registry" \(version 2\) are mixed/,
  ],
  [
    "a version 1 list of the wrong type is refused",
    `[registries.search]\nregistries = "a.io"`,
    /"registries\.search\.registries" must be an array/,
  ],
  ...["[]", "1979-05-27"].flatMap((value): [string, string, RegExp][] => [
    [
      `${value} in the place of version 1's tables is refused`,
      `registries = ${value}`,
      /"registries" must be an object/,
    ],
    [
      `${value} in the place of a version 1 table is refused`,
      `[registries]\nsearch = ${value}`,
      /"registries\.search" must be an object/,
    ],
    [
      `${value} in the place of a registry's table is refused`,
      `registry = [${value}]`,
      /"registry\[0\]" must be an object/,
    ],
    [
      `${value} in the place of the aliases is refused`,
      `aliases = ${value}`,
      /"aliases" must be an object/,
    ],
  ]),
  [
    "an unknown short-name-mode is refused",
    `short-name-mode = "sometimes"\n[[registry]]\nlocation = "docker.io"`,
    /"short-name-mode" has an unknown value; it may be enforcing, permissive or disabled$/,
  ],
  [
    "an unqualified search registry with a scheme is refused",
    `unqualified-search-registries = ["https://docker.io"]`,
    /"unqualified-search-registries\[0\]" begins with a URL scheme/,
  ],
  ...["", "docker.io/library", "[::1]:5000", "a b"].map((entry): [string, string, RegExp] => [
    `the unqualified search registry ${JSON.stringify(entry)} is refused`,
    `unqualified-search-registries = ["docker.io", "${entry}"]`,
    /"unqualified-search-registries\[1\]" names no registry; name a registry: a host/,
  ]),
  [
    "an alias whose name has a registry is refused",
    `[aliases]\n"quay.io/app" = "quay.io/team/app"`,
    /"aliases\.quay\.io\/app" is not a short name; an alias is named like nginx or team\/app/,
  ],
  [
    "an alias that leads nowhere is refused",
    `[aliases]\nnginx = "nginx:1.0"`,
    /"aliases\.nginx" does not name a repository; write it with its registry, as in docker\.io/,
  ],
  [
    "an alias by a name of JavaScript's is refused as any other that is not a short name",
    `[aliases]\n__proto__ = "a.io/b"`,
    /"aliases\.__proto__" is not a short name/,
  ],
  [
    "a key of the whole file below the aliases is refused with its place",
    `[aliases]\nnginx = "docker.io/library/nginx"\nunqualified-search-registries = ["docker.io"]`,
    /^registries\.conf:3:1: "unqualified-search-registries" is below \[aliases\] and is read as an alias; put it above/,
  ],
  [
    "an empty entry in a version 1 list is refused",
    `[registries.search]\nregistries = ["docker.io", ""]`,
    /"registries\.search\.registries\[1\]" names no registry/,
  ],
  [
    "an empty entry in the list of blocked registries is refused",
    `[registries.block]\nregistries = [""]`,
    /"registries\.block\.registries\[0\]" is empty/,
  ],
  [
    "[registry] in the place of [[registry]] is refused with its place",
    `# mirrors\n\n  [registry]\nlocation = "docker.io"`,
    /^registries\.conf:3:3: "registry" must be an array of tables: \[registry\] is a single table.*; write \[\[registry\]\], with two/,
  ],
  [
    "a table in the place of the list, without a header, is refused",
    `registry = { location = "docker.io" }`,
    /^registries\.conf: "registry" must be an array of tables$/,
  ],
  [
    "two [registry] are refused with the likely mistake",
    `[registry]\nlocation = "a.io"\n[registry]\nlocation = "b.io"`,
    /^registries\.conf:3:\d+: not valid TOML: .*; likely because of registries\.conf:1:1: \[registry\] is a single/,
  ],
  [
    "a lone [[registry.mirror]] is refused with its place",
    `unqualified-search-registries = ["docker.io"]\n[[registry.mirror]]\nlocation = "m.io"`,
    /^registries\.conf:2:1: "registry" must be .*: \[\[registry\.mirror\]\] comes before any \[\[registry\]\]; put/,
  ],
  [
    "a mirror above its registry is refused with the likely mistake",
    `[[registry.mirror]]\nlocation = "m.io"\n[[registry]]\nlocation = "a.io"`,
    /^registries\.conf:3:\d+: not valid TOML: .* because of registries\.conf:1:1: \[\[registry\.mirror\]\] comes/,
  ],
  [
    "[registry.mirror] in the place of [[registry.mirror]] is refused with its place",
    `[[registry]]\nlocation = "docker.io"\n[registry.mirror] # one\nlocation = "m.io"`,
    /^registries\.conf:3:1: "registry\[0\]\.mirror" must be an array of tables: \[registry\.mirror\] is a single/,
  ],
  ...[
    "9223372036854775808",
    "-9223372036854775809",
    "0x8000000000000000",
    "[[{ a = 9_223_372_036_854_775_808 }]]",
  ]
    .map((value): [string, string, RegExp] => [
      `the integer in future = ${value} is refused, since it does not fit into 64 bits`,
      `future = ${value}`,
      /^registries\.conf: not valid TOML: an integer does not fit into 64 bits$/,
    ]),
  [
    "an auth file in the place of a registries file is told to be JSON",
    `{"auths": {"quay.io": {"auth": "dXNlcjpzM2NyZXQ="}}}`,
    /^registries\.conf:1:\d+: not valid TOML: this is JSON, as auth files are; a registries file is TOML/,
  ],
];

for (const [name, text, error] of REFUSED) {
  Deno.test(name, () => {
    assert.throws(() => parse(text), (thrown: Error) => {
      assert.match(thrown.message, /^registries\.conf[:]/);
      assert.match(thrown.message, error);
      assert.doesNotMatch(thrown.message, /dXNlcjp/);
      return true;
    });
  });
}

Deno.test("version 1 is accepted in the main file, where it carries no mirrors, but in no drop-in", () => {
  const text = `[registries.search]\nregistries = ["a.io"]\n[registries.block]\nregistries = []`;
  assert.deepEqual(parse(text), []);
  assert.equal(read(text).isVersion1, true);
  assert.throws(() => parse(text, false), /a drop-in must be in version 2/);
});

Deno.test("a table's defaults are filled in, slashes at the end go, and unknown keys are ignored", () => {
  const [registry] = parse(
    `future = 1\n[[registry]]\nlocation = "a.io/team//"\nfuture = 2\n[[registry.mirror]]\nlocation = "b.io/"\npull-from-mirror = "digest-only"`,
  );
  assert.deepEqual(registry, {
    prefix: "a.io/team",
    location: "a.io/team",
    blocked: false,
    mirrors: [{ location: "b.io", pulls: "digest-only" }],
    file: "registries.conf",
  });
});

// Legal TOML of any type under a key of no meaning here.
for (
  const value of [
    "9223372036854775807",
    "-9223372036854775808",
    "1979-05-27T07:32:00Z",
    "inf",
    "[[1], ['a']]",
    "{}",
  ]
) {
  Deno.test(`an unknown key may hold ${value}`, () => {
    assert.deepEqual(parse(`future = ${value}`), []);
    assert.equal(parse(`[[registry]]\nlocation = "a.io"\nfuture = ${value}`).length, 1);
  });
}

Deno.test("names with a meaning to JavaScript are unknown keys and aliases like any other", () => {
  assert.deepEqual(parse(`[__proto__]\nregistry = 5\n[aliases]\nconstructor = "a.io/b"`), []);
  assert.deepEqual(
    parse(`[[registry]]\nlocation = "a.io"\n[registry.__proto__]\nblocked = true`)
      .map(({ blocked }) => blocked),
    [false],
  );
});

Deno.test("tables of one location may have several prefixes, and be insecure or blocked alike", () => {
  const tables = ["b.io", "c.io"].map((prefix) =>
    `[[registry]]\nprefix = "${prefix}"\nlocation = "a.io"\ninsecure = true\nblocked = true\n`
  );
  assert.deepEqual(parse(tables.join("")).map(({ prefix }) => prefix), ["b.io", "c.io"]);
});

for (const pull of ["all", "digest-only", "tag-only", ""]) {
  Deno.test(`pull-from-mirror ${JSON.stringify(pull)} is legal for a mirror`, () => {
    const [registry] = parse(
      `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "${pull}"`,
    );
    assert.deepEqual(registry?.mirrors, [{ location: "b.io", pulls: pull === "" ? "all" : pull }]);
  });
}

Deno.test("a wildcard prefix may stand without a location", () => {
  const [registry] = parse(`[[registry]]\nprefix = "*.a.io"`);
  assert.deepEqual([registry?.prefix, registry?.location], ["*.a.io", ""]);
});

Deno.test("of two tables with one prefix in one file the first counts", () => {
  const registries = parse(
    `[[registry]]\nprefix = "a.io"\nlocation = "first.io"\n[[registry]]\nprefix = "a.io"\nlocation = "second.io"`,
  );
  assert.deepEqual(registries.map(({ location }) => location), ["first.io"]);
});

Deno.test("no word of a file that is no TOML is in the error, wherever it is broken", () => {
  const words = ["dXNlcjpzM2NyZXQ=", "s3cret-value", "mirror.internal.example"];
  const text = `[[registry]]\nlocation = "${words[2]}"\n[x]\n"a" = "${words[0]}"\nb = '${
    words[1]
  }'\n`;
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: text.length }),
      fc.constantFrom("", `"`, "=", "[", "{", "\\", "\u0000", "\n", words[0]),
      fc.integer({ min: 0, max: 3 }),
      (at, put, cut) => {
        try {
          parse(text.slice(0, at) + put + text.slice(at + cut));
        } catch (error) {
          assert.ok(error instanceof UserError);
          for (const word of words) assert.ok(!error.message.includes(word), `${at} ${put} ${cut}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("keys are taken in any case, as the image library takes them", () => {
  const registries = parse(
    `Short-Name-Mode = "disabled"\n[[Registry]]\nPREFIX = "a.io"\nLocation = "b.io"\nBlocked = true\n` +
      `[[Registry.Mirror]]\nLocation = "m.io"\nPull-From-Mirror = "tag-only"`,
  );
  assert.deepEqual(registries, [{
    prefix: "a.io",
    location: "b.io",
    blocked: true,
    mirrors: [{ location: "m.io", pulls: "tag-only" }],
    file: "registries.conf",
  }]);
  assert.throws(
    () => parse(`[[Registry]]\nLocation = 5`),
    /"registry\[0\]\.location" must be a string/,
  );
  assert.throws(() => parse(`[Registries.Search]\nRegistries = []`, false), /must be in version 2/);
});

Deno.test("letters that Go holds to be the same in another case are", () => {
  const [registry] = parse(
    `[[regi\u017ftry]]\nlocation = "a.io"`.replace("regi\u017ftry", `"regi\u017ftry"`),
  );
  assert.equal(registry?.prefix, "a.io");
  const [blocked] = parse(`[[registry]]\nlocation = "a.io"\n"bloc\u212aed" = true`);
  assert.equal(blocked?.blocked, true);
});

Deno.test("of keys that differ in case only the exact one counts, or the first, and both are told", () => {
  const { registries, twins } = read(
    `[[registry]]\nLocation = "b.io"\nlocation = "a.io"\n[[registry]]\nLocation = "c.io"\nLOCATION = "d.io"`,
  );
  assert.deepEqual(registries.map(({ location }) => location), ["a.io", "c.io"]);
  assert.deepEqual(twins.map(({ place, problem }) => `${place}: ${problem.split(" is ")[0]}`), [
    `registries.conf: "location" in "registry[0]"`,
    `registries.conf: "location" in "registry[1]"`,
  ]);
  assert.deepEqual(
    read(`Short-name-mode = "enforcing"\nSHORT-NAME-MODE = "enforcing"`).twins
      .map(({ problem }) => problem.split(" is ")[0]),
    [`"short-name-mode"`],
  );
});

Deno.test("aliases keep their case", () => {
  const { aliases } = read(
    `[Aliases]\n"Team/app" = "quay.io/a"\n"team/app" = "quay.io/b"\nnginx = ""`,
  );
  assert.deepEqual([...aliases], [["Team/app", "quay.io/a"], ["team/app", "quay.io/b"], [
    "nginx",
    "",
  ]]);
});

Deno.test("a version 1 table without its list counts for nothing, and an empty list counts", () => {
  assert.equal(
    read(`[registries.search]\n[[registry]]\nlocation = "a.io"`, false).isVersion1,
    false,
  );
  assert.equal(read(`[registries.block]\nregistries = []`).isVersion1, true);
  assert.throws(() => read(`[registries.block]\nregistries = []`, false), /must be in version 2/);
});

Deno.test("keys of version 2 that say nothing may stand beside version 1, empty lists may not", () => {
  const version1 = `[registries.search]\nregistries = ["a.io"]`;
  assert.deepEqual(parse(`short-name-mode = ""\nfuture = 5\n${version1}`), []);
  for (const key of ["registry = []", "credential-helpers = []", "aliases = {}"]) {
    assert.throws(() => parse(`${key}\n${version1}`), /\(version 2\) are mixed/, key);
  }
});

Deno.test("what version 1 blocks is blocked", () => {
  const registries = parse(
    `[registries.block]\nregistries = ["a.io/"]\n[registries.insecure]\nregistries = ["a.io", "b.io"]`,
  );
  assert.deepEqual(registries.map(({ prefix, blocked, mirrors }) => [prefix, blocked, mirrors]), [
    ["a.io", true, []],
    ["b.io", false, []],
  ]);
});

Deno.test("a prefix of slashes alone applies to nothing, and is accepted", () => {
  assert.deepEqual(
    parse(`[[registry]]\nprefix = "/"\nlocation = "a.io"`).map(({ prefix }) => prefix),
    [""],
  );
});

Deno.test("keys that only newer libraries know are harmless", () => {
  assert.equal(parse(`[[registry]]\nlocation = "a.io"\nnamespace-proxy = "b.io"`).length, 1);
});
