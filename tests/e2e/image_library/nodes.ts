/** Generated nodes: registries files as people write them, and as they should not. */

import fc from "fast-check";

/** A node's registries files, and what is pulled on it. */
export interface Node {
  /** Contents by absolute path. */
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** Names of images as the kubelet gives them, without tag or digest. */
  readonly images: readonly string[];
}

const HOSTS = [
  "quay.io",
  "a.quay.io",
  "b.a.quay.io",
  "docker.io",
  "registry-1.docker.io",
  "mirror.example.com",
  "mirror.example.com:5000",
  "localhost:5000",
];

const PATHS = ["", "/team", "/team/app", "/library", "/library/nginx"];

const IMAGES = [
  "docker.io/library/nginx",
  "docker.io/team/app",
  "quay.io/team/app",
  "quay.io/team/app/deep",
  "quay.io/library/nginx",
  "quay.io:5000/team/app",
  "a.quay.io/team/app",
  "b.a.quay.io/library",
  "quay.io.example.com/quay.io/team",
  "mirror.example.com/team/app",
  "mirror.example.com:5000/team/app",
  "localhost/team/app",
  "localhost:5000/library/nginx",
  "Registry.Example.COM/team/app",
  "registry-1.docker.io/library/nginx",
  "a-b.example.com/a__b/c-d/e.f",
  `quay.io/team/${"x".repeat(240)}`,
];

/** What the usual prefixes are for. */
const USUAL_IMAGES = [
  "docker.io/library/nginx",
  "docker.io/team/app",
  "quay.io/team/app",
  "quay.io/team/app/deep",
  "a.quay.io/team/app",
];

/** Places that are odd: some are no reference once an image's path follows. */
const ODD_PLACES = [
  "quay.io/",
  "quay.io//",
  "quay.io//team",
  "/quay.io",
  "HTTP://quay.io",
  "oci://quay.io",
  "index.docker.io",
  "index.docker.io/library",
  "docker.io/",
  "registry",
  "REGISTRY",
  "REGISTRY/team",
  "registry/team",
  "localhost",
  "LOCALHOST",
  "Quay.IO",
  "quay.io/Team",
  "[::1]:5000",
  "[fd00::1]",
  "10.0.0.1:5000",
  "mirror.example.com.:5000",
  "mirror..example.com",
  "-mirror.example.com",
  "mirror_1.example.com",
  "mirror.example.com:",
  "mirror.example.com:port",
  "mirror.example.com:5000/team:1.0",
  "quay.io/team/app:1.0",
  `quay.io/team@sha256:${"0".repeat(64)}`,
  "user@quay.io",
  "quay.io/a b",
  " quay.io",
  "quay.io/team/.app",
  "quay.io/team/a..b",
  "quay.io/team/a___b",
  "quay.io/team/a--b",
  "quay.io/team/a_.b",
  "bücher.example",
  "xn--bcher-kva.example/team",
  "*",
  "*.",
  "*.quay.io/team",
  "*.quay.io:5000",
  "a.*.io",
  "*.example.com/",
  `mirror.example.com/${"y".repeat(230)}`,
];

/** Places for which a whole file is refused. */
const REFUSED_PLACES = ["", "/", "//", "http://quay.io", "https://quay.io/team", "https://"];

const WILDCARDS = ["*.quay.io", "*.a.quay.io", "*.io", "*.docker.io", "*.example.com", "*.com"];

function often<T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight = 12): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: usual, weight }, { arbitrary: rare, weight: 1 });
}

const usualPlace = fc.tuple(fc.constantFrom(...HOSTS), fc.constantFrom(...PATHS))
  .map((parts) => parts.join(""));
const place = often(
  often(usualPlace, fc.constantFrom(...ODD_PLACES)),
  fc.constantFrom(...REFUSED_PLACES),
  150,
);
const prefix = fc.oneof(
  // Few, so that files name the same.
  { arbitrary: fc.constantFrom("quay.io", "quay.io/team", "docker.io", "*.quay.io"), weight: 9 },
  { arbitrary: place, weight: 3 },
  { arbitrary: fc.constantFrom(...WILDCARDS), weight: 2 },
  // The whole of an image's name.
  { arbitrary: fc.constantFrom(...USUAL_IMAGES), weight: 2 },
);

