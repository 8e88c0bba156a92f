/** The real parts: where each comes from. */

import { cacheDirectory } from "../../scripts/support/cache_directory.ts";
import { mustRun, run } from "./process.ts";

/** The executables of the run. */
export interface Parts {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubectl: string;
  /** The program around the kubelet's credential provider code. */
  readonly kubeletCode: string;
  readonly dockerRegistry: string;
  readonly htpasswd: string;
  readonly skopeo: string;
}

/** What a real node is made of, beside {@link Parts}. */
export interface NodeParts {
  readonly kubelet: string;
  readonly crio: string;
  /** CRI-O's program that makes a pod's namespaces. */
  readonly pinns: string;
  readonly runc: string;
  readonly conmon: string;
  /** The directory of the CNI plugins. */
  readonly cni: string;
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
  runc: "runc",
  conmon: "conmon",
  ip: "iproute2",
  iptables: "iptables",
  cc: "gcc",
  "pkg-config": "pkg-config",
};

/** Where distributions put the CNI plugins. */
const CNI_DIRECTORIES = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

const CRIO_MODULE = "github.com/cri-o/cri-o";

/** Without the parts of CRI-O that need further C libraries. */
const CRIO_TAGS = "containers_image_openpgp containers_image_ostree_stub " +
  "exclude_graphdriver_btrfs btrfs_noversion exclude_graphdriver_devicemapper seccomp";

/**
 * Finds the parts that distributions package, and builds the others from the Go module beside this
 * file; kube-apiserver, etcd and kubectl are taken from `KUBEBUILDER_ASSETS` or `PATH` instead where
 * they are there.
 *
 * @throws {Error} with the line that installs what is missing.
 */
export async function findParts(onPart: OnPart): Promise<Parts> {
  const found = await findAll(["etcd", "docker-registry", "htpasswd", "skopeo"]);
  const version = await pinnedVersion("go.mod", "k8s.io/kubernetes");
  const own = await kubernetesDirectory();
  const parts = {
    etcd: found("etcd"),
    dockerRegistry: found("docker-registry"),
    htpasswd: found("htpasswd"),
    skopeo: found("skopeo"),
    kubeApiserver: await which("kube-apiserver") ??
      await buildKubernetes(own, version, "kube-apiserver"),
    // Its words are part of what is tested, so its version is the one that is pinned.
    kubectl: await buildKubernetes(own, version, "kubectl"),
    kubeletCode: await build({
      target: "./kubelet",
      out: `${await partDirectory(`kubelet-code-${version}`, KUBELET_CODE)}/kubelet-code`,
    }),
  };
  onPart("etcd", parts.etcd, (await firstLine(parts.etcd, ["--version"])).replace(/^.*: /, ""));
  const pinned = parts.kubeApiserver.startsWith(own) ? `${version}, built from source` : "";
  onPart("kube-apiserver", parts.kubeApiserver, pinned);
  onPart("kubectl", parts.kubectl, `${version}, built from source`);
  onPart("kubelet's provider code", parts.kubeletCode, `${version}, built from source`);
  const registry = await firstLine(parts.dockerRegistry, ["--version"]);
  onPart("Distribution registry", parts.dockerRegistry, registry.replace(/^\S+ \S+ /, ""));
  onPart("image library (skopeo)", parts.skopeo, await firstLine(parts.skopeo, ["--version"]));
  return parts;
}

/**
 * Finds what a real node needs, and builds the kubelet and CRI-O, whose Go module is one of its own.
 *
 * @throws {Error} with the line that installs what is missing.
 */
export async function findNodeParts(onPart: OnPart): Promise<NodeParts> {
  const cni = await firstDirectory(CNI_DIRECTORIES);
  const missing = cni === undefined ? ["containernetworking-plugins"] : [];
  if (!await hasSeccompHeader()) missing.push("libseccomp-dev");
  const found = await findAll(["runc", "conmon", "ip", "iptables", "cc", "pkg-config"], missing);
  const kubernetes = await pinnedVersion("go.mod", "k8s.io/kubernetes");
  const version = await pinnedVersion("crio/go.mod", CRIO_MODULE);
  const own = await partDirectory(`crio-${version}`, ["crio/go.mod", "crio/go.sum"]);
  const parts = {
    runc: found("runc"),
    conmon: found("conmon"),
    cni: cni ?? "",
    kubelet: await buildKubernetes(await kubernetesDirectory(), kubernetes, "kubelet"),
    crio: await build({
      target: `${CRIO_MODULE}/cmd/crio`,
      out: `${own}/crio`,
      module: `${MODULE}crio`,
      args: ["-tags", CRIO_TAGS],
      env: { CGO_ENABLED: "1" },
    }),
    pinns: await buildPinns(found("cc"), `${own}/pinns`),
  };
  onPart("kubelet", parts.kubelet, `${kubernetes}, built from source`);
  onPart("CRI-O", parts.crio, `${version}, built from source`);
  onPart(
    "runc",
    parts.runc,
    (await firstLine(parts.runc, ["--version"])).replace(/^runc version /, ""),
  );
  onPart(
    "conmon",
    parts.conmon,
    (await firstLine(parts.conmon, ["--version"])).replace(/^.* /, ""),
  );
  onPart("CNI plugins", parts.cni, "");
  return parts;
}

