import assert from "node:assert/strict";
import {
  mergeRegistries,
  parseRegistriesFile,
  readRegistriesFiles,
} from "../../src/registries/config.ts";

function parse(text: string, v1 = true) {
  return parseRegistriesFile({ path: "registries.conf", text }, { v1 });
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
    /"registry\[0\]\.mirror\[0\]\.pull-from-mirror" is "never"; it may be all, digest-only or tag-only/,
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
    "a string that is not closed is refused with line, column and the line itself",
    `[[registry]]\nlocation = "a.io"\n\n  prefix = "b.io\nblocked = true`,
    /^registries\.conf:4:\d+: not valid TOML: .*: prefix = "b\.io$/,
  ],
  [
    "a list that is not closed is refused with the empty line after it",
    `unqualified-search-registries = [\n`,
    /^registries\.conf:2:1: not valid TOML: invalid value$/,
  ],
  [
    "a key that stands twice is refused with line and column",
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
];

for (const [name, text, error] of REFUSED) {
  Deno.test(name, () => {
    assert.throws(() => parse(text), (thrown: Error) => {
      assert.match(thrown.message, /^registries\.conf[:]/);
      assert.match(thrown.message, error);
      return true;
    });
  });
}

Deno.test("version 1 is accepted in the main file, where it carries no mirrors, but in no drop-in", () => {
  const text = `[registries.search]\nregistries = ["a.io"]\n[registries.block]\nregistries = []`;
  assert.deepEqual(parse(text), []);
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
    mirrors: ["b.io"],
    file: "registries.conf",
  });
});

// Legal TOML of any type under a key of no meaning here.
for (const value of ["9223372036854775807", "1979-05-27T07:32:00Z", "inf", "[[1], ['a']]", "{}"]) {
  Deno.test(`an unknown key may hold ${value}`, () => {
    assert.deepEqual(parse(`future = ${value}`), []);
    assert.equal(parse(`[[registry]]\nlocation = "a.io"\nfuture = ${value}`).length, 1);
  });
}