/** TOML of a value that is rarely of the right type. */
const wrongValue = fc.constantFrom(
  "1",
  "1.5",
  "true",
  "[]",
  '["a"]',
  '[["a"]]',
  "{}",
  "[{}]",
  '""',
  '"true"',
  "1979-05-27",
);

function text(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return often(value.map((value) => JSON.stringify(value)), wrongValue, 400);
}

const flag = often(fc.constantFrom("true", "false"), wrongValue, 400);

/** A key as written: letter case counts for nothing, Unicode's case folding included. */
function spelled(key: string): fc.Arbitrary<string> {
  return often(
    fc.constant(key),
    fc.constantFrom(
      key.toUpperCase(),
      key.charAt(0).toUpperCase() + key.slice(1),
      `"${key}"`,
      `"${key.replace("s", "\u017f")}"`,
      `"${key.replace("k", "\u212a")}"`,
    ),
    40,
  );
}

type Line = readonly [key: string, value: string];

/** Lines of a table: each member is there by its chance, in this order. */
function lines(
  members: readonly (readonly [key: string, value: fc.Arbitrary<string>, chance: number])[],
): fc.Arbitrary<Line[]> {
  const each = members.map(([key, value, chance]) => {
    const line: fc.Arbitrary<Line> = fc.tuple(spelled(key), value);
    return fc.oneof(
      { arbitrary: fc.constant<Line[]>([]), weight: Math.round(1000 * (1 - chance)) },
      { arbitrary: line.map((line) => [line]), weight: Math.round(1000 * chance) },
    );
  });
  return fc.tuple(...each).map((parts) => parts.flat());
}

const pullFromMirror = text(
  often(
    fc.constantFrom("all", "digest-only", "tag-only"),
    fc.constantFrom("", "none", "All", "tag"),
    40,
  ),
);

const mirror = lines([
  ["location", text(often(place, fc.constantFrom(...ODD_PLACES), 8)), 0.995],
  ["insecure", flag, 0.2],
  ["pull-from-mirror", pullFromMirror, 0.25],
  ["namespace-proxy", text(fc.constant("docker.io")), 0.03],
  ["blocked", flag, 0.03],
  ["unknown", wrongValue, 0.02],
]);

interface Table {
  readonly keys: readonly Line[];
  readonly mirrors: readonly (readonly Line[])[];
  readonly inline: boolean;
}

const registry: fc.Arbitrary<Table> = fc.record({
  keys: lines([
    ["prefix", text(prefix), 0.8],
    ["location", text(place), 0.99],
    ["insecure", flag, 0.05],
    ["blocked", often(fc.constant("true"), flag, 8), 0.15],
    ["mirror-by-digest-only", flag, 0.04],
    ["pull-from-mirror", pullFromMirror, 0.003],
    ["unknown", wrongValue, 0.02],
  ]),
  mirrors: fc.array(mirror, { maxLength: 3 }),
  inline: fc.constantFrom(false, false, false, true),
});

interface Style {
  readonly registry: string;
  readonly mirror: string;
}

const style: fc.Arbitrary<Style> = fc.record({
  registry: spelled("registry"),
  mirror: spelled("mirror"),
});

const members = (lines: readonly Line[]) =>
  lines.map(([key, value]) => `${key} = ${value}\n`).join("");
const inline = (lines: readonly Line[]) =>
  `{ ${lines.map(([key, value]) => `${key} = ${value}`).join(", ")} }`;

function formatTable({ keys, mirrors, inline: isInline }: Table, style: Style): string {
  const head = `[[${style.registry}]]\n${members(keys)}`;
  if (isInline && mirrors.length > 0) {
    return `${head}${style.mirror} = [${mirrors.map(inline).join(", ")}]\n`;
  }
  const one = (mirror: readonly Line[]) =>
    `[[${style.registry}.${style.mirror}]]\n${members(mirror)}`;
  return head + mirrors.map(one).join("");
}

