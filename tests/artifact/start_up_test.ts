import assert from "node:assert/strict";
import * as v from "valibot";
import { buildScript } from "../../scripts/build.ts";
import { PROJECT } from "../../scripts/support/project.ts";
import { Cluster, IMAGE, request } from "../support/cluster.ts";
import { runPlugin } from "../support/plugin.ts";

const Dependency = v.object({
  isDynamic: v.optional(v.boolean(), false),
  code: v.optional(v.object({ specifier: v.string() })),
});
const Graph = v.object({
  roots: v.array(v.string()),
  redirects: v.record(v.string(), v.string()),
  modules: v.array(v.object({
    specifier: v.string(),
    dependencies: v.optional(v.array(Dependency), []),
  })),
});

/** The modules that are evaluated when the program starts: those that no `import()` stands before. */
async function evaluatedAtStart(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: PROJECT,
  }).output();
  const graph = v.parse(Graph, JSON.parse(new TextDecoder().decode(stdout)));
  const resolve = (specifier: string) => graph.redirects[specifier] ?? specifier;
  const found = new Set<string>();
  const visit = (specifier: string) => {
    if (found.has(specifier)) return;
    found.add(specifier);
    const module = graph.modules.find((module) => module.specifier === specifier);
    for (const { isDynamic, code } of module?.dependencies ?? []) {
      if (!isDynamic && code !== undefined) visit(resolve(code.specifier));
    }
  };
  graph.roots.map(resolve).forEach(visit);
  return [...found].map((specifier) => specifier.replace(`file://${PROJECT}/src/`, ""));
}

/** What a pull needs. Whoever adds to it adds to the time of every pull. */
const MODULES = 29;
const PACKAGES = ["smol-toml"];

Deno.test("the path of a pull evaluates no module that it does not need", async () => {
  const modules = await evaluatedAtStart("src/main.ts");
  const packages = modules.filter((specifier) => specifier.startsWith("npm:"))
    .map((specifier) => /^npm:\/?(@?[^@]+)/.exec(specifier)?.[1]);
  assert.deepEqual([...new Set(packages)], PACKAGES);
  const own = modules.filter((specifier) => !specifier.startsWith("npm:"));
  assert.equal(own.length, MODULES, own.join("\n"));
});

/** What the runtime is asked for, by its own record: kind and path below the node's root. */
async function accesses(cluster: Cluster, image: string): Promise<string[]> {
  const { node } = cluster;
  const script = await buildScript({ settings: node.settings, out: node.path("recording") });
  const file = node.path("record");
  const text = await Deno.readTextFile(script);
  const recording = text.replace("env -i", `env -i DENO_AUDIT_PERMISSIONS=${file}`);
  await Deno.writeTextFile(script, recording);
  const { code, stderr } = await runPlugin(script, { stdin: request(image, cluster.token) });
  assert.equal(code, 0, stderr);
  const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
  await Deno.remove(file);
  return lines.map((line) => JSON.parse(line)).filter(({ permission }) => permission !== "net")
    .map(({ permission, value }) =>
      `${permission} ${value.replace(node.root, "").replace(/[0-9a-f]{16,}/, "…")}`
    );
}

// Opening a file that is there is two accesses, one that is not there one.
const REGISTRIES = [
  "read /etc/containers/registries.conf",
  "read /etc/containers/registries.conf",
  "read /etc/containers/registries.conf.d",
];
const API_SERVER = ["read /etc/kubernetes/pki/ca.crt", "read /etc/kubernetes/pki/ca.crt"];
const AUTH_FILE = [
  // The directory is made, the file written in it and the directory's owner looked at.
  "write /etc/crio/auth",
  "write /etc/crio/auth/.auth-….tmp",
  "read /etc/crio/auth/.auth-….tmp",
  "read /etc/crio/auth",
  // Renamed.
  "read /etc/crio/auth/.auth-….tmp",
  "write /etc/crio/auth/.auth-….tmp",
  "write /etc/crio/auth/default-….json",
  // The directory is flushed, and gone through for stale files.
  "read /etc/crio/auth",
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
