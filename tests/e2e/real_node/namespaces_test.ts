import assert from "node:assert/strict";
import { Controllers } from "./namespaces.ts";

// A file that is no kernel's keeps each line that is written to it.
for (
  const [enabled, added, removed] of [
    ["\n", "+cpu +cpuset +io +memory +pids\n", "-cpu\n-cpuset\n-io\n-memory\n-pids\n"],
    ["memory cpu pids\n", "+cpuset +io\n", "-cpuset\n-io\n"],
    ["cpuset cpu io memory hugetlb pids rdma\n", "", ""],
  ] as const
) {
  Deno.test(`of a root group with "${enabled.trim()}", only what is missing is enabled, and for the run`, async () => {
    const root = await Deno.makeTempDir();
    try {
      const file = `${root}/cgroup.subtree_control`;
      await Deno.writeTextFile(file, enabled);
      {
        await using _controllers = await Controllers.enable(root);
        assert.equal(await Deno.readTextFile(file), enabled + added);
      }
      assert.equal(await Deno.readTextFile(file), enabled + added + removed);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}