/** Tables, all spelled alike; else the library takes the tables of either spelling. */
const tables = fc.array(registry, { minLength: 1, maxLength: 4 }).chain((tables) =>
  often(
    style.map((style) => tables.map(() => style)),
    fc.tuple(...tables.map(() => style)),
    60,
  ).map((styles) =>
    tables.map((table, index) => {
      const style = styles[index];
      return style === undefined ? "" : formatTable(table, style);
    }).join("")
  )
);

const list = (items: fc.Arbitrary<string>) =>
  often(
    fc.array(items.map((item) => JSON.stringify(item)), { maxLength: 3 })
      .map((items) => `[${items.join(", ")}]`),
    wrongValue,
    60,
  );

const aliasName = often(
  fc.constantFrom("nginx", "team/app", "a", "a/b/c"),
  fc.constantFrom("", "quay.io/nginx", "localhost/a", "Nginx", "nginx:1", "a//b", "host:5000/a"),
  20,
);
const aliasValue = often(
  fc.constantFrom("quay.io/team/nginx", "docker.io/library/nginx", "localhost/a", "h:5000/a", ""),
  fc.constantFrom(
    "nginx",
    "quay.io",
    "quay.io/a:1",
    "https://quay.io/a",
    "quay.io/A",
    "docker.io/a",
  ),
  20,
);
const aliases = fc.uniqueArray(fc.tuple(aliasName, text(aliasValue)), {
  maxLength: 3,
  selector: ([name]) => name,
}).map((entries) =>
  "[aliases]\n" + entries.map(([name, value]) => `${JSON.stringify(name)} = ${value}\n`).join("")
);

const topLevel = lines([
  [
    "unqualified-search-registries",
    list(often(
      fc.constantFrom("docker.io", "quay.io", "localhost", "registry", "mirror.example.com:5000"),
      fc.constantFrom(
        "",
        "https://docker.io",
        "docker.io/library",
        "docker.io/",
        "[::1]",
        "a_b",
        "A",
      ),
      15,
    )),
    0.2,
  ],
  [
    "short-name-mode",
    text(often(
      fc.constantFrom("enforcing", "permissive", "disabled"),
      fc.constantFrom("", "sometimes", "Enforcing"),
      10,
    )),
    0.12,
  ],
  [
    "credential-helpers",
    list(fc.constantFrom("containers-auth.json", "knows-all", "knows-none", "lost", "")),
    0.12,
  ],
  ["additional-layer-store-auth-helper", text(fc.constant("helper")), 0.03],
  ["unknown", wrongValue, 0.03],
]);

const v1Names = list(often(usualPlace, fc.constantFrom("", "https://quay.io", "quay.io/"), 8));
const v1Table = (name: string) =>
  fc.option(lines([["registries", v1Names, 0.9], ["unknown", wrongValue, 0.05]]))
    .map((lines) => lines === null ? "" : `[registries.${name}]\n${members(lines)}`);
const version1 = fc.tuple(
  v1Table("search"),
  v1Table("insecure"),
  v1Table("block"),
  fc.constantFrom("", "", "", "[registries.other]\n", "[registries]\n"),
).map((tables) => tables.join(""));

/** Texts after the rest of a file, most of which spoil it. */
const spoiler = fc.constantFrom(
  "[registry]\nlocation = 'quay.io'\n",
  "[[registry.mirror]]\nlocation = 'quay.io'\n",
  "registries = 1\n",
  "[aliases]\n[aliases]\n",
  "location = 'a'\nlocation = 'b'\n",
  "location = 'a' # \u0007\n",
  "= 1\n",
  "x = {a = 1,\n b = 2}\n",
  'x = """a\r\n\\\n b"""\n',
  "x = 0x10\ny = 1_000\nz = inf\n",
  "x = 9223372036854775808\n",
  "x.y.z = 1\n",
  "'' = 1\n",
  "x = 07:32\n",
  'x = "\\e"\n',
  'x = "\\x41"\n',
  "x = 1979-05-27 07:32:00Z\n",
  "[registry.mirror]\n",
  "registry = []\n",
  "\u0000",
  "\tx = [\n1,\n2,\n]\n",
);

