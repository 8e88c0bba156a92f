/** The real parts: where each comes from. */

import { mustRun, run } from "./process.ts";

/** The executables of the run. */
export interface Parts {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubectl: string;
  /** The program around the kubelet's credential provider code. */
  readonly kubelet: string;
  readonly dockerRegistry: string;
  readonly htpasswd: string;
  readonly skopeo: string;
}

/** A line of the report's head: what a part is and where it comes from. */
export type OnPart = (name: string, path: string, version: string) => void;

const MODULE = new URL("go/", import.meta.url).pathname;

/** What Debian calls the packages of the parts that are not built. */
const PACKAGES: Readonly<Record<string, string>> = {
  etcd: "etcd-server",
  "docker-registry": "docker-registry",
  htpasswd: "apache2-utils",
  skopeo: "skopeo",
};

/**
 * Finds the parts that distributions package, and builds the others from the Go module beside this
 * file; kube-apiserver, etcd and kubectl are taken from `KUBEBUILDER_ASSETS` or `PATH` instead where
 * they are there.
 *
 * @throws {Error} with the line that installs what is missing.
 */
export async function findParts(onPart: OnPart): Promise<Parts> {
  const missing = new Set<string>();
  const find = async (name: string): Promise<string> => {
    const path = await which(name);
    if (path === undefined) missing.add(PACKAGES[name] ?? name);
    return path ?? "";
  };
  const found = {
    etcd: await find("etcd"),
    dockerRegistry: await find("docker-registry"),
    htpasswd: await find("htpasswd"),
    skopeo: await find("skopeo"),
  };
  if (missing.size > 0) {
    throw new Error(`parts are missing; install them: apt-get install ${[...missing].join(" ")}`);
  }
  const cache = await cacheDirectory();
  const kubernetes = /k8s\.io\/kubernetes (v\S+)/.exec(await readModule("go.mod"))?.[1] ?? "";
  const parts = {
    ...found,
    kubeApiserver: await which("kube-apiserver") ??
      await build("k8s.io/kubernetes/cmd/kube-apiserver", `${cache}/kube-apiserver`),
    // Its words are part of what is tested, so its version is the one that is pinned.
    kubectl: await build("k8s.io/kubernetes/cmd/kubectl", `${cache}/kubectl`),
    kubelet: await build("./kubelet", `${cache}/kubelet`),
  };
  onPart("etcd", parts.etcd, (await firstLine(parts.etcd, ["--version"])).replace(/^.*: /, ""));
  const pinned = parts.kubeApiserver.startsWith(cache) ? `${kubernetes}, built from source` : "";
  onPart("kube-apiserver", parts.kubeApiserver, pinned);
  onPart("kubectl", parts.kubectl, `${kubernetes}, built from source`);
  onPart("kubelet's provider code", parts.kubelet, `${kubernetes}, built from source`);
  const registry = await firstLine(parts.dockerRegistry, ["--version"]);
  onPart("Distribution registry", parts.dockerRegistry, registry.replace(/^\S+ \S+ /, ""));
  onPart("image library (skopeo)", parts.skopeo, await firstLine(parts.skopeo, ["--version"]));
  return parts;
}

async function which(name: string): Promise<string | undefined> {
  const directories = [
    Deno.env.get("KUBEBUILDER_ASSETS"),
    ...(Deno.env.get("PATH") ?? "").split(":"),
  ];
  for (const directory of directories) {
    if (!directory) continue;
    const stat = await Deno.stat(`${directory}/${name}`).catch(() => undefined);
    if (stat?.isFile && ((stat.mode ?? 0) & 0o111) !== 0) return `${directory}/${name}`;
  }
  return undefined;
}

async function firstLine(path: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(path, args);
  return `${stdout}${stderr}`.split("\n")[0] ?? "";
}

function readModule(name: string): Promise<string> {
  return Deno.readTextFile(`${MODULE}${name}`);
}

/** Binaries are kept outside of the tree, by what they are built from. */
async function cacheDirectory(): Promise<string> {
  const sources = await Promise.all(
    ["go.mod", "go.sum", "tools.go", "kubelet/main.go"].map(readModule),
  );
  const bytes = new TextEncoder().encode(sources.join("\0"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
  const base = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const directory = `${base}/crio-credential-provider-e2e/${hash}`;
  await Deno.mkdir(directory, { recursive: true });
  return directory;
}

async function build(target: string, out: string): Promise<string> {
  if (await Deno.stat(out).then(() => true, () => false)) return out;
  if (await which("go") === undefined) {
    throw new Error("Go is missing, which builds kube-apiserver: install Go 1.26 or later");
  }
  const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" };
  await mustRun("go", ["build", "-o", `${out}.part`, target], { cwd: MODULE, env });
  await Deno.rename(`${out}.part`, out);
  return out;
}
