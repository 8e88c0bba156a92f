/**
 * The end-to-end run of containerd's mode: the built plugin, the kubelet's keyring, and a real containerd
 * between real registries.
 *
 *   deno task e2e:containerd [part of a name]
 *
 * As root. Requests are judged from the registries' own logs.
 */

import assert from "node:assert/strict";
import type { Settings } from "../../../src/settings/settings.ts";
import { ApiServer } from "../../support/api_server.ts";
import { request } from "../../support/cluster.ts";
import { runCtlWith } from "../../support/ctl.ts";
import { buildExecutable, formUnderTest } from "../../support/executable.ts";
import { PLUGIN_ENV, runPlugin } from "../../support/plugin.ts";
import { type TempNode, tempNode } from "../../support/temp_node.ts";
import { findContainerd, findKeyring } from "../parts.ts";
import { mustRun, run } from "../process.ts";
import { DistributionRegistry, makeImage } from "../registry.ts";
import { type Case, type Outcome, playAll, table } from "../report.ts";
import { print } from "../../../scripts/support/print.ts";
import { KEYRING_ORDER } from "./keyring_order.ts";
import { Containerd, Origin, type Pair } from "./node.ts";

/** Everything a case plays with. */
interface World {
  readonly api: ApiServer;
  readonly node: TempNode;
  readonly mirror: DistributionRegistry;
  readonly origin: Origin;
  readonly containerd: Containerd;
  readonly keyring: string;
  /** Another containerd of the same version, with a configuration of its own. */
  readonly another: (configPath: string) => Promise<Containerd>;
}

/** What the plugin says to a pull, and the pairs in the kubelet's order. */
interface Given {
  readonly pairs: readonly Pair[];
  readonly log: string;
}

/** Runs the plugin as the kubelet does, and asks the kubelet's keyring for the order. */
async function ask(
  { api, node, keyring }: World,
  namespace: string,
  image: string,
  settings: Partial<Settings> = {},
): Promise<Given> {
  const plugin = await buildExecutable({ ...node.settings, ...settings }, node.path("bin"));
  const token = api.addServiceAccount(namespace);
  api.grant(namespace);
  const { code, stdout, stderr } = await runPlugin(plugin, {
    stdin: request(image, token),
    env: PLUGIN_ENV,
  });
  assert.equal(code, 0, stderr);
  const auth: Record<string, Pair> = JSON.parse(stdout).auth ?? {};
  const order: string[] = JSON.parse(
    await mustRun(keyring, [], { stdin: `${JSON.stringify({ image, auth })}\n` }),
  );
  const pairs = order.map((user) => Object.values(auth).find(({ username }) => username === user));
  return { pairs: pairs.filter((pair) => pair !== undefined), log: stderr };
}

/** A secret of a namespace with a user of the mirror. */
function addSecret({ api, mirror }: World, namespace: string, user: string): void {
  api.addDockerConfig(namespace, "mirror", { [mirror.host]: { auth: mirror.auth(user) } });
}

const directoryOf = ({ host }: { readonly host: string }) => `${host.replace(":", "_")}_`;

async function writeHosts({ node, mirror, origin }: World, form: "alone" | "first" | "broken") {
  const url = JSON.stringify(`http://${mirror.host}`);
  const table = `[host.${url}]\ncapabilities = ["pull", "resolve"]\n`;
  const text = form === "first" ? table : `server = ${url}\n${table}`;
  await node.writeHostsToml(directoryOf(origin), form === "broken" ? `${text}ca = 3\n` : text);
}

