/**
 * Which lines and branches of the programs the tests run in their own process. Tests of the built
 * artifact run it as a child process, of which nothing is counted; so they are left out.
 *
 * What no test runs needs a comment of Deno's in the source that says why, or the task fails. It fails,
 * too, where such a comment gives no reason, and where the tests run what it is for.
 */

import {
  type FileCoverage,
  findStale,
  findUncovered,
  parseTracefile,
  readExceptions,
  withoutExceptions,
} from "./support/coverage_report.ts";
import { writeAll } from "../src/process/write_all.ts";
import { print } from "./support/print.ts";
import { DIST, PROJECT } from "./support/project.ts";

const OUT = `${DIST}/coverage`;
/** The sources again, with comments that Deno does not obey, for a second report of the same run. */
const COPY = `${OUT}/copy`;

/** Runs a command of Deno; its output is shown only when it fails. */
async function deno(cwd: string, ...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    // Nothing is counted in an executable: the operator's tool runs in the tests' process, too.
    env: { NO_COLOR: "1", FORM: "script" },
  }).output();
  if (success) return;
  writeAll(Deno.stdout, stdout);
  writeAll(Deno.stderr, stderr);
  Deno.exit(1);
}

/** The files below a directory of the project, relative to the project. */
async function listFiles(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${PROJECT}/${directory}`)) {
    const path = `${directory}/${name}`;
    if (isDirectory) paths.push(...await listFiles(path));
    else paths.push(path);
  }
  return paths.sort();
}

/** What Deno reports of the profiles, by path relative to the directory that `src` is in. */
async function report(directory: string, profile: string): Promise<Map<string, FileCoverage>> {
  const tracefile = `${profile}.lcov`;
  const include = `--include=^file://${directory}/src/`;
  await deno(directory, "coverage", "--lcov", include, `--output=${tracefile}`, profile);
  const files = parseTracefile(await Deno.readTextFile(tracefile));
  return new Map(files.map((file) => [file.path.slice(directory.length + 1), file]));
}

/** Makes the copy, and of each profile one that names the copy's files. */
async function copySources(profile: string, copiedProfile: string): Promise<void> {
  for (const path of ["deno.json", "deno.lock", ...await listFiles("src")]) {
    const source = await Deno.readTextFile(`${PROJECT}/${path}`);
    await Deno.mkdir(`${COPY}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${COPY}/${path}`, withoutExceptions(source));
  }
  // What Deno made of the TypeScript is needed to find a line by its place in the profile.
  const programs = (await listFiles("src")).filter((path) => path.endsWith(".ts"));
  await deno(COPY, "cache", ...programs);
  await Deno.mkdir(copiedProfile);
  const [from, to] = [`"url": "file://${PROJECT}/src/`, `"url": "file://${COPY}/src/`];
  for await (const { name } of Deno.readDir(profile)) {
    const text = await Deno.readTextFile(`${profile}/${name}`);
    if (text.includes(from)) {
      await Deno.writeTextFile(`${copiedProfile}/${name}`, text.replace(from, to));
    }
  }
}

function percent(counts: readonly boolean[]): string {
  const hit = counts.filter((count) => count).length;
  const share = counts.length === 0 ? 100 : 100 * hit / counts.length;
  return `${share.toFixed(1).padStart(5)} % ${`${hit}/${counts.length}`.padStart(11)}`;
}

await Deno.remove(OUT, { recursive: true }).catch(() => {});
await Deno.mkdir(OUT, { recursive: true });
const [profile, copiedProfile] = [`${OUT}/profile`, `${OUT}/copied-profile`];
await deno(
  PROJECT,
  "test",
  "--allow-all",
  "--parallel",
  `--coverage=${profile}`,
  "--coverage-raw-data-only",
  "--ignore=tests/artifact,tests/e2e,tests/faults,tests/reliability,tests/docs_test.ts",
  "tests",
);
await copySources(profile, copiedProfile);
const [unexplained, all] = [await report(PROJECT, profile), await report(COPY, copiedProfile)];

const sources = (await listFiles("src")).filter((path) => path.endsWith(".ts"));
const width = Math.max(...sources.map((path) => path.length));
print(`${"".padEnd(width)}  ${"lines".padStart(19)}  ${"branches".padStart(19)}`);
const faults: string[] = [];
const allLines: boolean[] = [], allBranches: boolean[] = [];
for (const path of sources) {
  const source = await Deno.readTextFile(`${PROJECT}/${path}`);
  const text = source.split("\n");
  const { exceptions, faults: found } = readExceptions(source);
  const file = all.get(path);
  const stale = findStale(exceptions, file && findUncovered(file, source));
  for (const { line, problem } of [...found, ...stale]) faults.push(`${path}:${line}: ${problem}`);
  if (file === undefined) {
    print(`${path.padEnd(width)}  no test loads it`);
    if (!exceptions.some(({ lines }) => lines === undefined)) {
      faults.push(`${path}: no test loads it, and no comment says why`);
    }
    continue;
  }
  const lines = [...file.lines.values()].map((count) => count > 0);
  const branches = file.branches.map(([, taken]) => taken);
  allLines.push(...lines);
  allBranches.push(...branches);
  print(`${path.padEnd(width)}  ${percent(lines)}  ${percent(branches)}`);
  const left = unexplained.get(path);
  for (const line of left === undefined ? [] : findUncovered(left, source)) {
    faults.push(`${path}:${line}: not run, and no comment says why: ${text[line - 1]?.trim()}`);
  }
}
print(`${"all that is loaded".padEnd(width)}  ${percent(allLines)}  ${percent(allBranches)}`);

if (faults.length > 0) {
  print(`\nTo correct:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  Deno.exit(1);
}
