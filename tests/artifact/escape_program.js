// Stands behind the plugin's sandbox in its place, and tries to leave. The attempts, by name, with
// what each needs to know, are the one argument; how each ended is printed as JSON.

import childProcess from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";

const ATTEMPTS = {
  read: (path) => Deno.readTextFileSync(path).length,
  list: (path) => [...Deno.readDirSync(path)].length,
  write: (path) => Deno.writeTextFileSync(path, "escaped"),
  remove: (path) => Deno.removeSync(path),
  rename: ([from, to]) => Deno.renameSync(from, to),
  symlink: ([to, path]) => Deno.symlinkSync(to, path),
  link: ([from, to]) => Deno.linkSync(from, to),
  chmod: (path) => Deno.chmodSync(path, 0o777),
  connect: async (options) => (await Deno.connect(options)).close(),
  fetch: async (url) => await (await fetch(url)).text(),
  listen: (options) => Deno.listen(options).close(),
  run: (path) => new Deno.Command(path).outputSync().code,
  dlopen: (path) => Deno.dlopen(path, {}).close(),
  env: (name) => Deno.env.get(name) ?? "unset",
  setEnv: (name) => Deno.env.set(name, "x"),
  hostname: () => Deno.hostname(),
  import: (specifier) => import(specifier),
  worker: (path) =>
    new Promise((resolve, reject) => {
      const code = `try { Deno.readFileSync("${path}"); postMessage("done"); }
        catch (error) { postMessage(error.message); }`;
      const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, {
        type: "module",
      });
      worker.onmessage = ({ data }) => data === "done" ? resolve() : reject(new Error(data));
      worker.onerror = reject;
    }),
  ask: async (descriptor) => {
    const { state } = await Deno.permissions.request(descriptor);
    if (state !== "granted") throw new Deno.errors.NotCapable("not asked for");
  },
  nodeRead: (path) => fs.readFileSync(path).length,
  nodeRun: (path) => {
    const { error } = childProcess.spawnSync(path);
    if (error) throw error;
  },
  nodeConnect: (port) =>
    new Promise((resolve, reject) => {
      net.connect(port, "127.0.0.1").on("connect", resolve).on("error", reject);
    }),
  nodeEnv: (name) => {
    const value = globalThis.process?.env[name];
    if (value === undefined) throw new Deno.errors.NotCapable("hidden");
  },
  nodeHostname: () => os.hostname(),
};

const outcomes = [];
for (const [name, argument] of JSON.parse(Deno.args[0])) {
  try {
    await ATTEMPTS[name](argument);
    outcomes.push("done");
  } catch (error) {
    const refused = error instanceof Deno.errors.NotCapable ||
      error.cause instanceof Deno.errors.NotCapable || error.code === "ERR_ACCESS_DENIED" ||
      /Requires \w+ access|--no-(?:remote|npm)|permission/i.test(error.message) ||
      // The compiled form's words for a file, a URL and a package.
      /Blocked by null entry|Module not found: http|in the list of packages/.test(error.message);
    outcomes.push(refused ? "denied" : `${error.name}: ${error.message}`);
  }
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));
Deno.exit(0);
