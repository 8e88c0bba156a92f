import assert from "node:assert/strict";
import { buildScript } from "../../scripts/build.ts";
import { modulesAtStart } from "../../scripts/support/module_graph.ts";
import { Cluster, IMAGE, request } from "../support/cluster.ts";
import { formUnderTest } from "../support/executable.ts";
import { recordPull } from "../support/permission_record.ts";
import { runPlugin } from "../support/plugin.ts";

/** What a pull needs. Whoever adds to it adds to the time of every pull. */
const MODULES = 43;
const PACKAGES = ["smol-toml"];

Deno.test("the path of a pull evaluates no module that it does not need", async () => {
  const { own, packages } = await modulesAtStart("src/main.ts");
  assert.deepEqual(packages.map((name) => name.split("@")[0]), PACKAGES);
  assert.equal(own.length, MODULES, own.join("\n"));
  // What is for containerd alone.
  assert.ok(!own.some((path) => /hosts_toml|response_auth/.test(path)), own.join("\n"));
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

/** Runs until the runtime has stored what it compiled, which it does on the side. */
const MOST_RUNS = 20;

/**
 * How many of the program's functions the engine compiles in a run, by its own log, once the rest
 * comes out of the cache.
 */
async function compiledFunctions(cluster: Cluster, image: string, most: number): Promise<number> {
  const { node } = cluster;
  const script = await buildScript({ settings: node.settings, out: node.path("logging") });
  const log = node.path("v8.log");
  const text = await Deno.readTextFile(script);
  const logging = `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${log},`;
  await Deno.writeTextFile(
    script,
    text.replace("--v8-flags=", logging).replace("env -i", `env -i DENO_DIR=${node.path("deno")}`),
  );
  let count = Infinity;
  for (let runs = 0; runs < MOST_RUNS && count > most; runs++) {
    await Deno.writeTextFile(log, "");
    const { code, stderr } = await runPlugin(script, { stdin: request(image, cluster.token) });
    assert.equal(code, 0, stderr);
    const lines = (await Deno.readTextFile(log)).split("\n").map((line) => line.split(","));
    const id = lines.find(([event, , url]) => event === "script-details" && url?.endsWith(script))
      ?.[1];
    assert.ok(id !== undefined);
    // function,interpreter,<script>,<start>,<end>,<milliseconds>,<moment>,<name>
    count = lines.filter(([event, what, script]) =>
      event === "function" && what === "interpreter" && script === id
    ).length;
  }
  return count;
}

/** With mirrors: methods, which cannot be compiled ahead (scripts/support/compile_hints.ts). */
const COMPILED = [
  { image: "quay.io/team/app", least: 0, most: 0 },
  { image: IMAGE, least: 1, most: 14 },
] as const;

// The compiled form has no such cache, which would be a file that others can write.
if (await formUnderTest() === "script") {
  Deno.test("the functions of a pull come out of the cache of compiled code", async () => {
    await using cluster = await Cluster.start({ settings: {} });
    for (const { image, least, most } of COMPILED) {
      const count = await compiledFunctions(cluster, image, most);
      assert.ok(count >= least && count <= most, `${count} were compiled for ${image}`);
    }
  });
}
