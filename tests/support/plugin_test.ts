import assert from "node:assert/strict";
import { runPlugin } from "./plugin.ts";
import { tempNode } from "./temp_node.ts";

Deno.test("an executable gets its stdin and arguments, and no environment but PATH", async () => {
  await using node = await tempNode();
  const script = node.path("script");
  await Deno.writeTextFile(script, '#!/bin/sh\ncat\necho "$1" >&2\nexport -p\npwd\nexit 3\n');
  await Deno.chmod(script, 0o755);
  const { code, signal, stdout, stderr } = await runPlugin(script, { stdin: "in\n", args: ["a"] });
  assert.equal(code, 3);
  assert.equal(signal, null);
  assert.equal(stderr, "a\n");
  const lines = stdout.split("\n");
  assert.equal(lines[0], "in");
  assert.equal(lines.at(-2), "/");
  const exported = lines.filter((line) => line.startsWith("export "));
  assert.deepEqual(exported.filter((line) => !/^export (PATH=|PWD=|OLDPWD$)/.test(line)), []);
  assert.match(stdout, /^export PATH=/m);
});

Deno.test("an executable that leaves its stdin unread, or has to be killed, is no error", async () => {
  const large = new Uint8Array(10_000_000);
  assert.equal((await runPlugin("/bin/true", { stdin: large })).code, 0);
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({});
  const { signal } = await runPlugin("/bin/cat", { stdin: endless, timeout: 100 });
  assert.equal(signal, "SIGKILL");
});
