/** Loading any registries configuration equals a brute-force reading of its rules. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../../src/errors.ts";
import {
  mergeRegistries,
  type RegistriesConfiguration,
} from "../../../src/sources/registries_conf/config.ts";
import { readRegistriesFiles } from "../../../src/sources/registries_conf/files.ts";
import { findPullSources, refusedBy } from "../../../src/sources/registries_conf/pull_sources.ts";
import { formatRepository } from "../../../src/sources/reference.ts";
import {
  type MadeFile,
  type MadeNode,
  readRegistries,
  readSources,
  type Toml,
  type TomlTable,
} from "../../support/registries_reading.ts";
import { share } from "../../support/share.ts";
import { formatToml, isTable } from "../../support/toml.ts";
import { report } from "../../support/summary.ts";

// Few names, so that prefixes overlap and tables meet.
const host = fc.constantFrom("a.io", "b.a.io", "b.a.io:5000", "docker.io", "c.b.a.io");
const path = fc.constantFrom("", "", "/x", "/x/y", "/x-y", "/library");
const place = fc.tuple(host, path).map((parts) => parts.join(""));
const slashes = fc.constantFrom("", "", "", "", "/", "//");
const prefix = fc.tuple(
  fc.oneof(
    { weight: 5, arbitrary: place },
    { weight: 2, arbitrary: fc.constantFrom("*.a.io", "*.b.a.io", "*.io", "*.b.a") },
  ),
  slashes,
).map((parts) => parts.join(""));
const location = fc.tuple(
  fc.oneof(
    { weight: 6, arbitrary: place },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "m.io/hub",
        "localhost:5000",
        "[::1]:5000",
        "m.io/UPPER",
        "nohost",
        "MIRROR",
        "m.io/x:1.0",
        "m_1.io/x",
      ),
    },
  ),
  slashes,
).map((parts) => parts.join(""));

const rarely = (weight: number) =>
  fc.oneof(
    { weight, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.boolean() },
  );
const mirror = fc.record({
  location,
  insecure: rarely(3),
  "pull-from-mirror": fc.constantFrom(undefined, undefined, "", "all", "digest-only", "tag-only"),
});
const table = fc.record({
  prefix: fc.option(prefix, { nil: undefined }),
  location,
  insecure: rarely(15),
  blocked: rarely(4),
  mirror: fc.array(mirror, { maxLength: 2 }),
}).chain((table) =>
  fc.record({
    // Only a wildcard may do without a location.
    location: table.prefix?.startsWith("*.")
      ? fc.constantFrom(table.location, undefined)
      : fc.constant(table.location),
    digestOnly: rarely(10),
  }).map(({ location, digestOnly }): TomlTable =>
    withoutUndefined({
      ...table,
      location,
      "mirror-by-digest-only": digestOnly,
      mirror: table.mirror.map((mirror) =>
        withoutUndefined(digestOnly ? { ...mirror, "pull-from-mirror": undefined } : mirror)
      ),
    })
  )
);

function withoutUndefined(table: Readonly<Record<string, Toml | undefined>>): TomlTable {
  const defined: TomlTable = {};
  for (const [key, value] of Object.entries(table)) if (value !== undefined) defined[key] = value;
  return defined;
}

const wrong = fc.constantFrom<Toml>(5, 1.5, true, "text", [], ["a"], [[]], {}, new Date(0), [5]);
const unknownKey = fc.record({ key: fc.constantFrom("future", "__proto__", "x y"), value: wrong });
const version1List = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(
      fc.oneof({ weight: 3, arbitrary: host }, { weight: 1, arbitrary: fc.constantFrom("", "/") }),
      { maxLength: 2 },
    ).map((registries) => ({ registries })),
  },
  { weight: 1, arbitrary: fc.constant({}) },
);
const search = fc.constantFrom("docker.io", "a.io:5000/", "localhost");
const others = fc.record({
  "unqualified-search-registries": fc.option(fc.array(search, { maxLength: 2 }), {
    nil: undefined,
  }),
  "short-name-mode": fc.constantFrom(undefined, undefined, "", "enforcing", "disabled"),
  "credential-helpers": fc.constantFrom<string[] | undefined>(
    undefined,
    undefined,
    [],
    ["containers-auth.json"],
    ["pass"],
  ),
  aliases: fc.option(
    fc.dictionary(
      fc.constantFrom("nginx", "team/app", "a_b"),
      fc.constantFrom("docker.io/nginx", "a.io/x", ""),
      { maxKeys: 2 },
    ),
    { nil: undefined },
  ),
}).map(withoutUndefined);
const version2 = fc.tuple(
  fc.array(table, { maxLength: 4 }),
  fc.option(unknownKey),
  fc.option(others),
)
  .map(
    ([registry, unknown, others]): TomlTable => {
      const document: TomlTable = { ...others, ...(registry.length === 0 ? {} : { registry }) };
      if (unknown !== null) Object.defineProperty(document, unknown.key, own(unknown.value));
      return document;
    },
  );
const version1 = fc.uniqueArray(fc.constantFrom("search", "insecure", "block"), { minLength: 1 })
  .chain((keys) => fc.tuple(...keys.map((key) => fc.tuple(fc.constant(key), version1List))))
  .map((tables): TomlTable => ({ registries: Object.fromEntries(tables) }));

function own(value: Toml): PropertyDescriptor {
  return { value, enumerable: true, configurable: true, writable: true };
}

/** Breaks a document in one place; what is not there to be broken stays whole. */
type Fault = (document: TomlTable) => TomlTable | "broken";

