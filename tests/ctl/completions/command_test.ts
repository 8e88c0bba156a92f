import assert from "node:assert/strict";
import { runCtlWith } from "../../support/ctl.ts";

/** The tool's script for a shell. */
async function script(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runCtlWith(["completions", shell]);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** The lines that a shell prints with its script in a file. */
async function runShell(shell: string, args: (path: string) => string[]): Promise<string[]> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, await script(shell));
    const { code, stdout, stderr } = await new Deno.Command(shell, { args: args(path) }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  } finally {
    await Deno.remove(path);
  }
}

async function installed(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["-c", "true"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What bash offers for a line, of which the last word is completed. An equals sign is a word. */
async function offeredByBash(line: string): Promise<string[]> {
  const words = line.split(/ |(=)/).filter((word) => word !== undefined);
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const offers = await runShell("bash", (path) => [
    "--noprofile",
    "--norc",
    "-c",
    `source "$0"; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; ` +
    `$(complete -p crio-credential-ctl | sed 's/.*-F \\([^ ]*\\).*/\\1/') crio-credential-ctl; ` +
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
    path,
  ]);
  return offers.sort();
}

/** The commands and flags that the help of a command names. */
async function namedByHelp(path: readonly string[]): Promise<string[]> {
  const { stdout } = await runCtlWith([...path, "--help-all"]);
  const section = (header: string) =>
    new RegExp(`^${header}\\n((?: .*\\n?)*)`, "m").exec(stdout)?.[1]?.split("\n") ?? [];
  const flags = section("FLAGS").flatMap((line) =>
    /^ {2}(?:-\w, )?(--[\w/-]+)/.exec(line)?.[1]?.split("/") ?? []
  );
  const commands = section("COMMANDS").flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []);
  // That there is more help is for people.
  return [...new Set([...commands, ...flags])].filter((word) => word !== "--help-all").sort();
}

/** The commands, from the tool itself down. */
async function commandsBelow(path: readonly string[]): Promise<string[]> {
  const below = (await namedByHelp(path)).filter((word) => !word.startsWith("--"));
  const deeper = await Promise.all(below.map((word) => commandsBelow([...path, word])));
  return [path.join(" "), ...deeper.flat()];
}

const COMMANDS = await commandsBelow([]);

Deno.test("the commands are found by their help", () => {
  for (const command of ["", "generate rbac", "doctor", "completions fish"]) {
    assert.ok(COMMANDS.includes(command), command);
  }
});

const VALUES: readonly [line: string, offers: readonly string[]][] = [
  ["generate kubelet-config --platform ", ["aws", "azure", "gcp", "none"]],
  ["generate kubelet-config --platform=", ["aws", "azure", "gcp", "none"]],
  ["generate kubelet-config --platform=a", ["aws", "azure"]],
  ["generate kubelet-config --from x --platform g", ["gcp"]],
  ["generate machine-config --ignition ", ["3.4", "3.5"]],
  ["generate crio-credential-provider-config --api-version ", ["v1", "v1alpha1"]],
  ["doctor --log-level ", ["debug", "error", "info", "warn"]],
  ["doctor --log-format t", ["text"]],
  ["doctor --secret-types ", ["kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"]],
  ["doctor --root /etc/os-rel", ["/etc/os-release"]],
  ["doctor --root=/etc/os-rel", ["/etc/os-release"]],
  ["generate rbac --namespace ", []],
  ["generate secret --name rbac --re", ["--registry"]],
  ["gen", ["generate"]],
  ["doctor --log-", ["--log-format", "--log-level"]],
  ["generate kubelet-config --no", ["--no-env"]],
  ["completions ", ["--help", "bash", "fish", "zsh"]],
];

if (await installed("bash")) {
  for (const command of COMMANDS) {
    Deno.test(`bash offers what the help of "${command}" names`, async () => {
      const words = command === "" ? [] : command.split(" ");
      const named = await namedByHelp(words);
      assert.ok(named.includes("--help"));
      const offered = await offeredByBash(["crio-credential-ctl", ...words, ""].join(" "));
      assert.deepEqual(offered.filter((word) => word !== "--version-json"), named);
    });
  }

  for (const [line, offers] of VALUES) {
    Deno.test(`bash completes "${line}"`, async () => {
      assert.deepEqual(await offeredByBash(`crio-credential-ctl ${line}`), offers);
    });
  }
}

if (await installed("fish")) {
  for (const [line, offers] of VALUES) {
    Deno.test(`fish completes "${line}"`, async () => {
      const found = await runShell("fish", (path) => [
        "--no-config",
        "-c",
        `source ${path}; complete -C 'crio-credential-ctl ${line}'`,
      ]);
      // fish names the flag with the value, and offers flags only behind a hyphen.
      const words = found.map((each) => each.split("\t")[0]?.replace(/^--[\w-]+=/, ""));
      const wanted = line.trimEnd().endsWith("-") || !line.endsWith(" ")
        ? offers
        : offers.filter((word) => !word.startsWith("--"));
      assert.deepEqual(words.sort(), wanted);
    });
  }
}

if (await installed("zsh")) {
  Deno.test("zsh can read its script", async () => {
    assert.deepEqual(await runShell("zsh", (path) => ["-n", path]), []);
  });
}

Deno.test("each script is for its own shell and names every command", async () => {
  const scripts = await Promise.all(["bash", "zsh", "fish"].map(script));
  assert.deepEqual(scripts.map((text) => text.split("\n", 1)[0]?.slice(0, 30)), [
    "# bash completion for crio-cre",
    "#compdef crio-credential-ctl",
    "# fish completion for crio-cre",
  ]);
  for (const text of scripts) {
    for (const command of COMMANDS) {
      assert.ok(text.includes(`/${command.replace(" ", "/")}`), command);
    }
  }
});

Deno.test("a shell that there is no script for is wrong usage", async () => {
  const { code, stdout } = await runCtlWith(["completions", "csh"]);
  assert.deepEqual([code, stdout], [2, ""]);
});
