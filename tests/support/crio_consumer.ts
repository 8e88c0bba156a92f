/** Takes auth files as CRI-O does. */

import assert from "node:assert/strict";

/** A file that was taken. */
export interface TakenAuthFile {
  readonly text: string;
  /** The parsed JSON. */
  readonly authFile: unknown;
}

/**
 * Takes the auth file of a pull: renames it into `in-use` under a unique name, reads it, deletes
 * it.
 *
 * @returns `undefined` if there is none.
 * @throws {assert.AssertionError} if it is not whole JSON, or not for its owner's eyes only.
 */
export async function takeAuthFile(
  authDir: string,
  namespace: string,
  image: string,
): Promise<TakenAuthFile | undefined> {
  const inUse = `${authDir}/in-use/${crypto.randomUUID()}.json`;
  try {
    await makeDirectory(`${authDir}/in-use`);
    await Deno.rename(`${authDir}/${await authFileName(namespace, image)}`, inUse);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const { mode } = await Deno.stat(inUse);
    assert.equal(((mode ?? 0) & 0o7777).toString(8), "600", "mode of the auth file");
    const text = await Deno.readTextFile(inUse);
    return { text, authFile: parse(text) };
  } finally {
    await Deno.remove(inUse);
  }
}

/**
 * The name CRI-O looks for.
 *
 * @param image exactly as the kubelet's request has it.
 */
export async function authFileName(namespace: string, image: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(image));
  return `${namespace}-${new Uint8Array(digest).toHex()}.json`;
}

/** Leaves it to the plugin to make the directory above. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The text holds credentials and the parser's message would quote it.
    assert.fail(`the auth file of ${text.length} characters is not whole JSON`);
  }
}
