/** The Distribution registry with htpasswd, and a small image to pull from it. */

import type { Parts } from "./parts.ts";
import { freePort, mustRun, Program } from "./process.ts";

/** What a registry needs. */
type RegistryParts = Pick<Parts, "dockerRegistry" | "htpasswd" | "skopeo">;

/** A registry of the run. */
export class DistributionRegistry implements AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly #directory: string;
  readonly #parts: RegistryParts;
  readonly #users: Readonly<Record<string, string>>;
  #program: Program | undefined;

  private constructor(
    parts: RegistryParts,
    directory: string,
    users: Readonly<Record<string, string>>,
    host: string,
  ) {
    this.#parts = parts;
    this.#directory = directory;
    this.#users = users;
    this.host = host;
  }

  /**
   * @param users passwords by user name.
   * @param host `host:port`. @default a free port of 127.0.0.1
   */
  static async start(
    parts: RegistryParts,
    directory: string,
    users: Readonly<Record<string, string>>,
    host = `127.0.0.1:${freePort()}`,
  ): Promise<DistributionRegistry> {
    const registry = new DistributionRegistry(parts, directory, users, host);
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
    await registry.start();
    return registry;
  }

  /** Starts the program, again after {@link stop}. */
  async start(): Promise<void> {
    this.#program = new Program("docker-registry", this.#parts.dockerRegistry, {
      args: ["serve", `${this.#directory}/config.yml`],
      log: `${this.#directory}/registry.log`,
    });
    await this.#program.until(async () => {
      const response = await fetch(`http://${this.host}/v2/`);
      await response.body?.cancel();
      return response.status === 401;
    });
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  /** Stops it from answering, without closing what is open: requests are taken and hang. */
  stall(): void {
    this.#program?.signal("SIGSTOP");
  }

  /** Ends a {@link stall}. */
  resume(): void {
    this.#program?.signal("SIGCONT");
  }

  /** `Basic` credentials of a user, as an auth file has them. */
  auth(user: string): string {
    return btoa(`${user}:${this.#users[user] ?? ""}`);
  }

  password(user: string): string {
    return this.#users[user] ?? "";
  }

  /** Pushes the image under several names, with the tag `latest` unless the name has one. */
  async push(layout: string, ...repositories: readonly string[]): Promise<void> {
    const [user = "", password = ""] = Object.entries(this.#users)[0] ?? [];
    for (const repository of repositories) {
      await mustRun(this.#parts.skopeo, [
        "copy",
        "--insecure-policy",
        "--quiet",
        "--preserve-digests",
        "--dest-tls-verify=false",
        `--dest-creds=${user}:${password}`,
        `oci:${layout}`,
        `docker://${this.host}/${repository}${repository.includes(":") ? "" : ":latest"}`,
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

/** What an image has. */
export interface ImageOptions {
  /** A directory whose files are its one layer. @default an empty layer */
  readonly files?: string;
  /** What a container runs. */
  readonly command?: readonly string[];
  /** Something that makes this image another than those of the same files. */
  readonly label?: string;
}

/** Makes an OCI image layout with one layer. @returns the manifest's digest. */
export async function makeImage(
  directory: string,
  { files, command, label }: ImageOptions = {},
): Promise<string> {
  await Deno.mkdir(`${directory}/blobs/sha256`, { recursive: true });
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const digestOf = async (bytes: Uint8Array<ArrayBuffer>) =>
    `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}`;
  const put = async (mediaType: string, bytes: Uint8Array<ArrayBuffer>) => {
    const digest = await digestOf(bytes);
    await Deno.writeFile(`${directory}/blobs/${digest.replace(":", "/")}`, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const tar = files === undefined ? new Uint8Array(1024) : await archive(files);
  const layer = await put("application/vnd.oci.image.layer.v1.tar", tar);
  const config = await put(
    "application/vnd.oci.image.config.v1+json",
    encode({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: command, Labels: label === undefined ? undefined : { label } },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
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
  return manifest.digest;
}

async function archive(files: string): Promise<Uint8Array<ArrayBuffer>> {
  const out = await Deno.makeTempFile();
  try {
    await mustRun("tar", ["--create", `--file=${out}`, `--directory=${files}`, "."]);
    return await Deno.readFile(out);
  } finally {
    await Deno.remove(out);
  }
}
