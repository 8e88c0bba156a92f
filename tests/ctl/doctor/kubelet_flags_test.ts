import assert from "node:assert/strict";
import { findFlag, splitWords } from "../../../src/ctl/doctor/kubelet_flags.ts";

const TEXTS: readonly [name: string, text: string, words: readonly string[]][] = [
  ["a command line", "/usr/bin/kubelet\0--a=b c\0\0", ["/usr/bin/kubelet", "--a=b c"]],
  ["kubeadm's file", `KUBELET_KUBEADM_ARGS="--a=b --c=d"\n`, [
    "KUBELET_KUBEADM_ARGS=",
    "--a=b",
    "--c=d",
  ]],
  ["a file without quotes", "KUBELET_EXTRA_ARGS=--a=b\n", ["--a=b"]],
  ["comments", "# --a=b\n ; --c=d\n--e", ["--e"]],
  [
    "a unit's drop-in",
    `[Service]\nEnvironment="FLAGS=--a=b --c=d"\nExecStart=/usr/bin/kubelet \\\n  --e $FLAGS`,
    ["[Service]", "Environment=", "--a=b", "--c=d", "ExecStart=/usr/bin/kubelet", "--e", "$FLAGS"],
  ],
];

for (const [name, text, words] of TEXTS) {
  Deno.test(`${name} is split into words`, () => assert.deepEqual(splitWords(text), words));
}

const LINES: readonly [words: readonly string[], value: string | undefined][] = [
  [["--config=/a"], "/a"],
  [["--config", "/a"], "/a"],
  [["--config=/a", "--config=/b"], "/b"],
  [["--config-dir=/a"], undefined],
  [["--config="], ""],
  [["--config"], undefined],
  [["config=/a"], undefined],
];

for (const [words, value] of LINES) {
  Deno.test(`${JSON.stringify(words)} sets --config to ${value}`, () => {
    assert.equal(findFlag([{ origin: "here", words }], "config")?.value, value);
  });
}

Deno.test("of several sources the first that has the flag counts", () => {
  const sources = ["a", "b", "c"].map((origin) => ({
    origin,
    words: origin === "a" ? ["--other"] : [`--config=/${origin}`],
  }));
  assert.deepEqual(findFlag(sources, "config"), { value: "/b", origin: "b" });
});
