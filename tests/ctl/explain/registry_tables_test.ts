import assert from "node:assert/strict";
import { explainRegistries } from "../../../src/ctl/explain/registry_tables.ts";

const MAIN = `unqualified-search-registries = ["docker.io"]

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "old.local"

[[registry]]
prefix = "docker.io"
location = "docker.io"

[[registry]]
location = "docker.io/library"
`;
const DROP_IN = `[[registry]]
location = "quay.io"

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "new.local/hub"
`;

function explain(image: string, dropIn = DROP_IN) {
  return explainRegistries({
    main: { path: "main.conf", text: MAIN },
    dropIns: [{ path: "10.conf", text: dropIn }],
  }, image);
}

Deno.test("the table that applies is told with file and line", () => {
  const { table, files, pullSources } = explain("docker.io/team/app");
  assert.deepEqual(files, ["main.conf", "10.conf"]);
  assert.deepEqual(table, {
    prefix: "docker.io",
    location: "docker.io",
    mirrors: [{ location: "new.local/hub", pulls: "all" }],
    blocked: false,
    file: "10.conf",
    line: 4,
  });
  assert.equal(pullSources.sources.length, 2);
});

Deno.test("tables that match and do not apply are told with the reason", () => {
  const told = (image: string, dropIn?: string) =>
    explain(image, dropIn).passedOver.map(({ file, line, reason }) => `${file}:${line} ${reason}`);
  assert.deepEqual(told("docker.io/team/app"), [
    "main.conf:3 replaced by the table with the same prefix in 10.conf",
    "main.conf:8 replaced by the table with the same prefix in 10.conf",
  ]);
  assert.deepEqual(told("docker.io/team/app", ""), [
    "main.conf:8 an earlier table of this file has the same prefix",
  ]);
  assert.deepEqual(told("docker.io/library/nginx"), [
    "main.conf:3 its prefix is shorter",
    "main.conf:8 its prefix is shorter",
    "10.conf:4 its prefix is shorter",
  ]);
  const twins = `[[registry]]\nlocation = "a.x.io"\n[[registry]]\nprefix = "*.x.io"\n`;
  assert.deepEqual(told("a.x.io/app", twins), [
    "10.conf:1 its prefix is as long, and a wildcard counts first",
  ]);
  assert.deepEqual(told("ghcr.io/app"), []);
});

Deno.test("a table in an array is told without a line", () => {
  const { table } = explain("ghcr.io/app", `registry = [{ location = "ghcr.io" }]`);
  assert.deepEqual([table?.file, table?.line], ["10.conf", undefined]);
});

Deno.test("endpoints that are blocked are told with the table that applies to them", () => {
  const toml = `[[registry]]
location = "a.io"
blocked = true
[[registry.mirror]]
location = "m.io/x"
pull-from-mirror = "digest-only"
[[registry]]
location = "m.io"
blocked = true
`;
  const { blocked } = explainRegistries(
    { main: { path: "f", text: toml }, dropIns: [] },
    "a.io/app",
  );
  assert.deepEqual(blocked, [
    {
      repository: "m.io/x/app",
      role: "mirror",
      pulls: "digest-only",
      by: { prefix: "m.io", file: "f", line: 7 },
    },
    {
      repository: "a.io/app",
      role: "registry",
      pulls: "all",
      by: { prefix: "a.io", file: "f", line: 1 },
    },
  ]);
});

Deno.test("an endpoint that spoils pulls is told with its place and what is wrong", () => {
  const toml = `[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "my-mirror.example.com.:5500"
[[registry.mirror]]
location = "mirror.example.com:5000"
`;
  const { invalid } = explainRegistries(
    { main: { path: "f", text: toml }, dropIns: [] },
    "docker.io/library/nginx",
  );
  assert.deepEqual(invalid, [{
    reference: "my-mirror.example.com.:5500/library/nginx",
    role: "mirror",
    place: "f:4",
    problem: 'the mirror "my-mirror.example.com.:5500" makes ' +
      '"my-mirror.example.com.:5500/library/nginx" of the image, which is not a valid reference: it has a ' +
      "host that is not a host name with an optional port",
    refuses: ["tag", "digest"],
  }]);
});

const ALIASES = `[aliases]
nginx = "quay.io/mirrored/nginx"
"library/redis" = "quay.io/mirrored/redis"
"team/app" = "docker.io/team/app"
httpd = ""
`;

const NAMES: readonly [image: string, written: string | undefined, told: string[]][] = [
  ["docker.io/library/nginx", "nginx:1.27", ["nginx quay.io/mirrored/nginx used"]],
  ["docker.io/library/nginx", undefined, ["nginx quay.io/mirrored/nginx perhaps"]],
  ["docker.io/library/nginx", "docker.io/library/nginx", []],
  ["docker.io/library/nginx", "library/nginx", []],
  ["docker.io/library/redis", undefined, ["library/redis quay.io/mirrored/redis perhaps"]],
  ["docker.io/team/app", "team/app", []],
  ["docker.io/library/httpd", "httpd", []],
  ["quay.io/team/app", undefined, []],
];

for (const [image, written, told] of NAMES) {
  Deno.test(`${image}, written ${written ?? "in no known way"}, has ${told.length} aliases`, () => {
    const main = { path: "f", text: ALIASES };
    const { aliases } = explainRegistries({ main, dropIns: [] }, image, written);
    assert.deepEqual(
      aliases.map(({ name, target, isUsed }) => `${name} ${target} ${isUsed ? "used" : "perhaps"}`),
      told,
    );
  });
}
