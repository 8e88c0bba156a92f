import assert from "node:assert/strict";
import { embedLaterModules } from "../../scripts/support/later_modules.ts";

/** Runs a module; its default export is what it tells. */
async function run(program: string): Promise<unknown> {
  return (await import(`data:text/javascript,${encodeURIComponent(program)}`)).default;
}

const DOUBLE = "let calls=0;module.exports={double:n=>{calls++;return[n*2,calls]}}";

Deno.test("a module that is loaded later is run when it is asked for", async () => {
  const program = [
    `const told=["start"];globalThis.tell=word=>told.push(word);`,
    `const load=async()=>(await import("./double.ts")).double(21);`,
    `told.push(await load());`,
    `export default told;`,
    "",
  ].join("\n");
  const embedded = embedLaterModules(program, [
    { specifier: "./double.ts", program: `tell("loaded");${DOUBLE}` },
  ]);
  assert.deepEqual(await run(embedded), ["start", "loaded", [42, 1]]);
});

Deno.test("modules keep their names to themselves, and may end in a comment", async () => {
  const program = [
    `const calls="mine",module=()=>"mine, too";`,
    `const {double}=await import("./a.ts"),{triple}=await import("../b.ts");`,
    `export default [double(1)[0],triple(1),calls,module()];`,
    "",
  ].join("\n");
  const embedded = embedLaterModules(program, [
    { specifier: "./a.ts", program: `${DOUBLE}\n// done` },
    { specifier: "../b.ts", program: "let calls=3;module.exports={triple:n=>n*calls}" },
  ]);
  assert.deepEqual(await run(embedded), [2, 3, "mine", "mine, too"]);
});

for (
  const [name, program] of [
    ["twice", `import("./a.ts");import("./a.ts");`],
    ["nowhere", `import("./b.ts");`],
  ] as const
) {
  Deno.test(`a module that is imported ${name} is refused`, () => {
    assert.throws(
      () => embedLaterModules(program, [{ specifier: "./a.ts", program: "" }]),
      /\.\/a\.ts is not imported just once/,
    );
  });
}