const onTable = (change: (table: TomlTable) => TomlTable): Fault => (document) => {
  const { registry } = document;
  if (!Array.isArray(registry)) return document;
  const [first, ...others] = registry;
  if (first === undefined || !isTable(first)) return document;
  return { ...document, registry: [...others, change(first)] };
};
const onMirror = (change: (mirror: TomlTable) => TomlTable): Fault =>
  onTable((table) => ({ ...table, mirror: [change({ location: "m.io" })] }));

const TABLE_KEYS = [
  "prefix",
  "location",
  "insecure",
  "blocked",
  "mirror-by-digest-only",
  "pull-from-mirror",
  "mirror",
];
const KNOWN_KEYS = new Set([
  ...TABLE_KEYS,
  "registry",
  "registries",
  "search",
  "block",
  "unqualified-search-registries",
  "credential-helpers",
  "short-name-mode",
  "aliases",
]);
const without = (table: TomlTable, ...keys: string[]): TomlTable =>
  Object.fromEntries(Object.entries(table).filter(([key]) => !keys.includes(key)));
const contradiction = (key: string): Fault => (document) => ({
  ...document,
  registry: [true, false].map((value) => ({
    prefix: `${value}.io`,
    location: value ? "a.io" : "a.io/",
    [key]: value,
  })),
});

