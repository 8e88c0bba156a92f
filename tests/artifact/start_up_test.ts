import assert from "node:assert/strict";
import { modulesAtStart } from "../support/module_graph.ts";
import { Cluster, IMAGE } from "../support/cluster.ts";
import { recordPull } from "../support/permission_record.ts";

/** The rooms that a pull needs, and what of `src/` itself. */
const ROOMS = [
  "src/credentials/",
  "src/delivery/",
  "src/kubelet/",
  "src/kubernetes/",
  "src/process/",
  "src/sources/",
  "src/text/",
  "src/errors.ts",
  "src/main.ts",
  "src/plugin.ts",
  "src/redact.ts",
];
/** In these rooms, what only some pulls need, or only people: it is behind an `import()`, or not there. */
const NOT_AT_START = [
  // What is for containerd alone.
  "src/sources/hosts_toml/",
  "src/delivery/response_auth.ts",
  "src/sources/registries_conf/invalid_reference.ts",
  "src/delivery/auth_file/library_entry.ts",
  "src/kubelet/pulled_images.ts",
  "src/process/printed.ts",
  "src/text/duration.ts",
  "src/text/kebab.ts",
  "src/text/schema.ts",
  "src/text/table.ts",
  "src/text/wrap.ts",
  "src/text/yaml.ts",
];
const PACKAGES = ["smol-toml"];

Deno.test("the path of a pull evaluates no module from a room that it does not need", async () => {
  const { own, packages } = await modulesAtStart("src/main.ts");
  assert.deepEqual(packages.map((name) => name.split("@")[0]), PACKAGES);
  assert.ok(own.includes("src/plugin.ts"), own.join("\n"));
  const begins = (path: string) => (start: string) => path.startsWith(start);
  assert.deepEqual(
    own.filter((path) => !ROOMS.some(begins(path)) || NOT_AT_START.some(begins(path))),
    [],
  );
});

Deno.test("what a pull leaves out at its start is there, so that the list is of something", async () => {
  for (const path of [...ROOMS, ...NOT_AT_START]) {
    await Deno.stat(new URL(`../../${path}`, import.meta.url));
  }
});

Deno.test("what is loaded for containerd alone brings nothing of CRI-O's", async () => {
  for (const path of ["sources/hosts_toml/pull_sources.ts", "delivery/response_auth.ts"]) {
    const { own } = await modulesAtStart(`src/${path}`);
    assert.ok(!own.some((path) => /registries_conf|auth_file/.test(path)), own.join("\n"));
  }
});

/** What the runtime is asked for, by its own record: kind and path below the node's root. */
async function accesses(cluster: Cluster, image: string): Promise<string[]> {
  const { code, accesses } = await recordPull(cluster, image);
  assert.equal(code, 0);
  return accesses.filter(({ permission }) => permission !== "net")
    .map(({ permission, value }) =>
      `${permission} ${value.replace(cluster.node.root, "").replace(/[0-9a-f]{16,}/, "…")}`
    );
}

/** A file is looked at, and opened if it is one: opening a FIFO would wait. */
const opened = (path: string) => [`read ${path}`, `read ${path}`];

const REGISTRIES = [
  ...opened("/etc/containers/registries.conf"),
  "read /etc/containers/registries.conf.d",
];
const API_SERVER = opened("/etc/kubernetes/pki/ca.crt");
const AUTH_FILE = [
  // The directory is made, the file written in it and the directory's owner looked at.
  "write /etc/crio/auth",
  "write /etc/crio/auth/.auth-….tmp",
  "read /etc/crio/auth/.auth-….tmp",
  "read /etc/crio/auth",
  // Linked, and the temporary name removed.
  "read /etc/crio/auth/.auth-….tmp",
  "write /etc/crio/auth/.auth-….tmp",
  "write /etc/crio/auth/default-….json",
  "write /etc/crio/auth/.auth-….tmp",
  // The directory is gone through for stale files.
  "read /etc/crio/auth",
  "read /etc/crio/auth/default-….json",
];

Deno.test("a pull asks for what it needs, each once", async () => {
  await using cluster = await Cluster.start({ settings: {} });
  assert.deepEqual(await accesses(cluster, "quay.io/team/app"), REGISTRIES);
  assert.deepEqual(await accesses(cluster, IMAGE), [
    ...REGISTRIES,
    ...API_SERVER,
    "read /var/lib/kubelet/config.json",
    ...AUTH_FILE,
  ]);
});
