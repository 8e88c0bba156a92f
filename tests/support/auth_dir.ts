/** What must hold of an auth directory whatever became of the runs that wrote to it. */

import assert from "node:assert/strict";
import type { Cluster } from "./cluster.ts";

const AUTH_FILE = /^[a-z0-9-]+-[0-9a-f]{64}\.json$/;
const TEMPORARY_FILE = /^\.auth-[0-9a-f]{16}\.tmp$/;

/** Longer than the default of `--stale-after`, in milliseconds. */
export const LONG_AGO = 2 * 3_600_000;

/**
 * Asserts that every auth file is whole JSON, and that no file is for others to see; temporary files
 * of runs that were killed may be there, and may be cut.
 *
 * @returns the temporary files' paths.
 */
export async function assertWholeFiles(directory: string): Promise<string[]> {
  const temporary: string[] = [];
  for (const { name, isFile } of await entries(directory)) {
    const path = `${directory}/${name}`;
    assert.ok(isFile, `${path} is no file`);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o7777, 0o600, `mode of ${path}`);
    if (TEMPORARY_FILE.test(name)) temporary.push(path);
    else {
      assert.match(name, AUTH_FILE);
      assert.ok(isWhole(await Deno.readTextFile(path)), `${path} is cut`);
    }
  }
  return temporary;
}

/** Lets temporary files grow old, pulls, and asserts that nothing but whole auth files is left. */
export async function assertCleanAfterNextRun(cluster: Cluster): Promise<void> {
  const { authDir } = cluster.node.settings;
  for (const path of await assertWholeFiles(authDir)) await grow(path, LONG_AGO);
  const { code, stderr } = await cluster.pull();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await assertWholeFiles(authDir), []);
  assert.ok(await cluster.authFile());
}

/** Makes a file as old as so many milliseconds, or dates it ahead. */
export async function grow(path: string, age: number): Promise<void> {
  const written = new Date(Date.now() - age);
  await Deno.utime(path, written, written);
}

async function entries(directory: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(directory));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The parser's message would quote the text, which holds credentials. */
function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