const CASES: readonly Case<World>[] = [
  {
    name: "two namespaces through a mirror that is asked alone",
    expected: "each pull is authorised at the mirror as its own user, and the origin is not asked",
    play: async (world) => {
      const { mirror, origin, containerd } = world;
      await writeHosts(world, "alone");
      for (const [namespace, user] of [["team-a", "a"], ["team-b", "b"]] as const) {
        const image = `${origin.host}/${namespace}/app`;
        addSecret(world, namespace, user);
        const since = await mirror.logLength();
        const { pairs } = await ask(world, namespace, image);
        const pulled = await containerd.pull(`${image}:latest`, pairs);
        assert.equal(pulled.succeeded, 0, pulled.error);
        assert.deepEqual(await mirror.authorizedUsers(`${namespace}/app`, since), [user]);
      }
      assert.deepEqual(origin.requests, []);
      return "a's pull as a, b's as b; no request at the origin";
    },
  },
  {
    name: "a pair that the origin would see, without consent",
    expected: "nothing is given, and the origin sees requests without a login",
    play: async (world) => {
      const { mirror, origin, containerd } = world;
      await writeHosts(world, "first");
      addSecret(world, "withheld", "a");
      const image = `${origin.host}/withheld/app`;
      const since = await mirror.logLength();
      const { pairs, log } = await ask(world, "withheld", image);
      assert.deepEqual(pairs, []);
      assert.ok(log.includes(`containerd would offer it to ${origin.host}, too`), log);
      const pulled = await containerd.pull(`${image}:latest`, pairs);
      assert.equal(pulled.succeeded, 0, pulled.error);
      assert.deepEqual(await mirror.authorizedUsers("withheld/app", since), []);
      assert.ok(origin.requests.some((path) => path.includes("/manifests/")));
      assert.deepEqual(origin.logins, []);
      return `${origin.requests.length} requests at the origin, none with a login`;
    },
  },
  {
    name: "consent",
    expected: "the pair is given, and the mirror takes it",
    play: async (world) => {
      const { mirror, origin, containerd } = world;
      await writeHosts(world, "first");
      addSecret(world, "consent", "b");
      const image = `${origin.host}/consent/app`;
      const since = await mirror.logLength();
      const { pairs } = await ask(world, "consent", image, { containerdAlsoOffer: [origin.host] });
      const pulled = await containerd.pull(`${image}:latest`, pairs);
      assert.equal(pulled.succeeded, 0, pulled.error);
      assert.deepEqual(await mirror.authorizedUsers("consent/app", since), ["b"]);
      assert.deepEqual(origin.logins, []);
      return "pulled from the mirror as b; the origin saw no login";
    },
  },
  {
    name: "a public image that the mirror lacks",
    expected: "the origin refuses the mirror's pair, and the last try, without one, succeeds",
    play: async (world) => {
      const { origin, containerd } = world;
      await writeHosts(world, "first");
      addSecret(world, "public", "a");
      const image = `${origin.host}/hidden/app`;
      const { pairs } = await ask(world, "public", image, { containerdAlsoOffer: [origin.host] });
      assert.equal(pairs.length, 2);
      const pulled = await containerd.pull(`${image}:latest`, pairs);
      assert.equal(pulled.succeeded, 1, pulled.error);
      assert.ok(origin.logins.every(({ user }) => user === "a"));
      return `the origin saw ${origin.logins.length} logins as a, consented to, and gave the image to nobody in particular`;
    },
  },
  {
    name: "a hosts.toml that containerd drops",
    expected: "nothing is given, and the origin sees no login",
    play: async (world) => {
      const { mirror, origin, containerd } = world;
      await writeHosts(world, "broken");
      addSecret(world, "broken", "a");
      const image = `${origin.host}/broken/app`;
      const since = await mirror.logLength();
      const { pairs, log } = await ask(world, "broken", image);
      assert.deepEqual(pairs, []);
      assert.match(
        log,
        /hosts\.toml:\d+: has a "ca" that is not .* goes to the image's own registry/,
      );
      const pulled = await containerd.pull(`${image}:latest`, pairs);
      assert.equal(pulled.succeeded, 0, pulled.error);
      assert.equal(await mirror.logLength(), since);
      assert.deepEqual(origin.logins, []);
      return "pulled from the origin without a login; the mirror was not asked";
    },
  },
  {
    name: "a list as config_path, as a default configuration has it",
    expected: "doctor fails; containerd of 2.1 to 2.4 does not ask the mirror",
    play: async (world) => {
      const { node, mirror, origin, api } = world;
      await writeHosts(world, "alone");
      addSecret(world, "list", "a");
      const image = `${origin.host}/list/app`;
      const [root = ""] = node.settings.containerdHostsDir;
      await using containerd = await world.another(`${root}:${node.path("etc/docker/certs.d")}`);
      const since = await mirror.logLength();
      const { pairs } = await ask(world, "list", image);
      await containerd.pull(`${image}:latest`, pairs);
      const isAsked = await mirror.logLength() !== since;

      const copy = node.path("copy");
      await Deno.mkdir(`${copy}/etc/containerd`, { recursive: true });
      const list = "/etc/containerd/certs.d:/etc/docker/certs.d";
      await Deno.writeTextFile(
        `${copy}/etc/containerd/config.toml`,
        (await Deno.readTextFile(containerd.config)).replace(
          /config_path = .*/,
          `config_path = "${list}"`,
        ),
      );
      const { stdout } = await runCtlWith([
        ...["doctor", "--json", "--root", copy, "--runtime", "containerd", "--apiserver", api.url],
      ]);
      const report: { checks: { name: string; status: string; found: string }[] } = JSON.parse(
        stdout,
      );
      const found = report.checks.filter(({ name }) => name === "containerd-config");
      const listed = found.find(({ found }) => found.includes("has a list as config_path"));
      assert.ok(listed !== undefined, JSON.stringify(found));
      // A file of version 3 is one of containerd 2.x.
      const isNew = (await Deno.readTextFile(containerd.config)).startsWith("version = 3");
      assert.deepEqual([isAsked, listed.status], isNew ? [false, "fail"] : [true, "warn"]);
      return isNew
        ? `doctor fails, and the mirror was never asked; the origin saw ${origin.logins.length} logins`
        : "doctor warns, and this older containerd went through the list";
    },
  },
];

