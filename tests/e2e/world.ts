/** One node, one cluster, two registries: what the cases play in. */

import { DEFAULT_SETTINGS, type Settings } from "../../src/settings/settings.ts";
import { PLUGIN_ENV, type PluginResult, runPlugin } from "../support/plugin.ts";
import { request } from "../support/cluster.ts";
import type { Builder } from "./builder.ts";
import { ControlPlane } from "./control_plane.ts";
import { Crio, Kubelet, NODE_OBJECT, type PullResult } from "./node_programs.ts";
import type { Parts } from "./parts.ts";
import { type CommandResult, freePort, mustRun } from "./process.ts";
import { DistributionRegistry, makeImage } from "./registry.ts";

const PLUGIN_NAME = "crio-credential-provider";

/** A pod with what the kubelet knows of it. */
export interface Pod {
  readonly namespace: string;
  readonly pod: string;
  readonly podUID: string;
  readonly serviceAccount: string;
}

/** A pull as a whole: the kubelet's half, then CRI-O's. */
export interface Pulled extends PullResult {
  /** What the kubelet logged. */
  readonly kubeletLog: string;
  /** The users that the registry authorised for it. */
  readonly users: readonly string[];
}

export class World implements AsyncDisposable {
  readonly directory: string;
  readonly settings: Settings;
  readonly executable: string;
  /** The operator's tool, which prints the run's manifests. */
  readonly ctl: string;
  readonly plane: ControlPlane;
  readonly mirror: DistributionRegistry;
  readonly teams: DistributionRegistry;
  readonly kubelet: Kubelet;
  readonly crio: Crio;
  readonly builder: Builder;
  readonly #disposables: AsyncDisposableStack;

  private constructor(
    members: Pick<
      World,
      | "directory"
      | "settings"
      | "executable"
      | "ctl"
      | "plane"
      | "mirror"
      | "teams"
      | "kubelet"
      | "crio"
      | "builder"
    >,
    disposables: AsyncDisposableStack,
  ) {
    this.directory = members.directory;
    this.settings = members.settings;
    this.executable = members.executable;
    this.ctl = members.ctl;
    this.plane = members.plane;
    this.mirror = members.mirror;
    this.teams = members.teams;
    this.kubelet = members.kubelet;
    this.crio = members.crio;
    this.builder = members.builder;
    this.#disposables = disposables;
  }

  /**
   * Starts everything. `PLUGIN` names an executable to judge in the place of a build; its sandbox
   * is fixed, so `E2E_DIR` and `E2E_APISERVER_PORT` then say what it was built for.
   */
  static async start(parts: Parts, builder: Builder): Promise<World> {
    await using started = new AsyncDisposableStack();
    const given = Deno.env.get("E2E_DIR");
    const directory = given ?? await Deno.makeTempDir({ prefix: "crio-credential-provider-e2e-" });
    // One that is there already is refused: in the end the directory is removed.
    if (given !== undefined) await Deno.mkdir(given);
    started.defer(() => Deno.remove(directory, { recursive: true }));

    const port = Number(Deno.env.get("E2E_APISERVER_PORT") ?? freePort());
    const plane = started.use(
      await ControlPlane.start(parts, directory, port, {
        host: "127.0.0.1",
        distribution: "OpenShift",
      }),
    );
    await Deno.mkdir(`${directory}/images`);
    await makeImage(`${directory}/images/small`);
    const mirror = started.use(
      await DistributionRegistry.start(
        parts,
        `${directory}/mirror`,
        users("myuser", "a", "b", "new"),
      ),
    );
    await mirror.push(`${directory}/images/small`, "library/nginx", "library/alpine");
    const teams = started.use(
      await DistributionRegistry.start(parts, `${directory}/teams`, users("team-a", "team-b")),
    );
    await teams.push(`${directory}/images/small`, "team-a/app", "team-b/app");
    // The compiled tool connects to the API server that it is built for alone.
    const ctl = await builder.ctl(`${directory}/ctl`, { apiserver: plane.url });

    const settings: Settings = {
      ...DEFAULT_SETTINGS,
      registriesConf: [`${directory}/registries.conf`],
      registriesConfDir: [Crio.dropInDirectory(directory)],
      authDir: `${directory}/auth`,
      kubeletAuthFile: `${directory}/config.json`,
      apiserver: plane.url,
      caFile: plane.caFile,
      journaldSocket: "",
    };
    await writeRegistries(ctl, settings, mirror.host, teams.host);
    await Deno.mkdir(settings.authDir, { mode: 0o700 });
    const executable = await placePlugin(directory, settings, builder);

    const config = await generate(ctl, [
      "kubelet-config",
      `--audience=${plane.audience}`,
      ...matchImages.map((image) => `--match-image=${image}`),
    ]);
    await Deno.writeTextFile(`${directory}/credential-provider-config.yaml`, config);
    await plane.create(NODE_OBJECT);
    await plane.mustKubectl(
      ["apply", "-f", "-"],
      await generate(ctl, [
        "rbac",
        "--all-nodes",
        `--audience=${plane.audience}`,
      ]),
    );
    const kubelet = started.use(
      new Kubelet(parts, plane, `${directory}/credential-provider-config.yaml`, `${directory}/bin`),
    );
    const registriesConf = settings.registriesConf[0] ?? "";
    const crio = new Crio(parts, directory, settings.authDir, registriesConf);
    const members = { directory, settings, executable, ctl, plane, mirror, teams, kubelet, crio };
    return new World({ ...members, builder }, started.move());
  }