const rule: fc.Arbitrary<Fault> = fc.constantFrom<Fault>(
  () => "broken",
  (document) => ({ ...document, registries: { search: { registries: ["a.io"] } } }),
  (document) => ({ ...document, registries: { future: 5 } }),
  onTable((table) => without(table, "prefix", "location")),
  onTable((table) => ({ ...without(table, "location"), prefix: "/" })),
  onTable((table) => ({ ...without(table, "location"), prefix: "a.io" })),
  onTable((table) => ({ ...without(table, "location"), prefix: "a.io/x" })),
  onTable((table) => ({ ...table, location: "https://a.io" })),
  onTable((table) => ({ ...table, prefix: "http://a.io" })),
  onTable((table) => ({ ...table, "pull-from-mirror": "all" })),
  onMirror((mirror) => without(mirror, "location")),
  onMirror((mirror) => ({ ...mirror, location: "/" })),
  onMirror((mirror) => ({ ...mirror, location: "http://m.io" })),
  onMirror((mirror) => ({ ...mirror, "pull-from-mirror": "never" })),
  onMirror((mirror) => ({ ...mirror, "pull-from-mirror": "All" })),
  onTable((table) => ({
    ...table,
    "mirror-by-digest-only": true,
    mirror: [{ location: "m.io", "pull-from-mirror": "all" }],
  })),
  (document) => ({ ...document, "short-name-mode": "sometimes" }),
  (document) => ({ ...document, "short-name-mode": "Enforcing" }),
  (document) => ({ ...document, "unqualified-search-registries": ["docker.io", ""] }),
  (document) => ({ ...document, "unqualified-search-registries": ["[::1]"] }),
  (document) => ({ ...document, "unqualified-search-registries": ["https://a.io"] }),
  (document) => ({ ...document, aliases: { "a.io/x": "a.io/x" } }),
  (document) => ({ ...document, aliases: { "x:1.0": "a.io/x" } }),
  (document) => ({ ...document, aliases: { x: "library/x" } }),
  (document) => ({ ...document, aliases: { x: "a.io/x:1.0" } }),
  () => ({ registries: { block: { registries: ["a.io", "/"] } } }),
  onTable((table) => ({
    ...table,
    "mirror-by-digest-only": true,
    mirror: [{ location: "m.io", "pull-from-mirror": "digest-only" }],
  })),
  contradiction("insecure"),
  contradiction("blocked"),
  ...["*.a.io/x", "*.a.io:5000", "*.a.io@x"].map((prefix) =>
    onTable((table) => ({ ...table, prefix }))
  ),
);
const type: fc.Arbitrary<Fault> = fc.oneof(
  fc.tuple(fc.constantFrom(...TABLE_KEYS), wrong).map(([key, value]) =>
    onTable((table) => ({ ...table, [key]: value }))
  ),
  fc.tuple(fc.constantFrom("location", "insecure", "pull-from-mirror"), wrong).map((
    [key, value],
  ) => onMirror((mirror) => ({ ...mirror, [key]: value }))),
  fc.tuple(
    fc.constantFrom("registry", "registries", "aliases", "credential-helpers", "short-name-mode"),
    wrong,
  ).map(
    ([key, value]): Fault => (document) => ({ ...document, [key]: value }),
  ),
  fc.tuple(fc.constantFrom("search", "insecure", "block"), wrong).map(
    ([key, value]): Fault => () => ({ registries: { [key]: value } }),
  ),
  wrong.map((value): Fault => () => ({ registries: { search: { registries: value } } })),
  wrong.map((value): Fault => (document) => ({ ...document, registry: [value] })),
);
const fault = fc.oneof({ weight: 4, arbitrary: rule }, { weight: 1, arbitrary: type });

/** A document, broken in one case of five, and with its keys in another case in two of seven. */
function content(documents: fc.Arbitrary<TomlTable>): fc.Arbitrary<TomlTable | "broken"> {
  const made = fc.oneof(
    { weight: 4, arbitrary: documents },
    { weight: 1, arbitrary: fc.tuple(documents, fault).map(([made, fault]) => fault(made)) },
  );
  const spelling = fc.constantFrom<Spelling>(
    ...Array<Spelling>(5).fill((key) => key),
    (key) => key.toUpperCase(),
    (key) => key.replace(/^./, (letter) => letter.toUpperCase()),
  );
  return fc.tuple(made, spelling).map(([made, spell]) =>
    made === "broken" ? made : respell(made, spell)
  );
}

type Spelling = (key: string) => string;

/** Writes the keys of a document anew, but those that are names themselves. */
function respell(table: TomlTable, spell: Spelling): TomlTable {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]): [string, Toml] => {
      if (key === "aliases" || !KNOWN_KEYS.has(key)) {
        return [KNOWN_KEYS.has(key) ? spell(key) : key, value];
      }
      if (Array.isArray(value)) {
        return [spell(key), value.map((item) => isTable(item) ? respell(item, spell) : item)];
      }
      return [spell(key), isTable(value) ? respell(value, spell) : value];
    }),
  );
}

