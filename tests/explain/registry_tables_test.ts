import assert from "node:assert/strict";
import { explainRegistries, isRegistryItself } from "../../src/explain/registry_tables.ts";

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
    mirrors: ["new.local/hub"],
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

Deno.test("the registry itself is told apart from its mirrors", () => {
  const cases: [image: string, text: string, roles: boolean[]][] = [
    ["docker.io/a/b", `location = "docker.io"\nmirror = [{ location = "m.io" }]`, [false, true]],
    ["a.io/x", `prefix = "a.io"\nlocation = "b.io/c"`, [true]],
    ["a.io/x", `location = "a.io"\nmirror = [{ location = "m.io" }, { location = "a.io" }]`, [
      false,
      true,
    ]],
    ["a.b.io/x", `prefix = "*.b.io"\nmirror = [{ location = "m.io" }]`, [false, true]],
    ["a.io/x", `location = "a.io/X"\nprefix = "a.io"\nmirror = [{ location = "m.io" }]`, [false]],
  ];
  for (const [image, text, roles] of cases) {
    const main = { path: "main.conf", text: `[[registry]]\n${text}\n` };
    const { registry, sources } = explainRegistries({ main, dropIns: [] }, image).pullSources;
    assert.ok(registry);
    assert.deepEqual(sources.map((source) => isRegistryItself(source, registry, image)), roles);
  }
});