  /**
   * A namespace with the documented Role (unless without), a secret per entry, and a pod.
   *
   * @param secrets registry keys with their entries, by the secrets' names.
   */
  async namespace(
    name: string,
    secrets: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    { role = true } = {},
  ): Promise<Pod> {
    await this.plane.createNamespace(name);
    if (role) {
      await this.apply(["rbac", `--namespace=${name}`]);
      await this.plane.untilAllowed(name);
    }
    for (const [secret, auths] of Object.entries(secrets)) await this.secret(name, secret, auths);
    return await this.pod(name);
  }

  /** Applies what the operator's tool generates. */
  async apply(args: readonly string[], stdin?: string): Promise<void> {
    const manifests = await generate(this.ctl, args, stdin);
    await this.plane.mustKubectl(["apply", "-f", "-"], manifests);
  }

  /** What `crio-credential-ctl generate` prints. */
  generate(args: readonly string[]): Promise<string> {
    return generate(this.ctl, args);
  }

  /** Runs a script as an administrator on this node, who hands on what it has in unusual places. */
  runScript(text: string): Promise<CommandResult> {
    const { registriesConf, registriesConfDir, kubeletAuthFile, apiserver, caFile } = this.settings;
    return this.plane.script(text, [
      ...[`--registries-conf=${registriesConf.join()}`, `--kubelet-auth-file=${kubeletAuthFile}`],
      ...[`--registries-conf-dir=${registriesConfDir.join()}`, `--ca-file=${caFile}`],
      `--apiserver=${apiserver.replace("https://", "")}`,
    ], { "crio-credential-ctl": this.ctl });
  }