const file = fc.tuple(
  topLevel,
  tables,
  often(fc.constant(""), aliases, 6),
  often(fc.constant(""), spoiler, 60),
  often(fc.constant(""), version1, 120),
).map(([top, tables, ...rest]) => members(top) + tables + rest.join(""));

const WAYS: Readonly<Record<string, (text: string) => Uint8Array<ArrayBuffer>>> = {
  "byte order mark": (text) => encode(`\ufeff${text}`),
  "CRLF": (text) => encode(text.replaceAll("\n", "\r\n")),
  "CR": (text) => encode(text.replaceAll("\n", "\r")),
  // The library takes a file of a mark alone.
  "UTF-16": (text) =>
    new Uint8Array(Uint16Array.from(`\ufeff#${text}`, (c) => c.charCodeAt(0)).buffer),
  "Latin-1": (text) => Uint8Array.from(`# \u00e9\n${text}`, (c) => c.charCodeAt(0)),
};

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function encoded(texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return often(
    texts.map(encode),
    fc.tuple(texts, fc.constantFrom(...Object.values(WAYS))).map(([text, way]) => way(text)),
    30,
  );
}

const dropIn = encoded(file);
const main = encoded(often(
  file,
  fc.tuple(often(fc.constant(""), topLevel.map(members), 6), version1).map((texts) =>
    texts.join("")
  ),
  30,
));

type Files = readonly (readonly [path: string, content: Uint8Array<ArrayBuffer>])[];

const MAIN = "/etc/containers/registries.conf";
/** What the newer generation alone reads. */
const VENDOR_MAIN = "/usr/share/containers/registries.conf";
const DROP_INS = "/etc/containers/registries.conf.d/";
/** What the newer generation alone reads. */
const MORE_DROP_INS = [
  "/usr/share/containers/registries.conf.d/",
  "/usr/share/containers/registries.rootful.conf.d/",
  "/etc/containers/registries.rootful.conf.d/",
];

const dropInName = often(
  fc.constantFrom("a.conf", "b.conf", "10-a.conf", "9.conf"),
  fc.constantFrom(
    "a.conf.conf",
    "a.bak",
    ".conf",
    "A.conf",
    "\u00e4.conf",
    "\u{1f600}.conf",
    "\uff5e.conf",
    "a-.conf",
    "ab.conf",
    "sub/a.conf",
    "a.CONF",
  ),
  4,
);

const dropIns: fc.Arbitrary<Files> = fc.uniqueArray(
  fc.tuple(
    often(fc.constant(DROP_INS), fc.constantFrom(...MORE_DROP_INS), 3),
    dropInName,
    dropIn,
  ),
  { maxLength: 3, selector: ([directory, name]) => directory + name },
).map((files) => files.map(([directory, name, content]) => [directory + name, content]));

const mains: fc.Arbitrary<Files> = fc.oneof(
  { arbitrary: main.map((content): Files => [[MAIN, content]]), weight: 20 },
  { arbitrary: fc.constant<Files>([]), weight: 1 },
  { arbitrary: main.map((content): Files => [[VENDOR_MAIN, content]]), weight: 1 },
  {
    arbitrary: fc.tuple(main, main).map((
      [one, other],
    ): Files => [[MAIN, one], [VENDOR_MAIN, other]]),
    weight: 1,
  },
);

/** Nodes. */
export const nodes: fc.Arbitrary<Node> = fc.record({
  mains,
  dropIns: often(fc.constant<Files>([]), dropIns, 2),
  images: fc.uniqueArray(often(fc.constantFrom(...USUAL_IMAGES), fc.constantFrom(...IMAGES), 3), {
    minLength: 1,
    maxLength: 4,
  }),
}).map(({ mains, dropIns, images }) => ({
  files: Object.fromEntries([...mains, ...dropIns]),
  images,
}));

/** Whether the older generation of the library reads all of a node's files. */
export function isForBothGenerations({ files }: Pick<Node, "files">): boolean {
  return Object.keys(files).every((path) => path === MAIN || path.startsWith(DROP_INS));
}