const mainContent = content(
  fc.oneof({ weight: 6, arbitrary: version2 }, { weight: 1, arbitrary: version1 }),
);
const mainFile = fc.option(mainContent.map((content) => ({ name: "registries.conf", content })), {
  nil: undefined,
});
// Of these only the files that end in .conf are drop-ins.
const fileName = fc.constantFrom("10.conf", "9.conf", "A.conf", "ä.conf", "10.conf.bak", "conf");
const directory = fc.uniqueArray(fc.record({ name: fileName, content: content(version2) }), {
  maxLength: 3,
  selector: ({ name }) => name,
});
const node = fc.record({
  mains: fc.tuple(mainFile, mainFile),
  directories: fc.tuple(directory, directory, directory),
}).map(({ mains, directories }): MadeNode => ({
  mains: mains.map((file, index) => ({ path: `main-${index}.conf`, file })),
  directories: directories.map((files, index) => ({ path: `directory-${index}`, files })),
}));

const image = fc.record({
  host: fc.oneof(host, fc.constantFrom("d.c.b.a.io", "a.io.b.a.io", "b.a.ion")),
  path: fc.constantFrom(
    "/x",
    "/x",
    "/x/y",
    "/x/y/z",
    "/x-y",
    "/library/nginx",
    "/xy",
    "/m/b.a.io/x",
  ),
  suffix: fc.oneof(
    { weight: 2, arbitrary: fc.constant("") },
    {
      weight: 1,
      arbitrary: fc.constantFrom(":1.0", ...Array(2).fill(`@sha256:${"0a".repeat(32)}`)),
    },
  ),
}).map(({ host, path, suffix }) => host + path + suffix);

function formatFile({ content }: MadeFile, headers: boolean): string {
  return content === "broken"
    ? `[[registry]]\nlocation = a.io\n`
    : formatToml(content, { headers });
}

/** Lays the files out below a root, with things that are no drop-ins beside them. */
function writeNode({ mains, directories }: MadeNode, root: string, headers: boolean): void {
  for (const { path, file } of mains) {
    if (file !== undefined) Deno.writeTextFileSync(`${root}/${path}`, formatFile(file, headers));
  }
  for (const { path, files } of directories) {
    // A directory that does not exist is fine.
    if (files.length === 0) continue;
    Deno.mkdirSync(`${root}/${path}/sub.conf`, { recursive: true });
    Deno.writeTextFileSync(`${root}/${path}/sub.conf/10.conf`, "broken");
    Deno.symlinkSync(`${root}/nothing`, `${root}/${path}/vanished.conf`);
    for (const file of files) {
      Deno.writeTextFileSync(`${root}/${path}/${file.name}`, formatFile(file, headers));
    }
  }
}