  /** Creates or replaces a registry secret. */
  secret(namespace: string, name: string, auths: Readonly<Record<string, unknown>>): Promise<void> {
    return this.plane.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace },
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
    });
  }

  async pod(namespace: string, name = "web"): Promise<Pod> {
    const podUID = await this.plane.createPod(namespace, name);
    return { namespace, pod: name, podUID, serviceAccount: "default" };
  }

  /** Both halves of a pull. */
  async pull(pod: Pod, image: string): Promise<Pulled> {
    const kubeletLog = await this.kubelet.provide({ ...pod, image });
    return { ...await this.crioPull(pod.namespace, image), kubeletLog };
  }

  /** CRI-O's half alone, with the users that the registries authorised. */
  async crioPull(namespace: string, image: string): Promise<Omit<Pulled, "kubeletLog">> {
    const repository = image.replace(/^[^/]+\//, "").replace(/^apps\//, "team-a/");
    const registries = [this.mirror, this.teams];
    const since = await Promise.all(registries.map((registry) => registry.logLength()));
    const result = await this.crio.pull(namespace, image);
    const users = await Promise.all(
      registries.map((registry, index) => registry.authorizedUsers(repository, since[index] ?? 0)),
    );
    return { ...result, users: users.flat() };
  }

  /** Runs the plugin by hand, with a token that the kubelet would not send. */
  runPlugin(image: string, token: string, executable = this.executable): Promise<PluginResult> {
    return runPlugin(executable, { stdin: request(image, token), env: PLUGIN_ENV });
  }

  /** Builds another executable for this node, with other settings. */
  build(settings: Partial<Settings>, name: string): Promise<string> {
    return this.builder.plugin({ ...this.settings, ...settings }, `${this.directory}/${name}`);
  }

  /** What lies in the auth directory. */
  async authFiles(): Promise<string[]> {
    const entries = await Array.fromAsync(Deno.readDir(this.settings.authDir));
    return entries.filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  }

  /** Sets the node's global auth file for the time of a case. */
  async withGlobalAuthFile<Result>(content: unknown, use: () => Promise<Result>): Promise<Result> {
    await Deno.writeTextFile(this.settings.kubeletAuthFile, JSON.stringify(content));
    try {
      return await use();
    } finally {
      await Deno.remove(this.settings.kubeletAuthFile);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disposables[Symbol.asyncDispose]();
  }
}

const matchImages = ["docker.io", "teams.example.test", "old.example.test"];

function users(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, crypto.randomUUID()]));
}

/** What `crio-credential-ctl generate` prints. */
function generate(ctl: string, args: readonly string[], stdin = ""): Promise<string> {
  return mustRun(ctl, ["generate", ...args], { stdin });
}

async function writeRegistries(
  ctl: string,
  settings: Settings,
  mirror: string,
  teams: string,
): Promise<void> {
  const mirrored = (location: string, by: string) =>
    generate(ctl, ["registries-conf", `--mirror=${location}=${by}`, `--insecure=${by}`]);
  const [main = ""] = settings.registriesConf;
  const [dropIns = ""] = settings.registriesConfDir;
  await Deno.mkdir(dropIns, { recursive: true });
  await Deno.writeTextFile(main, await mirrored("docker.io", mirror));
  await Deno.writeTextFile(`${dropIns}/10-teams.conf`, await mirrored("teams.example.test", teams));
  await Deno.writeTextFile(
    `${dropIns}/20-old.conf`,
    `[[registry]]\nprefix = "old.example.test/apps"\nlocation = "${teams}/team-a"\ninsecure = true\n`,
  );
}

/** Puts the plugin into the kubelet's plugin directory. */
async function placePlugin(
  directory: string,
  settings: Settings,
  builder: Builder,
): Promise<string> {
  const given = Deno.env.get("PLUGIN");
  const out = `${directory}/bin`;
  if (given === undefined) return await builder.plugin(settings, out);
  await Deno.mkdir(out);
  await Deno.copyFile(given, `${out}/${PLUGIN_NAME}`);
  await Deno.chmod(`${out}/${PLUGIN_NAME}`, 0o755);
  const { code, stderr } = await runPlugin(`${out}/${PLUGIN_NAME}`, {
    stdin: request("example.test/none", ""),
    args: flagsFor(settings),
  });
  if (code === 0) return `${out}/${PLUGIN_NAME}`;
  throw new Error(
    `PLUGIN was not built for this run: ${stderr.trim()}\nset E2E_DIR and E2E_APISERVER_PORT, and ` +
      `build with: ${flagsFor(settings).join(" ")}`,
  );
}

function flagsFor(settings: Settings): string[] {
  return [
    `--registries-conf=${settings.registriesConf.join()}`,
    `--registries-conf-dir=${settings.registriesConfDir.join()}`,
    `--auth-dir=${settings.authDir}`,
    `--kubelet-auth-file=${settings.kubeletAuthFile}`,
    `--apiserver=${settings.apiserver.replace("https://", "")}`,
    `--ca-file=${settings.caFile}`,
    `--journald-socket=`,
  ];
}
