import assert from "node:assert/strict";
import { ExaminedNode, formatMode } from "../../../src/ctl/doctor/examined_node.ts";
import { UserError } from "../../../src/errors.ts";

Deno.test("a node's files are looked for below its root, and what is not there is no fault", async () => {
  const root = await Deno.makeTempDir();
  try {
    const files = new ExaminedNode(root);
    await Deno.mkdir(`${root}/etc`);
    await Deno.writeTextFile(`${root}/etc/b`, "text");
    await Deno.chmod(`${root}/etc/b`, 0o640);
    await Deno.symlink("b", `${root}/etc/a`);
    await Deno.symlink("nowhere", `${root}/etc/c`);

    assert.deepEqual(files.read("/etc/b", "x"), { path: "/etc/b", text: "text" });
    assert.deepEqual(files.list("/etc", "x"), ["a", "b", "c"]);
    assert.deepEqual(files.facts("/etc/a", "x"), files.facts("/etc/b", "x"));
    assert.equal(formatMode(files.facts("/etc/a", "x")?.mode ?? 0), "0640");
    // What a name in a directory is, and not what it leads to.
    assert.deepEqual(files.listFacts("/etc", "x").map(({ name, facts }) => [name, facts.kind]), [
      ["a", "other"],
      ["b", "file"],
      ["c", "other"],
    ]);

    for (const path of ["/nowhere", "/etc/b/c", "/etc/c"]) {
      assert.equal(files.facts(path, "x"), undefined);
      assert.equal(files.list(path, "x"), undefined);
      assert.equal(files.readBytes(path, "x"), undefined);
      assert.deepEqual(files.listFacts(path, "x"), []);
    }
    assert.equal(files.read("/nowhere", "x"), undefined);
    assert.throws(() => files.read("/etc", "x"), UserError);
    assert.throws(() => files.readBytes("/etc", "x"), UserError);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
