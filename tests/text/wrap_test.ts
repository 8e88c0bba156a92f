import assert from "node:assert/strict";
import { runCtl } from "../../src/ctl/application.ts";
import { wrapLine, wrapReport } from "../../src/text/wrap.ts";
import { DEFAULT_SETTINGS } from "../../src/settings/settings.ts";
import { runCtlWith } from "../support/ctl.ts";

const LINES: readonly [line: string, columns: number, indent: number, wrapped: string[]][] = [
  ["", 10, 0, [""]],
  ["short", 10, 0, ["short"]],
  ["exactly 10", 10, 0, ["exactly 10"]],
  ["one two three", 8, 0, ["one two", "three"]],
  ["one two three", 8, 2, ["one two", "  three"]],
  ["  - one two three", 10, 4, ["  - one", "    two", "    three"]],
  ["/a/path/longer/than/that and", 10, 0, ["/a/path/longer/than/that", "and"]],
  ["ok  /a/longer/path b", 10, 4, ["ok  /a/longer/path", "    b"]],
];

for (const [line, columns, indent, wrapped] of LINES) {
  Deno.test(`${JSON.stringify(line)} in ${columns} columns is broken at words`, () => {
    assert.deepEqual(wrapLine(line, columns, indent), wrapped);
  });
}

const REPORT = [
  "WARN  registries          2 files read: no registry has mirrors, and there is nothing to do",
  "                          -> add mirrors, as with: crio-credential-ctl generate",
  "registries      [[registry]] with prefix docker.io, in the file of that name",
  "  - secret team, key mirror.example.com/hub: passed over, another host",
  "a conclusion that is longer than a terminal of forty columns is",
  "",
].join("\n");

Deno.test("what belongs to a label, an arrow or a bullet is indented like its beginning", () => {
  assert.equal(
    wrapReport(REPORT, 60),
    [
      "WARN  registries          2 files read: no registry has",
      "                          mirrors, and there is nothing to",
      "                          do",
      "                          -> add mirrors, as with:",
      "                             crio-credential-ctl generate",
      "registries      [[registry]] with prefix docker.io, in the",
      "                file of that name",
      "  - secret team, key mirror.example.com/hub: passed over,",
      "    another host",
      "a conclusion that is longer than a terminal of forty columns",
      "is",
      "",
    ].join("\n"),
  );
});

Deno.test("without a terminal, lines are left whole for grep", () => {
  assert.equal(wrapReport(REPORT, undefined), REPORT);
});

Deno.test("a terminal without width to speak of is taken for one of forty columns", () => {
  const longest = Math.max(...wrapReport(REPORT, 1).split("\n").map((line) => line.length));
  assert.ok(longest <= 60, `${longest}`);
});

/** What a command prints on a terminal of some width, or in a pipe. */
async function runOn(columns: number | undefined, args: readonly string[]): Promise<string> {
  let stdout = "";
  const process = {
    stdout: { write: (text: string) => void (stdout += text) },
    stderr: { write: () => {} },
  };
  const stdin = { isTerminal: () => true, read: () => Promise.resolve(null) };
  const context = { process, stdin, columns, cwd: Deno.cwd, settings: DEFAULT_SETTINGS };
  await runCtl(args, context, {
    version: "1.2.3",
    gitCommit: "0",
    gitCommitDate: "2026-01-02T03:04:05Z",
    bundleSha256: "0",
    dependencies: [],
  });
  return stdout;
}

Deno.test("doctor and explain are wrapped on a terminal, say the same there, and JSON is left alone", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${root}/r.conf`, `[[registry]]\nlocation = "docker.io"\n`);
    await Deno.writeTextFile(`${root}/s.json`, `{"kind": "List", "items": []}`);
    const explain = [
      "explain",
      "--image=nginx",
      "--namespace=team",
      `--secrets-file=${root}/s.json`,
      `--registries-conf=${root}/r.conf`,
      `--registries-conf-dir=${root}/none`,
    ];
    for (const args of [["doctor", "--root", root], explain]) {
      const [piped, shown] = [await runOn(undefined, args), await runOn(80, args)];
      assert.notEqual(piped, shown);
      const words = (text: string) => text.split(/\s+/);
      assert.deepEqual(words(shown), words(piped));
      for (const line of shown.split("\n")) {
        // A word that is longer stays whole.
        assert.ok(line.length <= 80 || !line.trim().includes(" "), line);
      }
      const json = [...args, "--json"];
      assert.equal(await runOn(80, json), await runOn(undefined, json));
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

for (
  const path of [
    "",
    "explain",
    "doctor",
    "generate",
    "generate kubelet-config",
    "generate rbac",
    "generate secret",
    "generate registries-conf",
    "generate machine-config",
    "generate crio-credential-provider-config",
    "completions",
    "completions bash",
  ]
) {
  Deno.test(`the help of "${path}" fits 80 columns, and each flag has its text`, async () => {
    for (const help of ["--help", "--help-all"]) {
      const words = path === "" ? [] : path.split(" ");
      const { code, stdout } = await runCtlWith([...words, help]);
      assert.equal(code, 0);
      const lines = stdout.split("\n");
      for (const line of lines) assert.ok(line.length <= 80, line);
      for (const [index, line] of lines.entries()) {
        if (!/^ {2}(?:-\w, )?--\S/.test(line)) continue;
        // Beside it, or in the next line.
        assert.match(`${line}\n${lines[index + 1]}`, / {2,}\S.* \S/);
      }
    }
  });
}
