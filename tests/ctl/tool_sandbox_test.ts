import assert from "node:assert/strict";
import { toolCommands } from "../../src/ctl/application.ts";
import { giveUpPermissions } from "../../src/ctl/tool_sandbox.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";

const HOST = "localhost:6443";

const KEPT: readonly [args: readonly string[], kept: readonly string[]][] = [
  [["bind", "release", "--in-place"], ["read", "write"]],
  [["generate", "install", "--out", "site"], ["read", "write"]],
  [["generate", "rbac", "install"], ["read"]],
  [["generate"], ["read"]],
  [["install"], []],
  [["explain", "bind"], ["read", "net"]],
  [["doctor"], ["read", "net"]],
  [["audit", "release"], ["read"]],
  [["policy"], ["read"]],
  [["completions", "bash"], []],
  [["--help"], []],
  [["constructor"], []],
  [[], []],
];

for (const [args, kept] of KEPT) {
  Deno.test({
    name: `"${args.join(" ")}" keeps of the tool's permissions: ${kept.join(", ") || "none"}`,
    permissions: { read: true, write: true, net: [HOST] },
    fn: () => {
      const held = () =>
        ([
          { name: "read", path: "/tmp" },
          { name: "write", path: "/tmp" },
          { name: "net", host: HOST },
        ] as const).filter((descriptor) =>
          Deno.permissions.querySync(descriptor).state === "granted"
        ).map(({ name }) => name);
      assert.deepEqual(held(), ["read", "write", "net"]);
      giveUpPermissions(args);
      assert.deepEqual(held(), kept);
    },
  });
}

Deno.test("what is kept is known of each command of the tool", () => {
  const facts = {
    version: "",
    gitCommit: "",
    gitCommitDate: "",
    bundleSha256: "",
    dependencies: [],
  };
  const commands = toolCommands(DEFAULT_SETTINGS, facts).getAllEntries();
  assert.ok(commands.length > 5);
  for (const { name } of commands) {
    assert.ok(KEPT.some(([[command]]) => command === name.original), name.original);
  }
});