async function play(daemon: string, only: string | undefined): Promise<Outcome[]> {
  const parts = await findContainerd();
  const keyring = await findKeyring();
  const version = (await run(daemon, ["--version"])).stdout.trim();
  print(`\n${daemon}: ${version}`);
  await using api = await ApiServer.start();
  await using node = await tempNode({ apiServer: api, settings: { runtime: "containerd" } });
  await makeImage(node.path("image"));
  const users = { a: crypto.randomUUID(), b: crypto.randomUUID() };
  await using mirror = await DistributionRegistry.start(parts, node.path("mirror"), users);
  const names = ["team-a", "team-b", "withheld", "consent", "broken", "list"];
  await mirror.push(node.path("image"), ...names.map((name) => `${name}/app`));
  await using store = await DistributionRegistry.start(parts, node.path("store"), users);
  await store.push(node.path("image"), ...[...names, "hidden"].map((name) => `${name}/app`));
  await using origin = new Origin({ host: store.host, auth: store.auth("a") });
  const [configPath = ""] = node.settings.containerdHostsDir;
  let count = 0;
  const start = (configPath: string) =>
    Containerd.start(parts, node.path(`containerd-${count++}`), { daemon, configPath });
  await using containerd = await start(configPath);
  const world = { api, node, mirror, origin, containerd, keyring, another: start };
  const fresh = CASES.map((each) => ({
    ...each,
    play: (world: World) => {
      world.origin.forget();
      return each.play(world);
    },
  }));
  return await playAll([...fresh, KEYRING_ORDER], world, { only });
}

if (import.meta.main) {
  const { daemon, installed } = await findContainerd();
  const [only] = Deno.args;
  print(`Form judged: ${await formUnderTest()}`);
  if (installed === undefined) print("No containerd is installed: only the built one is judged");
  const columns = new Map<string, readonly Outcome[]>();
  for (const each of [daemon, ...(installed === undefined ? [] : [installed])]) {
    columns.set(each === daemon ? "built" : "installed", await play(each, only));
  }
  const outcomes = [...columns.values()].flat();
  const failed = outcomes.filter(({ passed }) => !passed).length;
  print(`\n${table(columns)}\n\n${outcomes.length - failed} passed, ${failed} failed`);
  Deno.exit(outcomes.length > 0 && failed === 0 ? 0 : 1);
}
