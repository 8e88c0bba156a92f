/**
 * An embedded mirror registry: the pull half of the OCI distribution specification, with basic
 * auth, over plain HTTP. Every repository that is not refused holds the same small image.
 */

/** A user of the registry. */
export interface RegistryUser {
  password: string;
  /** Path prefixes, cut at `/`, of the repositories the user may pull. @default all */
  repositories?: readonly string[];
}

export interface RegistryOptions {
  /** @default nobody: every pull is answered 401 */
  users?: Readonly<Record<string, RegistryUser>>;
  /** The repositories that exist. @default every one */
  repositories?: readonly string[];
}

/** A request as it came in, and how it was answered. */
export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  /** Whose name and password were right. */
  readonly user: string | undefined;
  readonly status: number;
}

interface StoredBlob {
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * @example
 * await using mirror = await Registry.start({ users: { myuser: { password: "mypassword" } } });
 * const manifest = `${mirror.url}/v2/library/nginx/manifests/latest`;
 */
export class Registry implements AsyncDisposable {
  /** `127.0.0.1:<port>`, as it stands in `registries.conf` and in an auth file. */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Every request so far, in order. */
  readonly requests: RegistryRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #users: ReadonlyMap<string, RegistryUser>;
  readonly #options: RegistryOptions;
  readonly #image: Image;

  private constructor(image: Image, options: RegistryOptions) {
    this.#image = image;
    this.#options = options;
    this.#users = new Map(Object.entries(options.users ?? {}));
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#handle(request),
    );
    this.port = this.#server.addr.port;
    this.host = `127.0.0.1:${this.port}`;
    this.url = `http://${this.host}`;
  }

  static async start(options: RegistryOptions = {}): Promise<Registry> {
    return new Registry(await buildImage(), options);
  }

  async close(): Promise<void> {
    await this.#server.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(request: Request): Response {
    const path = new URL(request.url).pathname;
    const user = this.#authenticate(request.headers.get("authorization") ?? "");
    const response = this.#answer(path, user);
    this.requests.push({ method: request.method, path, user, status: response.status });
    return response;
  }

  /** The user whose name and password the header holds (RFC 7617). */
  #authenticate(authorization: string): string | undefined {
    const credentials = /^basic +(\S+)$/i.exec(authorization)?.[1] ?? "";
    const [, name, password] = /^([^:]*):(.*)$/s.exec(decode(credentials)) ?? [];
    if (name === undefined) return undefined;
    return this.#users.get(name)?.password === password ? name : undefined;
  }

  #answer(path: string, user: string | undefined): Response {
    const account = user === undefined ? undefined : this.#users.get(user);
    if (account === undefined) {
      const response = error(401, "UNAUTHORIZED", "authentication required");
      response.headers.set("WWW-Authenticate", 'Basic realm="mirror"');
      return response;
    }
    if (path === "/v2/") return Response.json({});
    const [, name, kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ??
      [];
    if (name === undefined) return error(404, "UNSUPPORTED", "no such endpoint");
    const allowed = account.repositories ?? [name];
    if (!allowed.some((prefix) => name === prefix || name.startsWith(`${prefix}/`))) {
      return error(403, "DENIED", "requested access to the resource is denied");
    }
    if (!(this.#options.repositories ?? [name]).includes(name)) {
      return error(404, "NAME_UNKNOWN", "repository name not known to registry");
    }
    // Every tag names the one image.
    const isTag = kind === "manifests" && !reference.includes(":");
    const digest = isTag ? this.#image.manifest : reference;
    const blob = this.#image.blobs.get(digest);
    if (blob === undefined) return error(404, "MANIFEST_UNKNOWN", "manifest or blob unknown");
    return new Response(blob.bytes, {
      headers: { "Content-Type": blob.mediaType, "Docker-Content-Digest": digest },
    });
  }
}

function error(code: number, reason: string, message: string): Response {
  return Response.json({ errors: [{ code: reason, message }] }, { status: code });
}

function decode(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(base64));
  } catch {
    return "";
  }
}

interface Image {
  /** Digest of the manifest. */
  readonly manifest: string;
  /** Manifest, configuration and layer, by digest. */
  readonly blobs: ReadonlyMap<string, StoredBlob>;
}

/** An image of one layer without files. */
async function buildImage(): Promise<Image> {
  const blobs = new Map<string, StoredBlob>();
  const add = async (mediaType: string, bytes: Uint8Array<ArrayBuffer>) => {
    const digest = await sha256(bytes);
    blobs.set(digest, { mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = (mediaType: string, value: unknown) =>
    add(mediaType, new TextEncoder().encode(JSON.stringify(value)));

  const emptyTar = new Uint8Array(1024);
  const layer = await add("application/vnd.oci.image.layer.v1.tar+gzip", await gzip(emptyTar));
  const config = await addJson("application/vnd.oci.image.config.v1+json", {
    architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [await sha256(emptyTar)] },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await addJson(mediaType, {
    schemaVersion: 2,
    mediaType,
    config,
    layers: [layer],
  });
  return { manifest: manifest.digest, blobs };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${digest.toHex()}`;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}
