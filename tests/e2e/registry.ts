/** The Distribution registry with htpasswd, and a small image to pull from it. */

import type { Parts } from "./parts.ts";
import { freePort, mustRun, Program } from "./process.ts";

/** A registry of the run. */
export class DistributionRegistry implements AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly #directory: string;
  readonly #parts: Parts;
  readonly #users: Readonly<Record<string, string>>;
  #program: Program | undefined;

  private constructor(parts: Parts, directory: string, users: Readonly<Record<string, string>>) {
    this.#parts = parts;
    this.#directory = directory;
    this.#users = users;
    this.host = `127.0.0.1:${freePort()}`;
  }

  /** @param users passwords by user name. */
  static async start(
    parts: Parts,
    directory: string,
    users: Readonly<Record<string, string>>,
  ): Promise<DistributionRegistry> {
    const registry = new DistributionRegistry(parts, directory, users);
    await Deno.mkdir(directory);
    const lines = await Promise.all(
      Object.entries(users).map(([user, password]) =>
        mustRun(parts.htpasswd, ["-Bbn", user, password])
      ),
    );
    await Deno.writeTextFile(`${directory}/htpasswd`, lines.join(""));
    await Deno.writeTextFile(
      `${directory}/config.yml`,
      JSON.stringify({
        version: 0.1,
        // At this level the lines of a request name its user.
        log: { level: "debug", formatter: "json" },
        storage: { filesystem: { rootdirectory: `${directory}/storage` } },
        http: { addr: registry.host },
        auth: { htpasswd: { realm: "e2e", path: `${directory}/htpasswd` } },
      }),
    );
    registry.#program = new Program("docker-registry", parts.dockerRegistry, {
      args: ["serve", `${directory}/config.yml`],
      log: `${directory}/registry.log`,
    });
    await registry.#program.until(async () => {
      const response = await fetch(`http://${registry.host}/v2/`);
      await response.body?.cancel();
      return response.status === 401;
    });
    return registry;
  }

  /** `Basic` credentials of a user, as an auth file has them. */
  auth(user: string): string {
    return btoa(`${user}:${this.#users[user] ?? ""}`);
  }

  password(user: string): string {
    return this.#users[user] ?? "";
  }

  /** Pushes the image under several names. */
  async push(layout: string, ...repositories: readonly string[]): Promise<void> {
    const [user = "", password = ""] = Object.entries(this.#users)[0] ?? [];
    for (const repository of repositories) {
      await mustRun(this.#parts.skopeo, [
        "copy",
        "--insecure-policy",
        "--quiet",
        "--dest-tls-verify=false",
        `--dest-creds=${user}:${password}`,
        `oci:${layout}`,
        `docker://${this.host}/${repository}:latest`,
      ]);
    }
  }

  /** How many bytes of log there are: a place to read on from. */
  async logLength(): Promise<number> {
    return (await Deno.stat(`${this.#directory}/registry.log`)).size;
  }

  /** The users whose requests for a repository's manifest were authorised, since a place in the log. */
  async authorizedUsers(repository: string, since: number): Promise<string[]> {
    const bytes = await Deno.readFile(`${this.#directory}/registry.log`);
    const users = new Set<string>();
    for (const line of new TextDecoder().decode(bytes.subarray(since)).split("\n")) {
      if (!line.includes(`"auth.user.name"`) || !line.includes(`/v2/${repository}/manifests/`)) {
        continue;
      }
      const user: unknown = JSON.parse(line)["auth.user.name"];
      if (typeof user === "string") users.add(user);
    }
    return [...users];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.stop();
  }
}

/** Makes an OCI image layout with one empty layer. */
export async function makeImage(directory: string): Promise<void> {
  await Deno.mkdir(`${directory}/blobs/sha256`, { recursive: true });
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const digestOf = async (bytes: Uint8Array<ArrayBuffer>) =>
    `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}`;
  const put = async (mediaType: string, bytes: Uint8Array<ArrayBuffer>) => {
    const digest = await digestOf(bytes);
    await Deno.writeFile(`${directory}/blobs/${digest.replace(":", "/")}`, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const tar = new Uint8Array(1024);
  const gzip = new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip"));
  const layer = await put(
    "application/vnd.oci.image.layer.v1.tar+gzip",
    new Uint8Array(await new Response(gzip).arrayBuffer()),
  );
  const config = await put(
    "application/vnd.oci.image.config.v1+json",
    encode({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [await digestOf(tar)] },
    }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await put(
    mediaType,
    encode({ schemaVersion: 2, mediaType, config, layers: [layer] }),
  );
  await Deno.writeFile(
    `${directory}/index.json`,
    encode({ schemaVersion: 2, manifests: [manifest] }),
  );
  await Deno.writeFile(`${directory}/oci-layout`, encode({ imageLayoutVersion: "1.0.0" }));
}
