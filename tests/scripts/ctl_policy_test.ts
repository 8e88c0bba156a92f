import assert from "node:assert/strict";
import { buildCtl } from "../../scripts/build_ctl.ts";
import { startedWith } from "../support/ctl.ts";

const POLICY = new URL("../../fixtures/policy/crio-credential-ctl.json", import.meta.url);

/** A command line for each way in which a command's sandbox comes about. */
const COMMANDS: readonly (readonly string[])[] = [
  ["--version"],
  ["completions", "bash"],
  ["generate", "rbac", "--all-nodes"],
  ["generate", "kubelet-config", "--match-image", "docker.io", "--merge", "/given.yaml"],
  ["generate", "kubelet-config", "--from", "/given.yaml"],
  ["generate", "install", "--release", "/given", "--settings", "/given.jsonc", "--out", "/made"],
  ["generate", "rbac", "--all-nodes", "--out", "/made"],
  ["explain", "--image", "docker.io/library/nginx", "--token-file", "/given.token"],
  ["explain", "--image", "nginx", "--namespace", "n", "--secrets-file", "/given.json"],
  ["explain", "--apiserver", "given.example.com:6443"],
  ["policy", "--settings", "/given.jsonc"],
  ["policy", "--settings", "-"],
  ["audit", "/given"],
  ["audit", "--json", "/given"],
  ["audit", "--policy", "/given.json", "/given"],
  ["bind", "/given", "--out", "/made", "--settings", "/given.jsonc", "--auth-dir", "/not/given"],
  ["bind", "--out=/made", "--timeout=20s", "/given"],
  ["bind", "/given", "--in-place", "--log-level", "debug"],
  ["bind", "--in-place", "/given"],
  ["bind", "--show", "/given"],
  ["doctor"],
  ["doctor", "--root", "/given"],
  ["doctor", "--root", "/given", "--roles", "/given.yaml"],
  ["doctor", "--root", "/given", "--roles", "-"],
  ["doctor", "--config", "/given.yaml", "--plugin", "/given"],
];

Deno.test("the operator's tool may do, command by command, what the checked-in policy says", async () => {
  const out = await Deno.makeTempDir();
  try {
    const ctl = await buildCtl({ out });
    const policy: Record<string, string[]> = {};
    for (const args of COMMANDS) {
      const words = await startedWith(ctl, args);
      const flags = words.filter((word) => /^--(?:allow|deny)-(?!import)/.test(word));
      policy[args.join(" ")] = flags.flatMap((flag) => {
        const [name = "", targets = ""] = flag.split("=", 2);
        return targets.split(",").map((target) => `${name.slice(2)} ${target}`);
      });
      const kinds = args[0] === "bind" || args[1] === "install"
        ? /^--allow-(?:read|write)=\S/
        : /^--allow-(?:read|net)=\S/;
      for (const flag of flags) assert.match(flag, kinds);
    }
    assert.equal(
      `${JSON.stringify(policy, null, 2)}\n`,
      await Deno.readTextFile(POLICY).catch(() => ""),
      "review the difference, then put what was found into fixtures/policy/crio-credential-ctl.json",
    );
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
