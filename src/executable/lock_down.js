/**
 * What both programs do first, before any other code of theirs or of a package runs: they take away all
 * of the runtime that they have no use for. The build puts this file, word for word, in front of the
 * program, and `deno task audit FILE` looks that it is there.
 *
 * What the permissions do not guard is thereby out of reach:
 *
 * - `Deno[Deno.internal]` leads to the runtime's own operations and compiles code from text
 *   (denoland/deno 2.9.6, libs/core/01_core.js: `compileFunction`, `evalContext`);
 * - `process.getBuiltinModule` and `process.binding` lead to Node's modules, among them `node:vm`,
 *   `node:module` and `node:worker_threads`;
 * - `Worker` starts another program, in which nothing is locked down;
 * - `URL.createObjectURL` makes a module of text, which `import()` would load;
 * - `WebAssembly` and the graphics interfaces run code that is no JavaScript. The latter load the
 *   machine's drivers.
 *
 * Lists of what stays, not of what goes: whatever a later runtime adds goes, too.
 *
 * @module
 */
{
  /** Of the language, with nothing that compiles text (ECMA-262, clause 19; ECMA-402). */
  const language = [
    ...[
      "globalThis",
      "Infinity",
      "NaN",
      "undefined",
      "isFinite",
      "isNaN",
      "parseFloat",
      "parseInt",
    ],
    ...["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape"],
    ...["Object", "Function", "Boolean", "Symbol", "Number", "BigInt", "Math", "Date", "Temporal"],
    ...["String", "RegExp", "Array", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Iterator"],
    ...["Error", "AggregateError", "EvalError", "RangeError", "ReferenceError", "SyntaxError"],
    ...["SuppressedError", "TypeError", "URIError", "FinalizationRegistry", "Promise", "Proxy"],
    ...["Reflect", "JSON", "Intl", "Atomics", "ArrayBuffer", "SharedArrayBuffer", "DataView"],
    ...["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array"],
    ...["Uint32Array", "BigInt64Array", "BigUint64Array", "Float16Array", "Float32Array"],
    ...["Float64Array", "DisposableStack", "AsyncDisposableStack"],
  ];
  /**
   * Of the web, what only computes, and `fetch`, for `audit` to try that it is refused. The programs use
   * few of these, but the runtime reaches some by their global names itself, such as `DOMException` when
   * a time limit is over.
   */
  const web = [
    ...["AbortController", "AbortSignal", "DOMException", "QuotaExceededError", "Event"],
    ...["EventTarget", "CloseEvent", "CustomEvent", "ErrorEvent", "MessageEvent", "ProgressEvent"],
    ...["PromiseRejectionEvent", "Window", "self", "console", "crypto", "Crypto", "CryptoKey"],
    ...["SubtleCrypto", "performance", "Performance", "PerformanceEntry", "PerformanceMark"],
    ...[
      "PerformanceMeasure",
      "Blob",
      "File",
      "FormData",
      "Headers",
      "Request",
      "Response",
      "fetch",
    ],
    ...[
      "URL",
      "URLSearchParams",
      "TextDecoder",
      "TextEncoder",
      "TextDecoderStream",
      "atob",
      "btoa",
    ],
    ...["TextEncoderStream", "CompressionStream", "DecompressionStream", "ReadableStream"],
    ...["ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest"],
    ...["ReadableStreamDefaultController", "ReadableByteStreamController", "WritableStream"],
    ...["WritableStreamDefaultWriter", "WritableStreamDefaultController", "TransformStream"],
    ...["TransformStreamDefaultController", "ByteLengthQueuingStrategy", "CountQueuingStrategy"],
    ...["structuredClone", "queueMicrotask", "reportError", "setTimeout", "clearTimeout"],
    ...["setInterval", "clearInterval"],
  ];
  /**
   * Of `Deno`, what the programs use. The permissions guard each but `consoleSize` and `cwd`, which tell
   * the width of the terminal and the working directory, and no more.
   */
  const used = [
    ...[
      "args",
      "build",
      "chmodSync",
      "connect",
      "consoleSize",
      "cwd",
      "errors",
      "exit",
      "linkSync",
    ],
    ...["lstatSync", "mkdirSync", "openSync", "permissions", "readDirSync", "readFileSync"],
    ...["readLinkSync", "realPathSync", "removeSync", "renameSync", "startTls", "statSync"],
    ...["stderr", "stdin", "stdout", "utimeSync", "version"],
  ];
  /** Of `Deno`, what `audit` tries, to find that it is refused. */
  const tried = ["Command", "dlopen", "env", "hostname", "listen", "networkInterfaces", "uid"];

  const deno = Object.create(null);
  for (const name of [...used, ...tried]) {
    const member = Object.getOwnPropertyDescriptor(Deno, name);
    if (member !== undefined) Object.defineProperty(deno, name, member);
  }
  const globals = new Set([...language, ...web]);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!globals.has(name)) Reflect.deleteProperty(globalThis, name);
  }
  Reflect.deleteProperty(URL, "createObjectURL");
  const forGood = { writable: false, configurable: false };
  Object.defineProperty(globalThis, "Deno", { value: Object.freeze(deno), ...forGood });
  // The engine would call it with the frames of the stack, and these lead to the runtime's functions.
  Object.defineProperty(Error, "prepareStackTrace", { value: undefined, ...forGood });
}
