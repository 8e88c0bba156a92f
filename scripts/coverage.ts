/**
 * Which lines and branches of the programs the tests run in their own process. Tests of the built
 * artifact run it as a child process, of which nothing is counted; so they are left out.
 *
 * What is not covered needs a reason in tests/coverage_reasons.json, or the task fails.
 */

import { explain, findUncovered, parseReasons, parseTracefile } from "./support/coverage_report.ts";
import { DIST, PROJECT } from "./support/project.ts";

const OUT = `${DIST}/coverage`;
const REASONS = `${PROJECT}/tests/coverage_reasons.json`;

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Runs a command of Deno; its output is shown only when it fails. */
async function deno(...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: PROJECT,
    // Nothing is counted in an executable: the operator's tool runs in the tests' process, too.
    env: { NO_COLOR: "1", FORM: "script" },
  }).output();
  if (success) return;
  Deno.stdout.writeSync(stdout);
  Deno.stderr.writeSync(stderr);
  Deno.exit(1);
}

/** The programs' own files, relative to the project. */
async function listSources(directory = "src"): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${PROJECT}/${directory}`)) {
    const path = `${directory}/${name}`;
    if (isDirectory) paths.push(...await listSources(path));
    else if (name.endsWith(".ts")) paths.push(path);
  }
  return paths.sort();
}

function percent(counts: readonly boolean[]): string {
  const hit = counts.filter((count) => count).length;
  const share = counts.length === 0 ? 100 : 100 * hit / counts.length;
  return `${share.toFixed(1).padStart(5)} % ${`${hit}/${counts.length}`.padStart(9)}`;
}

function at(line: number, code: string): string {
  return line === 0 ? "" : `:${line}: ${code}`;
}

await Deno.remove(OUT, { recursive: true }).catch(() => {});
await Deno.mkdir(OUT, { recursive: true });
await deno(
  "test",
  "--allow-all",
  "--parallel",
  `--coverage=${OUT}/profile`,
  "--ignore=tests/artifact,tests/e2e,tests/faults,tests/reliability,tests/docs_test.ts",
  "tests",
);
const tracefile = `${OUT}/lcov.info`;
const include = `--include=^file://${PROJECT}/src/`;
await deno("coverage", "--lcov", include, `--output=${tracefile}`, `${OUT}/profile`);

const records = parseTracefile(await Deno.readTextFile(tracefile))
  .map((file) => ({ ...file, path: file.path.slice(PROJECT.length + 1) }));
const sources = await listSources();
const width = Math.max(...sources.map((path) => path.length));
print(`${"".padEnd(width)}  ${"lines".padStart(17)}  ${"branches".padStart(17)}`);
const uncovered = [];
const allLines: boolean[] = [], allBranches: boolean[] = [];
for (const path of sources) {
  const file = records.find((record) => record.path === path);
  if (file === undefined) {
    print(`${path.padEnd(width)}  no test loads it`);
    uncovered.push({ path, line: 0, code: "" });
    continue;
  }
  const lines = [...file.lines.values()].map((count) => count > 0);
  const branches = file.branches.map(([, taken]) => taken);
  allLines.push(...lines);
  allBranches.push(...branches);
  print(`${path.padEnd(width)}  ${percent(lines)}  ${percent(branches)}`);
  uncovered.push(...findUncovered(file, await Deno.readTextFile(`${PROJECT}/${path}`)));
}
print(`${"all that is loaded".padEnd(width)}  ${percent(allLines)}  ${percent(allBranches)}`);

const reasons = parseReasons(await Deno.readTextFile(REASONS), REASONS);
const { explained, unexplained, needless } = explain(uncovered, reasons);
for (const [reason, places] of explained) {
  print(`\nNot covered: ${reason}`);
  for (const { path, line, code } of places) print(`  ${path}${at(line, code)}`);
}
if (needless.length > 0) print(`\nReasons that this run did not need:`);
for (const entry of needless) print(`  ${entry}`);
if (unexplained.length > 0) {
  print(`\nNot covered, and no reason in tests/coverage_reasons.json:`);
  for (const { path, line, code } of unexplained) print(`  ${path}${at(line, code)}`);
  Deno.exit(1);
}