/** What the plugin makes of the files; `undefined` when it refuses them. */
function load(node: MadeNode, headers: boolean): RegistriesConfiguration | undefined {
  const root = Deno.makeTempDirSync();
  try {
    writeNode(node, root, headers);
    const files = readRegistriesFiles({
      registriesConf: node.mains.map(({ path }) => `${root}/${path}`),
      registriesConfDir: node.directories.map(({ path }) => `${root}/${path}`),
    });
    return mergeRegistries(files);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.ok(error.where.startsWith(root), `no file is named: ${error.message}`);
    return undefined;
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function sorted<Table extends { readonly prefix: string }>(tables: Iterable<Table>): Table[] {
  return [...tables].sort((a, b) => a.prefix < b.prefix ? -1 : 1);
}

const generated = fc.record({
  node,
  images: fc.array(image, { minLength: 1, maxLength: 4 }),
  headers: fc.boolean(),
});

Deno.test("loading any files gives the tables and pull sources of a brute-force reading", () => {
  fc.assert(
    fc.property(generated, ({ node, images, headers }) => {
      const configuration = load(node, headers);
      const tables = readRegistries(node, () => {});
      if (tables === undefined || configuration === undefined) {
        assert.equal(configuration, tables, "one refuses, the other does not");
        return;
      }
      assert.deepEqual(configuration.credentialHelpers?.helpers, tables.credentialHelpers);
      assert.deepEqual(
        new Map([...configuration.aliases].map(([name, { target }]) => [name, target])),
        tables.aliases,
      );
      assert.deepEqual(configuration.twins, []);
      assert.deepEqual(
        sorted(configuration.registries).map(({ file, ...table }) => ({
          ...table,
          file: file.replace(/^.*?\/(?=main-|directory-)/, ""),
        })),
        sorted(tables.tables.values()),
      );
      for (const image of images) {
        const expected = readSources(tables.tables, image, () => {});
        const { registry, sources, endpoints } = findPullSources(configuration, image);
        assert.equal(registry?.prefix, expected.table?.prefix, image);
        assert.deepEqual(sources.map(formatRepository), expected.sources, image);
        assert.deepEqual(
          endpoints.flatMap(({ repository, blockedBy }) =>
            repository === undefined || blockedBy === undefined
              ? []
              : [formatRepository(repository)]
          ),
          expected.blocked,
          image,
        );
        const refused = new Set(endpoints.flatMap(refusedBy));
        assert.deepEqual([...refused].sort(), expected.refused.toSorted(), image);
      }
    }),
    { numRuns: share(700, 20_000) },
  );
  report({ suite: "the loading of registries files", cases: share(700, 20_000) });
});

/** What the cases have to meet, each in at least one of two hundred. */
const RULES = [
  "there is no main file",
  "a later main file counts where the first does not exist",
  "of two drop-ins of one name the later directory's counts",
  "drop-ins apply in the order of their names, not of their directories",
  "a main file of version 1 carries no mirrors",
  "slashes at the end go",
  "a missing prefix is the location",
  "of two tables with one prefix in a file the first counts",
  "a later file's table replaces an earlier one's",
  "refused: no TOML",
  "refused: a value of the wrong type",
  "refused: versions 1 and 2 in one file",
  "refused: version 1 in a drop-in",
  "refused: a scheme",
  "refused: neither prefix nor location",
  "refused: a plain prefix without location",
  "refused: a wildcard with more than a host",
  "refused: pull-from-mirror on the registry",
  "refused: a mirror without location",
  "refused: pull-from-mirror beside mirror-by-digest-only",
  "refused: an unknown pull-from-mirror",
  "refused: one location, insecure and not",
  "refused: one location, blocked and not",
  "no table applies",
  "the longest of several prefixes applies",
  "two prefixes are equally long",
  "a wildcard applies",
  "a wildcard without location is not rewritten",
  "the prefix is the image",
  "the prefix ends at a colon",
  "the prefix ends at an at sign",
  "the registry itself is blocked",
  "a mirror is blocked",
  "a mirror of a blocked table is asked",
  "a pull by tag is refused as a whole",
  "a pull by digest is refused as a whole",
  "a key is in another case",
  "a version 1 table without its list counts for nothing",
  "an empty list is version 1",
  "version 1 blocks a registry",
  "a later file's alias replaces an earlier one's",
  "a later file's helpers replace an earlier one's",
  "refused: an empty entry of version 1",
  "refused: a search registry that is none",
  "refused: an unknown short-name mode",
  "refused: an alias that is not a short name",
  "refused: an alias that leads nowhere",
  "the registry itself is rewritten",
  "mirrors come before the registry itself",
  "neither a mirror nor a rewriting",
  "a rewriting is no reference",
  "a source is there twice",
];

Deno.test("the generated files and images meet each rule often", () => {
  const runs = share(2_000, 4_000);
  const met = new Map<string, number>();
  for (const { node, images } of fc.sample(generated, { numRuns: runs, seed: 7 })) {
    const rules = new Set<string>();
    const tables = readRegistries(node, (rule) => rules.add(rule));
    for (const image of tables === undefined ? [] : images) {
      readSources(tables?.tables ?? new Map(), image, (rule) => rules.add(rule));
    }
    for (const rule of rules) met.set(rule, (met.get(rule) ?? 0) + 1);
  }
  assert.deepEqual([...met.keys()].sort(), RULES.toSorted());
  const rare = [...met].filter(([, cases]) => cases < runs / 200);
  assert.deepEqual(rare, []);
});
