import assert from "node:assert/strict";
import { mergeRegistries } from "../../src/registries/config.ts";
import { findPullSources, findRegistry, matchPrefix } from "../../src/registries/pull_sources.ts";
import { formatRepository } from "../../src/registries/reference.ts";

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
    "a blocked registry has none",
    `[[registry]]\nlocation = "docker.io"\nblocked = true\n[[registry.mirror]]\nlocation = "a.io"`,
    "docker.io/library/nginx",
    [],
  ],
  [
    "mirrors for digests or tags only count, since the kubelet does not tell which it is",
    `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "a.io"\npull-from-mirror = "digest-only"\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "tag-only"`,
    "docker.io/library/nginx",
    ["a.io/library/nginx", "b.io/library/nginx", "docker.io/library/nginx"],
  ],
  [
    "a source that stands twice is one",
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

Deno.test("a rewriting that gives no valid reference is told of, and the others count", () => {
  const configuration = load(
    `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "a.io/UPPER"\n[[registry.mirror]]\nlocation = "nohost"`,
  );
  const { sources, unusable } = findPullSources(configuration, "docker.io/library/nginx");
  assert.deepEqual(sources.map(formatRepository), ["docker.io/library/nginx"]);
  assert.deepEqual(unusable, ["a.io/UPPER/library/nginx", "nohost/library/nginx"]);
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
  ["openshift.conf", "registry.redhat.io/ubi9/ubi", []],
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
      new URL(`../../fixtures/registries/${file}`, import.meta.url),
    );
    const { sources, unusable } = findPullSources(load(text), image);
    assert.deepEqual(sources.map(formatRepository), expected);
    assert.deepEqual(unusable, []);
  });
}
