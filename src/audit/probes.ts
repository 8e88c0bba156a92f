// deno-coverage-ignore-file -- only in a child process: tests/artifact/audit_test.ts
/**
 * What the sandbox must refuse, each tried on the running process. An attempt that is not refused
 * does no harm: files are opened without being changed, programs and libraries do not exist,
 * connections go to the API server's host and to this machine alone and carry nothing.
 */

import { liesWithin } from "../kubernetes/api_server_hosts.ts";
import { hostAndPort } from "../kubernetes/api_server_url.ts";
import { requiredPermissions } from "../settings/sandbox.ts";
import { LOCAL_API_SERVER } from "../kubernetes/kubeadm.ts";
import type { Settings } from "../settings/settings.ts";

/** An attempt to leave the sandbox. */
export interface Probe {
  readonly kind: "read" | "write" | "net" | "env" | "run" | "ffi" | "sys" | "code";
  /** What is attempted, for people. */
  readonly attempt: string;
  readonly run: () => unknown;
}

/** How a probe ended. */
export interface ProbeResult {
  readonly kind: Probe["kind"];
  readonly attempt: string;
  readonly denied: boolean;
}

/** The probes of an executable with these settings. */
export function probesFor(settings: Settings): Probe[] {
  return [
    ...readProbes(settings),
    ...writeProbes(settings),
    ...netProbes(settings),
    { kind: "env", attempt: "read the variable HOME", run: () => Deno.env.get("HOME") },
    { kind: "env", attempt: "read the whole environment", run: () => Deno.env.toObject() },
    { kind: "env", attempt: "set a variable", run: () => Deno.env.set("AUDIT_PROBE", "1") },
    { kind: "run", attempt: "start a program", run: startProgram },
    { kind: "ffi", attempt: "load a library", run: () => Deno.dlopen("/nonexistent.so", {}) },
    { kind: "sys", attempt: "read the host's name", run: () => Deno.hostname() },
    { kind: "sys", attempt: "list network interfaces", run: () => Deno.networkInterfaces() },
    { kind: "sys", attempt: "read the user's id", run: () => Deno.uid() },
    { kind: "code", attempt: "compile code from text", run: () => compileText("1") },
    ...TAKEN_AWAY.map(([attempt, reach]): Probe => ({
      kind: "code",
      attempt,
      run: () => need(reach()),
    })),
  ];
}

/** Runs a probe to its end. */
export async function tryProbe({ kind, attempt, run }: Probe): Promise<ProbeResult> {
  try {
    await run();
    return { kind, attempt, denied: false };
  } catch (error) {
    return { kind, attempt, denied: isRefusal(error) };
  }
}

/** A refusal of the runtime, which `fetch` wraps, of the engine, or of the lock-down. */
function isRefusal(error: unknown): boolean {
  if (error instanceof Deno.errors.NotCapable || error instanceof EvalError) return true;
  if (error instanceof NotThere) return true;
  return error instanceof TypeError && isRefusal(error.cause);
}

/** Something of the runtime that the lock-down (`src/executable/lock_down.js`) has taken away. */
class NotThere extends Error {}

/** What no permission guards, and where it would be found. */
const TAKEN_AWAY: readonly (readonly [attempt: string, reach: () => unknown])[] = [
  ["start a worker", () => Reflect.get(globalThis, "Worker")],
  ["reach Node's modules", () => Reflect.get(globalThis, "process")],
  ["reach the runtime's inner parts", () => Object.getOwnPropertySymbols(Deno)[0]],
  ["run WebAssembly", () => Reflect.get(globalThis, "WebAssembly")],
  ["load graphics drivers", () => Reflect.get(globalThis, "navigator")],
];

function need(found: unknown): void {
  if (found === undefined) throw new NotThere();
}

/** By the constructor that every function leads to. */
function compileText(text: string): unknown {
  return Reflect.construct(compileText.constructor, [text]);
}

/** Files that hold secrets of the node, the program's own environment, and the ways up. */
const FOREIGN_FILES = [
  "/etc/shadow",
  "/proc/self/environ",
  "/proc/self/mem",
  "/etc/kubernetes/admin.conf",
  "/var/lib/kubelet/pki",
  "/var/lib/containers",
  "/root",
];

function readProbes(settings: Settings): Probe[] {
  const allowed = targets(settings, "read");
  const around = allowed.flatMap((path) => [...ancestors(path), `${path}.audit-probe`]);
  return outside([...FOREIGN_FILES, ...around, `${settings.authDir}/in-use`], allowed, settings)
    .map((path) => ({ kind: "read", attempt: path, run: () => open(path, { read: true }) }));
}

function writeProbes(settings: Settings): Probe[] {
  const allowed = targets(settings, "write");
  const readable = targets(settings, "read");
  const around = allowed.flatMap((path) => [...ancestors(path), `${path}.audit-probe`]);
  const foreign = ["/etc/passwd", "/tmp/audit-probe", "/root/audit-probe"];
  const inUse = `${settings.authDir}/in-use/audit-probe`;
  return outside([...foreign, ...readable, ...around, inUse], allowed, settings)
    .map((path) => ({ kind: "write", attempt: path, run: () => open(path, { write: true }) }));
}

/** Opens without creating or truncating anything. */
function open(path: string, options: Deno.OpenOptions): void {
  Deno.openSync(path, options).close();
}

function netProbes(settings: Settings): Probe[] {
  const server = hostAndPort(settings.apiserver === "" ? LOCAL_API_SERVER : settings.apiserver);
  const host = server.slice(0, server.lastIndexOf(":"));
  const allowed = targets(settings, "net");
  const addresses = new Set([`${host}:1`, `${host}:10250`, "127.0.0.1:1", "[::1]:1"]);
  const sockets = ["/run/crio/crio.sock", "/run/systemd/private"];
  return [
    ...[...addresses].filter((address) => !liesWithin(address, allowed)).map((address): Probe => ({
      kind: "net",
      attempt: `connect to ${address}`,
      run: () => connect(address),
    })),
    ...sockets.map((path): Probe => ({
      kind: "net",
      attempt: `connect to ${path}`,
      run: async () => (await Deno.connect({ transport: "unix", path })).close(),
    })),
    {
      kind: "net",
      attempt: "request http://127.0.0.1:10249/",
      run: () => fetch("http://127.0.0.1:10249/", { signal: AbortSignal.timeout(CONNECT_LIMIT) }),
    },
    {
      kind: "net",
      attempt: "listen on 127.0.0.1",
      run: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
    },
  ];
}

/** How long a connection that should not be may take, in milliseconds. */
const CONNECT_LIMIT = 1000;

async function connect(address: string): Promise<void> {
  const colon = address.lastIndexOf(":");
  const connection = await Deno.connect({
    hostname: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"),
    port: Number(address.slice(colon + 1)),
    signal: AbortSignal.timeout(CONNECT_LIMIT),
  });
  connection.close();
}

function startProgram(): void {
  new Deno.Command("/nonexistent/program").outputSync();
}

function targets(settings: Settings, kind: "read" | "write" | "net"): string[] {
  return requiredPermissions(settings).filter((p) => p.kind === kind).map((p) => p.target);
}

/** `/a/b/c` -> `/a/b`, `/a`, `/` */
function ancestors(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/") || "/");
}

/** The paths, each once, that no allowed path covers; and CRI-O's own directory, covered or not. */
function outside(paths: string[], allowed: readonly string[], { authDir }: Settings): string[] {
  return [...new Set(paths)].filter((path) =>
    path.startsWith(`${authDir}/in-use`) ||
    !allowed.some((target) => path === target || path.startsWith(`${target}/`))
  );
}
