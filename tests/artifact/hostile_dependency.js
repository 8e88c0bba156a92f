// Stands behind the real lock-down in the program's place, as a package would that has been taken over,
// and looks for a way out. How each attempt ended is printed as JSON: a text where something was got.

const SECRET = Deno.args[0];
/** Names of Node's modules. */
const NODE_MODULES = JSON.parse(Deno.args[1]);
const FILE = `file://${SECRET}`;
const AS_TEXT = { with: { type: "text" } };
const URL_OF = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
const BLOB_OF = (code) => URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
const DYNAMIC = `export default (await import(${JSON.stringify(FILE)},${
  JSON.stringify(AS_TEXT)
})).default`;
const STATIC = `import text from ${JSON.stringify(FILE)} with {type:"text"};export default text`;
const constructorOf = (object) => Object.getPrototypeOf(object).constructor;
const load = async (specifier, options) => (await import(specifier, options)).default;

/** Whether text that is given to a timer is run. */
const withTimer = async (start) => {
  const timer = start("globalThis.ran = true", 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  clearTimeout(timer);
  if (globalThis.ran === undefined) throw new Error("not run");
  return "run";
};

/** All that can be reached from the global object by properties and prototypes. */
function* reachable() {
  const seen = new Set([globalThis]);
  for (const object of seen) {
    for (const key of Reflect.ownKeys(object)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key);
      for (const next of [value, get, set]) if (Object(next) === next) seen.add(next);
    }
    const prototype = Object.getPrototypeOf(object);
    if (prototype !== null) seen.add(prototype);
    yield object;
  }
}

const ATTEMPTS = {
  "import() of a file as text": () => load(FILE, AS_TEXT),
  "import() of a file as JSON": () => load(`${FILE}.json`, { with: { type: "json" } }),
  "import() of a file as JavaScript": () => load(`${FILE}.js`),
  "import() by another spelling": () =>
    load(`FILE://localhost/.${SECRET.replace("s", "%73")}`, AS_TEXT),
  "import() by a relative path": () => load(`../../../../../../../..${SECRET}`, AS_TEXT),
  "import() by an absolute path": () => load(SECRET, AS_TEXT),
  "import() of a file in a data: module": () => load(URL_OF(DYNAMIC)),
  "an import declaration in a data: module": () => load(URL_OF(STATIC)),
  "import() of a file in a blob: module": () => load(BLOB_OF(DYNAMIC)),
  "an import declaration in a blob: module": () => load(BLOB_OF(STATIC)),
  "import() of text in a data: module": () => load(URL_OF("export default 1 + 1")),
  "import() of text in a blob: module": () => load(BLOB_OF("export default 1 + 1")),
  "import() of a URL": () => load("https://localhost:1/x.js"),
  "import() of a package": () => load("npm:valibot"),
  "node:fs": async () => (await import("node:fs")).readFileSync(SECRET, "utf8"),
  "node:module": async () =>
    (await import("node:module")).createRequire(FILE)(SECRET.replace(/$/, ".json")),
  "node:worker_threads": async () => {
    const { Worker } = await import("node:worker_threads");
    return await new Promise((resolve, reject) => {
      const worker = new Worker(new URL(`${FILE}.js`));
      worker.on("error", reject);
      worker.on("message", resolve);
      worker.on("exit", () => reject(new Error("ended")));
    });
  },
  "node:vm": async () => {
    const { Script } = await import("node:vm");
    return (await new Script(`import(${JSON.stringify(FILE)})`).runInThisContext()).default;
  },
  "node:child_process": async () =>
    (await import("node:child_process")).execFileSync("/bin/cat", [SECRET], { encoding: "utf8" }),
  "node:process": async () => (await import("node:process")).default.dlopen({}, "/lib/libc.so.6"),
  "a worker made of a data: URL": () => new Worker(URL_OF(DYNAMIC), { type: "module" }),
  "process.getBuiltinModule": () => process.getBuiltinModule("node:vm"),
  "process.binding": () => process.binding("fs"),
  "require": () => require(SECRET),
  "the runtime's inner parts": () => {
    const symbols = Object.getOwnPropertySymbols(Deno);
    return symbols.length === 0 ? Deno[Deno.internal].core.evalContext : symbols.map(String);
  },
  "WebAssembly": () => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
  "the graphics driver": () => navigator.gpu.requestAdapter(),
  "eval": () => (0, eval)("1"),
  "Function": () => Function("return 1")(),
  "the constructor of a function": () => (() => {}).constructor("return 1")(),
  "AsyncFunction": () => constructorOf(async () => {})("return 1")(),
  "GeneratorFunction": () => constructorOf(function* () {})("yield 1")().next(),
  "AsyncGeneratorFunction": () => constructorOf(async function* () {})("yield 1")().next(),
  "a constructor by Reflect": () => Reflect.construct((() => {}).constructor, ["return 1"])(),
  "the constructor of a bound function": () => (() => {}).bind().constructor("return 1")(),
  "the constructor of a class of the runtime": () =>
    constructorOf(Deno.openSync).constructor("return 1")(),
  "setTimeout with text": () => withTimer(setTimeout),
  "setInterval with text": () => withTimer(setInterval),
  "a shadow realm": () => new ShadowRealm().evaluate("1"),
  "another Deno in its place": () => {
    globalThis.Deno = {};
    return "replaced";
  },
  "a redefined Deno": () => Object.defineProperty(globalThis, "Deno", { value: {} }),
  "a member more of Deno": () => {
    Deno.internal = "added";
    return "added";
  },
  "the frames of the stack": () => {
    Error.prepareStackTrace = (_, frames) => frames;
    return new Error().stack;
  },
  "a way along properties and prototypes": () => {
    const names = ["evalContext", "compileFunction", "getBuiltinModule", "createRequire", "ops"];
    const nameOf = (object) => Object.getOwnPropertyDescriptor(object, "name")?.value;
    const found = [...reachable()].filter((object) =>
      names.some((name) => Object.hasOwn(object, name)) || names.includes(nameOf(object)) ||
      /^(?:Worker|Script|Process|op_\w+)$/.test(nameOf(object))
    );
    if (found.length === 0) throw new Error("none");
    return found.map((object) => String(nameOf(object))).join();
  },
};

