import assert from "node:assert/strict";
import { findMissing, findOpenings } from "../../src/executable/openings.ts";
import LOCK_DOWN from "../../src/executable/lock_down.js" with { type: "text" };

const OPENINGS: readonly [name: string, program: string, found: readonly RegExp[]][] = [
  ["nothing", "const a = () => 1; a();", []],
  ["the word in a text", `const a = "import('x')";`, []],
  ["the word in a comment", `// import("x")`, []],
  ["the word as a property", "const a = { import: 1 }; a.import;", []],
  ["import.meta", "import.meta.url;", []],
  ["a literal import()", `import("./x.js");`, [/calls import\(\) at \d+:1 /]],
  ["a computed import()", "const a = (b) => import(b);", [/calls import\(\) at \d+:18 /]],
  ["one in a template", "`${import(a)}`;", [/calls import\(\)/]],
  ["one in a class", "class A { static { import(a); } }", [/calls import\(\)/]],
  ["one in the options of another", "import(a, import(b));", [/import\(b/, /import\(a/]],
  ["a declaration", `import a from "node:fs"; a;`, [/imports a module/]],
  ["a bare declaration", `import "x";`, [/imports a module/]],
  ["an export from", `export { a } from "x";`, [/exports at/]],
  ["an export of all", `export * from "x";`, [/exports a module/]],
  ["a source phase import", `import.source("x");`, [/cannot be parsed/]],
  ["a deferred import", `import defer * as a from "x";`, [/cannot be parsed/]],
  ["a function Reflect", "function Reflect() {}", [/its own Reflect in the lock-down's way/]],
  ["a class Set", "class Set {}", [/its own Set/]],
  ["a variable Deno", "{ var { a: [Deno = 1] } = {}; }", [/its own Deno/]],
  ["an assignment to Object", "Object = 1;", [/its own Object/]],
  ["a broken end", "const a = (", [/cannot be parsed/]],
];

for (const [name, program, found] of OPENINGS) {
  Deno.test(`a program with ${name} has ${found.length} openings`, () => {
    const openings = findOpenings(`${LOCK_DOWN}${program}`);
    assert.equal(openings.length, found.length, openings.join("\n"));
    found.forEach((expected, index) => assert.match(openings[index] ?? "", expected));
  });
}

Deno.test("a program without the lock-down in front is open", () => {
  for (
    const program of [
      "",
      `0;${LOCK_DOWN}`,
      LOCK_DOWN.slice(LOCK_DOWN.indexOf("{")),
      LOCK_DOWN.replace("uid", "gid"),
    ]
  ) {
    assert.match(findOpenings(program).join(), /does not begin with the lock-down/);
  }
});

const MISSING: readonly [name: string, program: string, found: readonly RegExp[]][] = [
  ["what stays", "Deno.exit(new Map([[JSON, URL]]).size);", []],
  ["what it declares itself", "const process = 1; function Worker(name) { process; name; }", []],
  ["what it only asks for", `typeof process === "undefined";`, []],
  ["a property of that name", "const a = {}; a.process; a.Worker;", []],
  ["process", "process.exit();", [
    /uses process at \d+:1 .* add it to the lists of src\/executable\/lock_down/,
  ]],
  ["a worker", "new Worker(1);", [/uses Worker/]],
  ["a socket", "new WebSocket(1);", [/uses WebSocket/]],
  ["a member of Deno", "Deno.readTextFile(1);", [/uses readTextFile/]],
];

for (const [name, program, found] of MISSING) {
  Deno.test(`of a program that uses ${name} the lock-down takes away ${found.length}`, () => {
    const missing = findMissing(`${LOCK_DOWN}${program}`);
    assert.equal(missing.length, found.length, missing.join("\n"));
    found.forEach((expected, index) => assert.match(missing[index] ?? "", expected));
  });
}

Deno.test("each name of the lock-down is one of the runtime", () => {
  const lists = LOCK_DOWN.slice(
    LOCK_DOWN.indexOf("const language"),
    LOCK_DOWN.indexOf("const deno"),
  );
  const names = [...lists.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
  assert.ok(names.length > 90);
  assert.deepEqual(names.filter((name) => !(name in globalThis) && !(name in Deno)), []);
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

Deno.test("what the lock-down reaches the runtime by is what is looked at", () => {
  const code = LOCK_DOWN.slice(LOCK_DOWN.indexOf("const deno ="))
    .replaceAll(/"[^"]*"|\/\/.*|\.\w+/g, "");
  const names = new Set(
    [...code.matchAll(/\b[A-Z]\w+|globalThis|undefined/g)].map(([name]) => name),
  );
  for (const name of names) {
    const [opening] = findOpenings(`${LOCK_DOWN}function ${name}() {}`);
    assert.match(opening ?? "", /its own/, name);
  }
});