Deno.test("names with a meaning to JavaScript are unknown keys and aliases like any other", () => {
  assert.deepEqual(parse(`[__proto__]\nregistry = 5\n[aliases]\n__proto__ = "a.io/b"`), []);
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
    assert.deepEqual(registry?.mirrors, ["b.io"]);
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

Deno.test("a drop-in's table replaces the one with the same prefix as a whole", () => {
  const main = {
    path: "main",
    text: `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io"`,
  };
  const dropIn = { path: "drop-in", text: `[[registry]]\nlocation = "a.io"` };
  const { registries, files } = mergeRegistries({ main, dropIns: [dropIn] });
  assert.deepEqual(registries.map(({ mirrors, file }) => [mirrors, file]), [[[], "drop-in"]]);
  assert.deepEqual(files, ["main", "drop-in"]);
});

Deno.test("a drop-in's error names the drop-in, and tables of other prefixes are added", () => {
  const main = { path: "main", text: `[[registry]]\nlocation = "a.io"` };
  const good = { path: "10.conf", text: `[[registry]]\nlocation = "b.io"` };
  const { registries } = mergeRegistries({ main, dropIns: [good] });
  assert.deepEqual(registries.map(({ prefix, file }) => [prefix, file]), [
    ["a.io", "main"],
    ["b.io", "10.conf"],
  ]);
  const bad = { path: "20.conf", text: "[[registry]]" };
  assert.throws(
    () => mergeRegistries({ main, dropIns: [good, bad] }),
    /^UserError: 20\.conf: "registry\[0\]": both/,
  );
});

Deno.test("drop-ins add to a main file of version 1", () => {
  const main = { path: "main", text: `[registries.search]\nregistries = ["a.io"]` };
  const dropIn = { path: "10.conf", text: `[[registry]]\nlocation = "b.io"` };
  assert.equal(mergeRegistries({ main, dropIns: [dropIn] }).registries.length, 1);
});

/** Makes files, given by path, in a directory that stands for the root. */
async function withFiles(
  files: Readonly<Record<string, string>>,
  check: (root: string) => void | Promise<void>,
) {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    await check(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const inRoot = (root: string) => ({
  registriesConf: [`${root}/etc/registries.conf`, `${root}/usr/registries.conf`],
  registriesConfDir: [`${root}/usr/registries.conf.d`, `${root}/etc/registries.conf.d`],
});

Deno.test("drop-ins apply in the order of their names across directories, and the later directory's file hides the other", async () => {
  await withFiles({
    "etc/registries.conf": "",
    "usr/registries.conf.d/20.conf": "usr",
    "usr/registries.conf.d/30.conf": "usr",
    "etc/registries.conf.d/10.conf": "etc",
    "etc/registries.conf.d/20.conf": "etc",
    "etc/registries.conf.d/README": "no drop-in",
    "etc/registries.conf.d/sub.conf/40.conf": "in a sub-directory",
  }, (root) => {
    const { main, dropIns } = readRegistriesFiles(inRoot(root));
    assert.equal(main?.path, `${root}/etc/registries.conf`);
    assert.deepEqual(dropIns.map(({ path, text }) => [path.slice(root.length), text]), [
      ["/etc/registries.conf.d/10.conf", "etc"],
      ["/etc/registries.conf.d/20.conf", "etc"],
      ["/usr/registries.conf.d/30.conf", "usr"],
    ]);
  });
});

Deno.test("file names are in the order of their bytes, capitals and digits first", async () => {
  const sorted = [
    "1.conf",
    "10.conf",
    "10.conf.conf",
    "2.conf",
    "B.conf",
    "a.conf",
    "ä.conf",
    "\uff5e.conf",
    "😀.conf",
  ];
  const files = sorted.toReversed().map((name) => [`etc/registries.conf.d/${name}`, name]);
  await withFiles(Object.fromEntries(files), (root) => {
    assert.deepEqual(readRegistriesFiles(inRoot(root)).dropIns.map(({ text }) => text), sorted);
  });
});

Deno.test("of two file names of which one begins the other, the shorter comes first", async () => {
  // The directories tell in which order the names are met.
  for (const [first, second] of [["10.conf", "10.conf.conf"], ["10.conf.conf", "10.conf"]]) {
    await withFiles({
      [`usr/registries.conf.d/${first}`]: `${first}`,
      [`etc/registries.conf.d/${second}`]: `${second}`,
    }, (root) => {
      assert.deepEqual(
        readRegistriesFiles(inRoot(root)).dropIns.map(({ text }) => text),
        ["10.conf", "10.conf.conf"],
      );
    });
  }
});

Deno.test("a file in the place of a directory of drop-ins is refused", async () => {
  await withFiles({ "etc/registries.conf.d": "" }, (root) => {
    assert.throws(
      () => readRegistriesFiles(inRoot(root)),
      /registries\.conf\.d: cannot list: Not a directory/,
    );
  });
});

Deno.test("the second main file counts only where the first does not exist", async () => {
  await withFiles({ "usr/registries.conf": "usr" }, (root) => {
    assert.equal(readRegistriesFiles(inRoot(root)).main?.text, "usr");
  });
});

Deno.test("a node without any of the files has an empty configuration", () => {
  const files = readRegistriesFiles(inRoot("/nonexistent"));
  assert.deepEqual(mergeRegistries(files), { files: [], registries: [] });
});

Deno.test("a drop-in that is gone when it is opened is skipped", async () => {
  await withFiles({ "etc/registries.conf": "" }, async (root) => {
    await Deno.mkdir(`${root}/etc/registries.conf.d`);
    await Deno.symlink(`${root}/gone`, `${root}/etc/registries.conf.d/10.conf`);
    assert.deepEqual(readRegistriesFiles(inRoot(root)).dropIns, []);
  });
});

Deno.test("a byte order mark in front of the file is dropped, and what is no UTF-8 is refused", async () => {
  await withFiles({ "etc/registries.conf": "\ufeff[[registry]]" }, async (root) => {
    assert.equal(readRegistriesFiles(inRoot(root)).main?.text, "[[registry]]");
    await Deno.writeFile(`${root}/etc/registries.conf`, Uint8Array.of(0x23, 0xe9));
    assert.throws(() => readRegistriesFiles(inRoot(root)), /registries\.conf: is not UTF-8 text/);
  });
});

Deno.test("a directory in the place of the file is refused", async () => {
  await withFiles({ "etc/registries.conf/x": "" }, (root) => {
    assert.throws(() => readRegistriesFiles(inRoot(root)), /registries\.conf: is a directory/);
  });
});
