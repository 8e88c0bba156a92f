import assert from "node:assert/strict";
import { mergeRegistries } from "../../../src/sources/registries_conf/config.ts";
import {
  findPullSources,
  findRegistry,
  matchPrefix,
  readRegistriesSources,
  refusedBy,
} from "../../../src/sources/registries_conf/pull_sources.ts";
import { formatRepository } from "../../../src/sources/reference.ts";
import { DEFAULT_SETTINGS } from "../../../src/settings/settings.ts";

function load(text: string) {
  return mergeRegistries({ main: { path: "registries.conf", text }, dropIns: [] });
}

const MATCHES: readonly [reference: string, prefix: string, covered: number | undefined][] = [
  ["docker.io/library/nginx", "docker.io", 9],
  ["docker.io/library/nginx", "docker.io/library", 17],
  ["docker.io/library/nginx", "docker.io/lib", undefined],
  ["docker.io/library/nginx", "docker.io/library/nginx", 23],
  ["docker.io/library/nginx", "docker.io/library/nginx/x", undefined],
  ["docker.iox/library/nginx", "docker.io", undefined],
  // The image library's matching goes on at a colon, whether a port or a tag follows.
  ["example.com:5000/a", "example.com", 11],
  ["example.com/a:1.0", "example.com/a", 13],
  ["example.com/a@sha256:0", "example.com/a", 13],
  ["a.example.com/x", "*.example.com", 13],
  ["a.b.example.com/x", "*.example.com", 15],
  ["example.com/x", "*.example.com", undefined],
  ["a.example.com:5000/x", "*.example.com", 13],
  ["a.example.community/x", "*.example.com", undefined],
  ["other.io/a.example.com/x", "*.example.com", undefined],
  // Only the first occurrence is looked at.
  ["a.example.comx.example.com/x", "*.example.com", undefined],
];

for (const [reference, prefix, covered] of MATCHES) {
  const verdict = covered === undefined ? "does not match" : `matches ${covered} characters of`;
  Deno.test(`the prefix ${prefix} ${verdict} ${reference}`, () => {
    assert.equal(matchPrefix(reference, prefix), covered);
  });
}

const LONGEST: readonly [name: string, prefixes: readonly string[], chosen: string][] = [
  ["the longest prefix", ["docker.io", "docker.io/library", "docker.io/lib"], "docker.io/library"],
  ["a longer plain prefix over a wildcard", ["*.io", "docker.io"], "docker.io"],
  ["a longer wildcard over a plain prefix", ["*.hub.docker.io", "a"], "*.hub.docker.io"],
  ["a wildcard over a plain prefix of the same length", ["a.b.io", "*.b.io"], "*.b.io"],
];

for (const [name, prefixes, chosen] of LONGEST) {
  Deno.test(`the table that applies is the one with ${name}`, () => {
    const image = { "*.hub.docker.io": "x.hub.docker.io/a", "*.b.io": "a.b.io/x" }[chosen] ??
      "docker.io/library/nginx";
    const tables = prefixes.map((p) => `[[registry]]\nprefix = "${p}"\nlocation = "l.io"\n`);
    for (const order of [tables, tables.toReversed()]) {
      assert.equal(findRegistry(load(order.join("")), image)?.prefix, chosen);
    }
  });
}

