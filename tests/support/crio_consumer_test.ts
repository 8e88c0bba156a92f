import assert from "node:assert/strict";
import { authFileName, CrioConsumer, takeAuthFile, takeAuthFileAtOnce } from "./crio_consumer.ts";
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

Deno.test("a pull's file is there while it lasts and deleted on every outcome", async () => {
  await using node = await tempNode();
  const { authDir } = node.settings;
  const path = `${authDir}/${await authFileName("default", IMAGE)}`;
  const crio = new CrioConsumer(authDir);
  const pull = { namespace: "default", image: IMAGE, cgroupParent: "/pod-1" };
  const inUse = () => [...Deno.readDirSync(`${authDir}/in-use`)].length;
  for (const fails of [false, true]) {
    await node.write(path, "{}");
    await Deno.chmod(path, 0o600);
    const pulled = crio.pull(pull, (file) => {
      assert.deepEqual([file?.authFile, inUse()], [{}, 1]);
      return fails ? Promise.reject(new Error("unauthorized")) : Promise.resolve("pulled");
    });
    if (fails) await assert.rejects(pulled, /unauthorized/);
    else assert.equal(await pulled, "pulled");
    assert.equal(inUse(), 0);
    await crio.pull(pull, (file) => Promise.resolve(assert.equal(file, undefined)));
  }
});

Deno.test("pulls are one only for one image, namespace, cgroup parent and user name", async () => {
  await using node = await tempNode();
  const crio = new CrioConsumer(node.settings.authDir);
  const pull = { namespace: "default", image: IMAGE, cgroupParent: "/pod-1" };
  const others = [
    { ...pull, image: "docker.io/library/alpine" },
    { ...pull, namespace: "team" },
    { ...pull, cgroupParent: "/pod-2" },
    { ...pull, username: "user" },
  ];
  let pulls = 0;
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const use = async () => {
    pulls++;
    await end;
  };
  const all = [pull, pull, pull, ...others].map((pull) => crio.pull(pull, use));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(pulls, 1 + others.length);
  resolve();
  await Promise.all(all);
  await crio.pull(pull, use);
  assert.equal(pulls, 2 + others.length);
});