/** Finds programs, or names the packages of all that are missing. */
async function findAll<Name extends string>(
  names: readonly Name[],
  missing: readonly string[] = [],
): Promise<(name: Name) => string> {
  const packages = new Set(missing);
  const paths = new Map<Name, string>();
  for (const name of names) {
    const path = await which(name);
    if (path === undefined) packages.add(PACKAGES[name] ?? name);
    else paths.set(name, path);
  }
  if (packages.size > 0) {
    throw new Error(`parts are missing; install them: apt-get install ${[...packages].join(" ")}`);
  }
  return (name) => paths.get(name) ?? "";
}

async function firstDirectory(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false)) return path;
  }
  return undefined;
}

/** Whether CRI-O can be built with seccomp. */
async function hasSeccompHeader(): Promise<boolean> {
  if (await which("pkg-config") === undefined) return true;
  return (await run("pkg-config", ["--exists", "libseccomp"])).code === 0;
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

/** The version of a module that a go.mod requires. */
async function pinnedVersion(file: string, module: string): Promise<string> {
  const words = (await readModule(file)).split(/\s+/);
  const version = words[words.indexOf(module) + 1];
  if (!version?.startsWith("v")) throw new Error(`${file} does not require ${module}`);
  return version;
}

const KUBELET_CODE = ["go.mod", "go.sum", "kubelet/main.go"];

/** The program around the kubelet's keyring, built from source. */
export async function findKeyring(): Promise<string> {
  const version = await pinnedVersion("go.mod", "k8s.io/kubernetes");
  const sources = ["go.mod", "go.sum", "keyring/main.go"];
  const directory = await partDirectory(`keyring-${version}`, sources);
  return await build({ target: "./keyring", out: `${directory}/keyring` });
}

/**
 * containerd and the program that pulls by it, built from source, with what its registries need; beside
 * them the containerd that is installed, if one is.
 */
export async function findContainerd(): Promise<
  & Pick<Parts, "dockerRegistry" | "htpasswd" | "skopeo">
  & { readonly daemon: string; readonly installed: string | undefined; readonly pull: string }
> {
  const found = await findAll(["docker-registry", "htpasswd", "skopeo"]);
  const version = await pinnedVersion("containerd/go.mod", CONTAINERD_MODULE);
  const sources = ["containerd/go.mod", "containerd/go.sum", "containerd/pull/main.go"];
  const directory = await partDirectory(`containerd-${version}`, sources);
  const module = `${MODULE}containerd`;
  return {
    dockerRegistry: found("docker-registry"),
    htpasswd: found("htpasswd"),
    skopeo: found("skopeo"),
    daemon: await build({
      module,
      target: `${CONTAINERD_MODULE}/cmd/containerd`,
      out: `${directory}/containerd`,
      args: ["-tags", "no_btrfs no_zfs no_devmapper"],
    }),
    installed: await which("containerd"),
    pull: await build({ module, target: "./pull", out: `${directory}/pull` }),
  };
}

const CONTAINERD_MODULE = "github.com/containerd/containerd/v2";

async function kubernetesDirectory(): Promise<string> {
  const version = await pinnedVersion("go.mod", "k8s.io/kubernetes");
  return await partDirectory(`kubernetes-${version}`, ["go.mod", "go.sum"]);
}

/**
 * Binaries are kept outside of the tree, by version and by what they are built from.
 *
 * @param sources files of the Go module.
 */
async function partDirectory(name: string, sources: readonly string[]): Promise<string> {
  const texts = await Promise.all(sources.map(readModule));
  return await cacheDirectory("crio-credential-provider-e2e", name, texts);
}

/** One of the programs of Kubernetes, which says the version that it was built from. */
function buildKubernetes(directory: string, version: string, name: string): Promise<string> {
  return build({
    target: `k8s.io/kubernetes/cmd/${name}`,
    out: `${directory}/${name}`,
    ldflags: `-X k8s.io/component-base/version.gitVersion=${version}`,
  });
}

async function build(
  { target, out, module = MODULE, args = [], ldflags = "", env = { CGO_ENABLED: "0" } }: {
    readonly target: string;
    readonly out: string;
    readonly module?: string;
    readonly args?: readonly string[];
    readonly ldflags?: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  if (await Deno.stat(out).then(() => true, () => false)) return out;
  if (await which("go") === undefined) {
    throw new Error("Go is missing, which builds kube-apiserver: install Go 1.26 or later");
  }
  const flags = ["-trimpath", "-ldflags", `-s -w ${ldflags}`.trim(), ...args];
  await mustRun("go", ["build", ...flags, "-o", `${out}.part`, target], {
    cwd: module,
    env: { GOFLAGS: "-mod=readonly", ...env },
  });
  await Deno.rename(`${out}.part`, out);
  return out;
}

/** CRI-O's helper is C, and comes with its module. */
async function buildPinns(cc: string, out: string): Promise<string> {
  if (await Deno.stat(out).then(() => true, () => false)) return out;
  const listed = await mustRun("go", ["list", "-m", "-f", "{{.Dir}}", CRIO_MODULE], {
    cwd: `${MODULE}crio`,
    env: { GOFLAGS: "-mod=readonly" },
  });
  const directory = `${listed.trim()}/pinns/src`;
  const sources = await Array.fromAsync(Deno.readDir(directory));
  const files = sources.map(({ name }) => `${directory}/${name}`).filter((name) =>
    name.endsWith(".c")
  );
  await mustRun(cc, ["-std=c99", "-Os", "-static", "-o", `${out}.part`, ...files]);
  await Deno.rename(`${out}.part`, out);
  return out;
}