/**
 * Tried when each of Node's modules was asked for. Before that most end with an error of the runtime's
 * start, since what they need is gone, and by that alone: it holds off nobody who tries in another order.
 */
const LATER = {
  "node:vm's Script": async () => new (await import("node:vm")).Script("1 + 1").runInThisContext(),
  "node:vm's compileFunction": async () =>
    (await import("node:vm")).compileFunction("return 1 + 1")(),
  "node:vm in a data: module": () =>
    load(URL_OF(`import vm from "node:vm"; export default vm.runInThisContext("1 + 1")`)),
  "node:module's _compile": async () => {
    const { Module } = await import("node:module");
    const module = new Module("x");
    module._compile("module.exports = 1 + 1", "/x.js");
    return module.exports;
  },
  "node:process's getBuiltinModule": async () =>
    (await import("node:process")).getBuiltinModule("node:vm").runInThisContext("1 + 1"),
  // What compiles text reads nothing that the permissions do not allow.
  "reading by node:fs": async () => (await import("node:fs")).readFileSync(SECRET, "utf8"),
  "reading by node:module": async () =>
    (await import("node:module")).createRequire(FILE)(`${SECRET}.json`),
  "reading by a worker of node:worker_threads": async () => {
    const { Worker } = await import("node:worker_threads");
    const code = `import { parentPort } from "node:worker_threads";
      const read = () => import(${JSON.stringify(FILE)}, ${JSON.stringify(AS_TEXT)});
      parentPort.postMessage(await read().then(({ default: text }) => text, ({ message }) => message));`;
    const message = await new Promise((resolve, reject) => {
      const worker = new Worker(new URL(URL_OF(code)));
      worker.on("error", reject);
      worker.on("message", resolve);
      worker.on("exit", () => reject(new Error("ended")));
    });
    if (message !== "hidden") throw new Error(message);
    return message;
  },
  "reading by import() in node:vm": async () =>
    (await (await import("node:vm")).runInThisContext(`import(${JSON.stringify(FILE)})`)).default,
  "reading by import() in node:module's _compile": async () => {
    const { Module } = await import("node:module");
    const module = new Module("x");
    module._compile(`module.exports = import(${JSON.stringify(`${FILE}.js`)})`, "/x.js");
    return (await module.exports).default;
  },
};

const outcomes = {};
async function judge(name, attempt) {
  try {
    outcomes[name] = { got: String(await attempt()).slice(0, 100) };
  } catch (error) {
    // Some of the runtime's own errors cannot be made a text.
    const message = typeof error?.message === "string" ? error.message : "an error";
    outcomes[name] = { refused: message.slice(0, 200) };
  }
}
for (const [name, attempt] of Object.entries(ATTEMPTS)) await judge(name, attempt);
for (const name of NODE_MODULES) await import(`node:${name}`).catch(() => {});
for (const [name, attempt] of Object.entries(LATER)) await judge(`later, ${name}`, attempt);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));
Deno.exit(0);
