/** What a real node shows, case by case. Each ends with a sentence of what was seen, or throws. */

import assert from "node:assert/strict";
import type { Case } from "../report.ts";
import { run } from "../process.ts";
import type { RealWorld } from "./world.ts";

export const REAL_NODE_CASES: readonly Case<RealWorld>[] = [
  {
    name: "the documented example on a node",
    expected: "doctor finds the node ready; the pod runs, pulled as the secret's user",
    play: async (world) => {
      await world.install("kubeadm");
      await world.node.startCrio();
      await world.node.startKubelet();
      const { code, stdout } = await run("/usr/local/bin/crio-credential-ctl", ["doctor"]);
      assert.equal(code, 0, stdout);
      await world.push("nginx");
      await world.namespace("default", "myuser");
      const pod = { namespace: "default", name: "web" };
      const users = await world.pulledAs(
        "nginx",
        () => world.run(pod, { image: "docker.io/library/nginx" }),
      );
      assert.deepEqual(users, ["myuser"]);
      await world.untilTaken();
      return stdout + "\n" + world.journald.since(0, "").join("\n");
    },
  },
];
