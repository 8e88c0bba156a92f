/** A node with the built plugin, an API server, and one namespace that may read its secrets. */

import type { Settings } from "../../src/settings/settings.ts";
import { ApiServer, type ApiServerOptions } from "./api_server.ts";
import { authFileName } from "./crio_consumer.ts";
import {
  buildExecutable,
  type GivenExecutable,
  givenExecutable,
  TEST_NODE_ROOT,
} from "./executable.ts";
import { type PluginResult, type PluginRun, runPlugin } from "./plugin.ts";
import { type TempNode, tempNode } from "./temp_node.ts";

/** The documented example. */
export const IMAGE = "docker.io/library/nginx";
export const MIRROR = `[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "localhost:5000"
insecure = true
`;
export const PASSWORD = "mypassword";
export const AUTH = btoa(`myuser:${PASSWORD}`);

export interface ClusterOptions {
  readonly api?: ApiServerOptions;
  /** Settings that the executable is built with, over those of the node. */
  readonly settings?: Partial<Settings> | ((api: ApiServer) => Partial<Settings>);
  /** The main registries file. @default {@link MIRROR} */
  readonly registriesConf?: string;
}

/** What the kubelet asks. */
export interface Pull extends Omit<PluginRun, "stdin"> {
  /** @default {@link IMAGE} */
  readonly image?: string;
  /** @default the token of the service account `default` in `default` */
  readonly token?: string;
  /** Of the service account, as far as the kubelet passes them. @default none */
  readonly annotations?: Readonly<Record<string, string>>;
  /** In the place of a request with image and token. */
  readonly stdin?: PluginRun["stdin"];
}

export class Cluster implements AsyncDisposable {
  readonly api: ApiServer;
  readonly node: TempNode;
  /** The built plugin. */
  readonly executable: string;
  /** Of the service account `default` in namespace `default`, which may list secrets there. */
  readonly token: string;

  /** What is done when it is gone. */
  readonly #onEnd: () => void;

  private constructor(
    api: ApiServer,
    node: TempNode,
    executable: string,
    onEnd: () => void = () => {},
  ) {
    this.#onEnd = onEnd;
    this.api = api;
    this.node = node;
    this.executable = executable;
    this.token = api.addServiceAccount("default");
    api.grant("default");
    api.addDockerConfig("default", "my-registry", { "http://localhost:5000": { auth: AUTH } });
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const asGiven = options.settings === undefined && options.api?.hostname === undefined;
    const given = asGiven ? await givenExecutable() : undefined;
    if (given !== undefined) return await Cluster.#startFor(given, options);
    const place = options.api?.port === undefined ? freePlace(options.api?.hostname) : undefined;
    const api = await ApiServer.start({ ...options.api, ...(place && { port: place.port }) });
    const settings = typeof options.settings === "function"
      ? options.settings(api)
      : options.settings ?? {};
    const node = await tempNode({ apiServer: api, settings, ...(place && { root: place.root }) });
    await node.writeRegistriesConf(options.registriesConf ?? MIRROR);
    const executable = await buildExecutable(node.settings, node.path("bin"));
    return new Cluster(api, node, executable, () => {
      places.push({ root: node.root, port: api.port });
    });
  }

  /** A cluster where an executable expects it. There is one at a time, which the port sees to. */
  static async #startFor(
    { path, settings }: GivenExecutable,
    options: ClusterOptions,
  ): Promise<Cluster> {
    const api = await ApiServer.start({
      ...options.api,
      port: Number(new URL(settings.apiserver).port),
    });
    const node = await tempNode({ apiServer: api, settings, root: TEST_NODE_ROOT });
    await node.writeRegistriesConf(options.registriesConf ?? MIRROR);
    return new Cluster(api, node, path);
  }

  /** Runs the plugin as the kubelet does. */
  pull(
    { image = IMAGE, token = this.token, annotations, stdin, ...run }: Pull = {},
  ): Promise<PluginResult> {
    const asked = stdin ?? request(image, token, annotations);
    return runPlugin(this.executable, { ...run, stdin: asked });
  }

  /** The auth file of a pull, or `undefined`. */
  async authFile(namespace = "default", image = IMAGE): Promise<unknown> {
    const name = await authFileName(namespace, image);
    try {
      return JSON.parse(await Deno.readTextFile(`${this.node.settings.authDir}/${name}`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.api.close();
    this.#onEnd();
  }
}

/** Where a cluster was: its node's directory, and its API server's port. */
interface Place {
  readonly root: string;
  readonly port: number;
}

/**
 * Places that are free again. Whoever comes next takes one: with the same paths and the same address an
 * executable with the same settings is the same, and built already.
 */
const places: Place[] = [];

function freePlace(hostname = "127.0.0.1"): Place | undefined {
  for (;;) {
    const place = places.pop();
    if (place === undefined || isFree(hostname, place.port)) return place;
  }
}

/** Whether nobody has taken the port since. */
function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** A `CredentialProviderRequest`; without a token when that is `""`. */
export function request(
  image: string,
  token: string,
  serviceAccountAnnotations: Readonly<Record<string, string>> = {},
): string {
  return JSON.stringify({
    apiVersion: "credentialprovider.kubelet.k8s.io/v1",
    kind: "CredentialProviderRequest",
    image,
    ...(token !== "" && { serviceAccountToken: token }),
    serviceAccountAnnotations,
  });
}
