import assert from "node:assert/strict";
import { Cluster } from "../support/cluster.ts";

Deno.test("journald gets the log of a run that succeeds, and holds up nothing when it is dead", async () => {
  const directory = await Deno.makeTempDir();
  const journaldSocket = `${directory}/stdout`;
  try {
    await using cluster = await Cluster.start({ settings: { journaldSocket } });
    const absent = await cluster.pull();
    assert.equal(absent.code, 0, absent.stderr);
    const listener = Deno.listen({ transport: "unix", path: journaldSocket });
    const received = listener.accept().then((peer) => new Response(peer.readable).text());
    const { stderr } = await cluster.pull();
    const [identifier, , , , , , , ...lines] = (await received).trimEnd().split("\n");
    assert.equal(identifier, "crio-credential-provider");
    assert.deepEqual(lines, stderr.trimEnd().split("\n").map((line) => `<6>${line}`));
    listener.close();
    const dead = await cluster.pull();
    assert.deepEqual([dead.code, dead.stderr], [0, stderr]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
