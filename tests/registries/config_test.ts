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
    "version 1 mixed with version 2 is refused",
    `[registries.search]\nregistries = ["a.io"]\n[[registry]]\nlocation = "a.io"`,
    /"registries" \(version 1\) and "registry" \(version 2\) are mixed/,
  ],
  [
    "a version 1 list of the wrong type is refused",
    `[registries.search]\nregistries = "a.io"`,
    /"registries\.search\.registries" must be an array/,
  ],
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
    await Deno.symlink("/nonexistent", `${root}/etc/registries.conf.d/10.conf`);
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
