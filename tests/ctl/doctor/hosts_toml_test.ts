import assert from "node:assert/strict";
import { checkMatchedRegistries } from "../../../src/ctl/doctor/hosts_toml.ts";

Deno.test("a directory whose name is no host's keeps no other from being compared with matchImages", () => {
  const found = ["a b", "a:b:c", "quay.io", "docker.io"].map((name) => ({
    root: "/etc/containerd/certs.d",
    name,
    text: "",
  }));
  const checks = checkMatchedRegistries(["docker.io"], found);
  assert.deepEqual(checks.map(({ status, found }) => `${status} ${found}`), [
    "warn quay.io has a hosts.toml, and no entry covers it",
  ]);
});