const SOURCES: readonly [name: string, toml: string, image: string, sources: string[]][] = [
  [
    "each mirror is a source, then the registry itself",
    `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "a.io/hub"\n[[registry.mirror]]\nlocation = "localhost:5000"`,
    "docker.io/library/nginx",
    ["a.io/hub/library/nginx", "localhost:5000/library/nginx", "docker.io/library/nginx"],
  ],
  [
    "a registry without mirrors and without rewriting has none",
    `[[registry]]\nlocation = "docker.io"`,
    "docker.io/library/nginx",
    [],
  ],
  [
    "a primary whose prefix is not its location is rewritten",
    `[[registry]]\nprefix = "example.com/foo"\nlocation = "internal.io/bar"`,
    "example.com/foo/app",
    ["internal.io/bar/app"],
  ],
  [
    "what follows the prefix is kept, to the letter",
    `[[registry]]\nprefix = "docker.io/library"\nlocation = "a.io/mirror-of-library"`,
    "docker.io/library/nginx",
    ["a.io/mirror-of-library/nginx"],
  ],
  [
    "a wildcard's location replaces the host that it covers",
    `[[registry]]\nprefix = "*.example.com"\nlocation = "mirror.io/all"`,
    "a.b.example.com/team/app",
    ["mirror.io/all/team/app"],
  ],
  [
    "a wildcard without location is not rewritten, but has mirrors",
    `[[registry]]\nprefix = "*.example.com"\n[[registry.mirror]]\nlocation = "mirror.io"`,
    "a.example.com/app",
    ["mirror.io/app", "a.example.com/app"],
  ],
  [
    "a blocked registry without mirrors has none",
    `[[registry]]\nlocation = "docker.io"\nblocked = true`,
    "docker.io/library/nginx",
    [],
  ],
  [
    "the mirrors of a blocked registry are sources, and the registry itself is none",
    `[[registry]]\nprefix = ""\nlocation = "quay.io/team"\nblocked = true\n\n[[registry.mirror]]\nlocation = "mirror.example.com:5000/team"\npull-from-mirror = "digest-only"`,
    "quay.io/team/app",
    ["mirror.example.com:5000/team/app"],
  ],
  [
    "a mirror that a table of its own blocks is none",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io/x"\n[[registry.mirror]]\nlocation = "n.io"\n[[registry]]\nlocation = "m.io"\nblocked = true`,
    "a.io/app",
    ["n.io/app", "a.io/app"],
  ],
  [
    "a mirror below a blocked one is a source where a longer table lets it be",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io/x"\n[[registry]]\nlocation = "m.io"\nblocked = true\n[[registry]]\nlocation = "m.io/x"`,
    "a.io/app",
    ["m.io/x/app", "a.io/app"],
  ],
  [
    "a blocked prefix is rewritten to a location that is not",
    `[[registry]]\nprefix = "a.io"\nlocation = "b.io"\nblocked = true`,
    "a.io/app",
    ["b.io/app"],
  ],
  [
    "a prefix is not rewritten to a location that another table blocks",
    `[[registry]]\nprefix = "a.io"\nlocation = "b.io/x"\n[[registry]]\nlocation = "b.io"\nblocked = true`,
    "a.io/app",
    [],
  ],
  [
    "a wildcard blocks mirrors as it blocks images",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.b.io"\n[[registry]]\nprefix = "*.b.io"\nblocked = true`,
    "a.io/app",
    ["a.io/app"],
  ],
  [
    "keys are found in any case",
    `[[Registry]]\nLocation = "docker.io"\n[[Registry.Mirror]]\nLocation = "mirror.example.com:5000"`,
    "docker.io/library/nginx",
    ["mirror.example.com:5000/library/nginx", "docker.io/library/nginx"],
  ],
  [
    "mirrors for digests or tags only count, since the kubelet does not tell which it is",
    `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "a.io"\npull-from-mirror = "digest-only"\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "tag-only"`,
    "docker.io/library/nginx",
    ["a.io/library/nginx", "b.io/library/nginx", "docker.io/library/nginx"],
  ],
  [
    "a source that is there twice is one",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "a.io"`,
    "a.io/app",
    ["a.io/app"],
  ],
  [
    "a primary that is rewritten has mirrors, too, each with what follows the prefix",
    `[[registry]]\nprefix = "a.io/x"\nlocation = "b.io/y"\n[[registry.mirror]]\nlocation = "c.io/z"`,
    "a.io/x/app",
    ["c.io/z/app", "b.io/y/app"],
  ],
  [
    "an image that is the prefix itself is rewritten to the location itself",
    `[[registry]]\nprefix = "a.io/x/app"\nlocation = "b.io/other"`,
    "a.io/x/app",
    ["b.io/other"],
  ],
  [
    "a host with a port may be rewritten by its name alone",
    `[[registry]]\nprefix = "a.io"\nlocation = "b.io"`,
    "a.io:5000/app",
    ["b.io:5000/app"],
  ],
  [
    "a more specific table counts, though it has no mirrors",
    `[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\n[[registry]]\nlocation = "a.io/team"`,
    "a.io/team/app",
    [],
  ],
  [
    "a tag or digest in the image's name is no part of the repository",
    `[[registry]]\nlocation = "a.io/app"\n[[registry.mirror]]\nlocation = "b.io/mirrored"`,
    `a.io/app:1.0@sha256:${"0".repeat(64)}`,
    ["b.io/mirrored", "a.io/app"],
  ],
  ["an image of no table has none", `[[registry]]\nlocation = "docker.io"`, "quay.io/team/app", []],
];

for (const [name, toml, image, expected] of SOURCES) {
  Deno.test(`pull sources: ${name}`, () => {
    assert.deepEqual(findPullSources(load(toml), image).sources.map(formatRepository), expected);
  });
}

/** The endpoints that spoil pulls, each with the pulls that it spoils. */
function spoiled(toml: string, image: string): string[] {
  return findPullSources(load(toml), image).endpoints.flatMap((endpoint) => {
    const refused = refusedBy(endpoint);
    return refused.length === 0 ? [] : [`${endpoint.reference}: ${refused.join()}`];
  });
}

const table = (location: string, ...mirrors: (readonly [location: string, pulls?: string])[]) =>
  `[[registry]]\nlocation = "${location}"\n` +
  mirrors.map(([location, pulls = ""]) =>
    `[[registry.mirror]]\nlocation = "${location}"\npull-from-mirror = "${pulls}"\n`
  ).join("");

const SPOILED: readonly [name: string, toml: string, image: string, spoiled: string[]][] = [
  [
    "a host with a dot at its end spoils every pull",
    table("docker.io", ["my-mirror.example.com.:5500"], ["mirror.example.com:5000"]),
    "docker.io/library/nginx",
    ["my-mirror.example.com.:5500/library/nginx: tag,digest"],
  ],
  [
    "so do a path in upper case, a host without a dot, one of capitals and an IPv6 address",
    table("docker.io", ["a.io/UPPER"], ["nohost"], ["MIRROR"], ["[::1]:5000"]),
    "docker.io/library/nginx",
    [
      "a.io/UPPER/library/nginx: tag,digest",
      "nohost/library/nginx: tag,digest",
      "MIRROR/library/nginx: tag,digest",
      "[::1]:5000/library/nginx: tag,digest",
    ],
  ],
  [
    "a mirror spoils the pulls that it is asked in alone",
    table("a.io", ["b.io/X", "digest-only"], ["c.io/X", "tag-only"], ["d.io", "tag-only"]),
    "a.io/app",
    ["b.io/X/app: digest", "c.io/X/app: tag"],
  ],
  [
    "a location with a tag spoils pulls by tag, where the prefix is the whole image",
    `[[registry]]\nprefix = "a.io/app"\nlocation = "b.io/app:1.0"`,
    "a.io/app",
    ["b.io/app:1.0: tag"],
  ],
  [
    "a location with a digest spoils every pull",
    `[[registry]]\nprefix = "a.io/app"\nlocation = "b.io/app@sha256:${"0".repeat(64)}"`,
    "a.io/app",
    [`b.io/app@sha256:${"0".repeat(64)}: tag,digest`],
  ],
  [
    "a mirror under Docker Hub's old name spoils them",
    table("a.io", ["index.docker.io/library"]),
    "a.io/app",
    ["index.docker.io/library/app: tag,digest"],
  ],
  [
    "as does a Docker Hub name without library/",
    `[[registry]]\nprefix = "a.io/app"\nlocation = "docker.io/app"`,
    "a.io/app",
    ["docker.io/app: tag,digest"],
  ],
  [
    "a blocked mirror spoils none",
    `${table("a.io", ["b.io"])}${table("b.io")}blocked = true`,
    "a.io/app",
    [],
  ],
];

for (const [name, toml, image, expected] of SPOILED) {
  Deno.test(`pulls that the image library refuses as a whole: ${name}`, () => {
    assert.deepEqual(spoiled(toml, image), expected);
  });
}

Deno.test("beside an endpoint that spoils the pull the other sources are still provided for", () => {
  const { sources } = findPullSources(
    load(table("docker.io", ["a.io/UPPER"], ["b.io"])),
    "docker.io/library/nginx",
  );
  assert.deepEqual(sources.map(formatRepository), [
    "b.io/library/nginx",
    "docker.io/library/nginx",
  ]);
});

/** Reads a main file and a drop-in as a pull does. */
function readAsInPull(main: string, dropIn: string, image: string) {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/d`);
    Deno.writeTextFileSync(`${root}/main`, main);
    Deno.writeTextFileSync(`${root}/d/10.conf`, dropIn);
    const { warnings } = readRegistriesSources(
      { ...DEFAULT_SETTINGS, registriesConf: [`${root}/main`], registriesConfDir: [`${root}/d`] },
      image,
    );
    return warnings.map((warning) => warning.replaceAll(`${root}/`, ""));
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("what spoils a pull is a warning with file, line and endpoint", () => {
  const main = `# mirrors\n${table("docker.io", ["a.io"], ["b.io/UPPER"])}`;
  assert.deepEqual(readAsInPull(main, "", "docker.io/library/nginx"), [
    'main:8: the mirror "b.io/UPPER" makes "b.io/UPPER/library/nginx" of the image, which is not a valid ' +
    "reference: CRI-O refuses every pull of docker.io/library/nginx, and asks no other mirror and no " +
    "registry either",
  ]);
});

Deno.test("a mirror that spoils pulls of one form is a warning about those", () => {
  const [warning = ""] = readAsInPull(table("a.io", ["b.io/X", "digest-only"]), "", "a.io/app");
  assert.match(warning, /CRI-O refuses every pull by digest of a\.io\/app/);
});

Deno.test("why there is no pull source is said by what the endpoints are", async () => {
  const root = await Deno.makeTempDir();
  try {
    const blocked = (host: string) => `[[registry]]\nlocation = "${host}"\nblocked = true\n`;
    const mirror = (location: string) => `[[registry.mirror]]\nlocation = "${location}"\n`;
    const why = (toml: string) => {
      Deno.writeTextFileSync(`${root}/main`, toml);
      const settings = { registriesConf: [`${root}/main`], registriesConfDir: [] };
      return readRegistriesSources({ ...DEFAULT_SETTINGS, ...settings }, "a.io/app").nothingToDo;
    };
    assert.equal(
      why(blocked("a.io") + mirror("b.io") + blocked("b.io")),
      "every pull source is blocked",
    );
    assert.equal(
      why(`[[registry]]\nprefix = "a.io"\nlocation = "b.io/X"\n`),
      "no pull source is a valid reference",
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a password in a location is not part of the warning", () => {
  const main = table("docker.io", ["me:s3cret@a.io"]);
  const [warning = "", ...more] = readAsInPull(main, "", "docker.io/library/nginx");
  assert.match(warning, /^main:4: the mirror "…@a\.io" makes "…@a\.io\/library\/nginx"/);
  assert.ok(!warning.includes("s3cret") && more.length === 0);
});

const HELPERS: readonly [
  name: string,
  main: string,
  dropIn: string,
  warning: RegExp | undefined,
][] = [
  [
    "a list without auth files",
    `credential-helpers = ["ecr-login"]`,
    "",
    /^main: "credential-helpers" has no "containers-auth\.json": CRI-O reads no auth file, and asks the credential helpers "ecr-login" alone; put /,
  ],
  [
    "a list with another helper in front",
    `credential-helpers = ["ecr-login", "containers-auth.json"]`,
    "",
    /^main: "credential-helpers" has "ecr-login" before "containers-auth\.json"/,
  ],
  [
    "a list with auth files in front",
    `credential-helpers = ["containers-auth.json", "x"]`,
    "",
    undefined,
  ],
  ["an empty list", `credential-helpers = []`, "", undefined],
  [
    "a drop-in's list replaces the main file's",
    `credential-helpers = ["containers-auth.json"]`,
    `Credential-Helpers = ["pass"]`,
    /^d\/10\.conf: "credential-helpers" has no/,
  ],
  [
    "a drop-in's empty list takes the main file's back",
    `credential-helpers = ["pass"]`,
    `credential-helpers = []`,
    undefined,
  ],
];

for (const [name, main, dropIn, warning] of HELPERS) {
  Deno.test(`credential helpers before the auth file are a warning: ${name}`, () => {
    const mirrored = `${main}\n${table("docker.io", ["mirror.example.com:5000"])}`;
    const warnings = readAsInPull(mirrored, dropIn, "docker.io/library/nginx");
    assert.equal(warnings.length, warning === undefined ? 0 : 1, warnings.join());
    if (warning !== undefined) assert.match(warnings[0] ?? "", warning);
    assert.deepEqual(readAsInPull(mirrored, dropIn, "quay.io/team/app"), []);
  });
}

Deno.test("keys that differ in case only are a warning, since the library takes either", () => {
  const main =
    `[[registry]]\nlocation = "a.io"\nLocation = "b.io"\n[[registry.mirror]]\nlocation = "m.io"`;
  assert.deepEqual(readAsInPull(main, "", "a.io/app"), [
    'main: "location" in "registry[0]" is written in more than one case, and which one CRI-O ' +
    "reads is left to chance; keep one of them",
  ]);
});

/** Files as they are met on nodes. */
const FIXTURES: readonly [file: string, image: string, sources: string[]][] = [
  ["mirror.conf", "docker.io/library/nginx", [
    "localhost:5000/library/nginx",
    "docker.io/library/nginx",
  ]],
  ["mirror.conf", "quay.io/team/app", []],
  ["version-1.conf", "docker.io/library/nginx", []],
  ["openshift.conf", "quay.io/openshift-release-dev/ocp-release", [
    "mirror.example.com:8443/ocp4/openshift4",
    "quay.io/openshift-release-dev/ocp-release",
  ]],
  ["openshift.conf", "quay.io/openshift-release-dev/ocp-v4.0-art-dev", []],
  ["openshift.conf", "registry.redhat.io/ubi9/ubi", ["mirror.example.com:8443/redhat/ubi9/ubi"]],
  ["openshift.conf", "docker.io/library/nginx", [
    "mirror.example.com:8443/hub/nginx",
    "backup.example.com/hub/nginx",
    "docker.io/library/nginx",
  ]],
  ["rewritten.conf", "example.com/foo/app", ["internal-registry.example.net/bar/app"]],
  ["rewritten.conf", "example.com/other/app", []],
  ["rewritten.conf", "eu.cloud.example.com/team/app", [
    "proxy.example.net:5000/cloud/team/app",
  ]],
  ["rewritten.conf", "a.b.example.org/app", [
    "proxy.example.net:5000/org/app",
    "a.b.example.org/app",
  ]],
];

for (const [file, image, expected] of FIXTURES) {
  Deno.test(`by ${file}, ${image} has ${expected.length} pull sources`, () => {
    const text = Deno.readTextFileSync(
      new URL(`../../../fixtures/registries/${file}`, import.meta.url),
    );
    assert.deepEqual(findPullSources(load(text), image).sources.map(formatRepository), expected);
    assert.deepEqual(spoiled(text, image), []);
  });
}
