// Stands behind the real lock-down in the program's place, as a package would that has been taken over,
// and looks for a way out. How each attempt ended is printed as JSON: a text where something was got.

const SECRET = Deno.args[0];
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

const outcomes = {};
for (const [name, attempt] of Object.entries(ATTEMPTS)) {
  try {
    const got = await attempt();
    outcomes[name] = { got: String(got).slice(0, 100) };
  } catch (error) {
    outcomes[name] = { refused: String(error?.message ?? error).slice(0, 200) };
  }
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));
Deno.exit(0);
