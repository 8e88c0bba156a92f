import assert from "node:assert/strict";
import { authFileName, takeAuthFile, takeAuthFileAtOnce } from "./crio_consumer.ts";
import { tempNode } from "./temp_node.ts";

const IMAGE = "docker.io/library/nginx";

Deno.test("an auth file is taken once, and only whole and with mode 0600", async () => {
  await using node = await tempNode();
  const { authDir } = node.settings;
  const name = await authFileName("default", IMAGE);
  assert.equal(
    name,
    "default-7e59ad64326bc321517fb6fc6586de5ee149178394d9edfa2a877176cdf6fad5.json",
  );
  const put = async (text: string, mode: number) => {
    await node.write(`${authDir}/${name}`, text);
    await Deno.chmod(`${authDir}/${name}`, mode);
  };
  assert.equal(await takeAuthFile(authDir, "default", IMAGE), undefined);
  await assert.rejects(Deno.stat(authDir), Deno.errors.NotFound);
  await put('{"auths":{}}', 0o600);
  const taken = await takeAuthFile(authDir, "default", IMAGE);
  assert.deepEqual(taken, { text: '{"auths":{}}', authFile: { auths: {} } });
  assert.equal(await takeAuthFile(authDir, "default", IMAGE), undefined);
  await put('{"auths":{}}', 0o640);
  await assert.rejects(takeAuthFile(authDir, "default", IMAGE), /mode of the auth file/);
  await put('{"auths":', 0o600);
  await assert.rejects(takeAuthFile(authDir, "default", IMAGE), /is not whole JSON/);
  assert.deepEqual(await node.authDirEntries(), ["in-use"]);
});

Deno.test("an auth file that is not there yet is waited for, but not for ever", async () => {
  await using node = await tempNode();
  const { authDir } = node.settings;
  const path = `${authDir}/${await authFileName("default", IMAGE)}`;
  assert.equal(await takeAuthFileAtOnce(authDir, "default", IMAGE, 1), undefined);
  await Deno.mkdir(authDir, { recursive: true });
  // Another process: this thread does nothing else while it waits.
  const writer = new Deno.Command("/bin/sh", {
    args: ["-c", 'sleep 0.05; umask 077; echo "{}" >"$0.tmp"; mv "$0.tmp" "$0"', path],
  }).spawn();
  const taken = await takeAuthFileAtOnce(authDir, "default", IMAGE, 30_000);
  assert.deepEqual(taken?.authFile, {});
  assert.equal((await writer.status).code, 0);
});
