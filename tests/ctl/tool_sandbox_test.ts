import assert from "node:assert/strict";
import { OutsideSandboxError } from "../../src/process/files.ts";
import { howToReach } from "../../src/ctl/tool_sandbox.ts";

Deno.test("what the tool's sandbox leaves out, a flag lets in; in the compiled form, a build with it", () => {
  const error = new OutsideSandboxError("a.io:6443", "connect", "apiserver");
  assert.equal(howToReach(error, "script"), "pass --apiserver a.io:6443 to allow that");
  assert.equal(
    howToReach(error, "compiled"),
    "bind or build it with --apiserver a.io:6443 to allow that",
  );
});

Deno.test("a path with a comma, which no list of paths can hold, wants another name", () => {
  const error = new OutsideSandboxError("/tmp/a,b.json", "read", "secrets-file");
  for (const form of ["script", "compiled"] as const) {
    assert.equal(howToReach(error, form), "give the file a name without a comma");
  }
});

const WRITING: readonly [args: readonly string[], keeps: boolean][] = [
  [["bind", "release", "--in-place"], true],
  [["generate", "install", "--out", "site"], true],
  [["generate", "rbac"], false],
  [["generate"], false],
  [["doctor"], false],
  [["explain", "bind"], false],
  [["--help"], false],
  [[], false],
];

Deno.test("every command but bind and generate install gives up writing before it begins, for good", async () => {
  const module = new URL("../../src/ctl/tool_sandbox.ts", import.meta.url);
  for (const [args, keeps] of WRITING) {
    const program = [
      `import { giveUpWriting } from ${JSON.stringify(module.href)};`,
      `giveUpWriting(${JSON.stringify(args)});`,
      `const state = Deno.permissions.requestSync({ name: "write", path: "/tmp" }).state;`,
      `console.log(state);`,
    ].join("\n");
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", program],
      env: { NO_COLOR: "1" },
    }).output();
    // `eval` holds all permissions; asking is without effect where there is no terminal.
    assert.equal(new TextDecoder().decode(stdout).trim() === "granted", keeps, args.join(" "));
  }
});
